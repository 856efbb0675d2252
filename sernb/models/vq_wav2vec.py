"""vq-wav2vec (Baevski et al. 2020): waveform → latent vectors at 100 Hz → codewords, from the published checkpoint.

Only what gives features is here: the convolutional encoder and the quantiser as at inference. The context network of
the checkpoint is left unread. Names of modules are fairseq's, so that its weights fit as they are.
"""

import argparse
import ast

import torch
from torch import nn
from torch.nn import functional as F

from .checkpoints import AGAIN, Refused, fitting, unpack

RATE = 16_000  # Hz
#: (channels, kernel, stride): together one frame every 160 samples that sees 465.
LAYERS = (
    (512, 10, 5),
    (512, 8, 4),
    (512, 4, 2),
    (512, 4, 2),
    (512, 4, 2),
    (512, 1, 1),
    (512, 1, 1),
    (512, 1, 1),
)
CHANNELS, FIELD = 512, 465
#: Parts of a checkpoint that are not needed here.
LEFT_OUT = ("feature_aggregator.", "wav2vec_predictions.", "project_features.")
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


class GroupNorm(nn.GroupNorm):
    """Group norm over an utterance's own frames: x (B, C, T), frames (B,) → (B, C, T), in fp32.

    fairseq's sees padding too, so that its features depend on the batch; ours equal its features of the utterance alone.
    """

    def forward(self, x, frames):
        x = x.float().unflatten(1, (self.num_groups, -1))  # (B, G, C / G, T)
        valid = (torch.arange(x.shape[3], device=x.device) < frames[:, None])[:, None, None]
        count = frames[:, None, None, None] * x.shape[2]
        mean = torch.where(valid, x, 0).sum((2, 3), keepdim=True) / count
        variance = torch.where(valid, x - mean, 0).square().sum((2, 3), keepdim=True) / count
        x = ((x - mean) * (variance + self.eps).rsqrt()).flatten(1, 2)
        return x * self.weight[:, None] + self.bias[:, None]


class Encoder(nn.Module):
    """Eight convolutions, each with group norm and activation, then log(1 + |x|) where the checkpoint has it.

    Shape: waveforms (B, samples), lengths (B,) → z (B, 512, T), frames (B,); zero past each end. Shorter than one
    field (465 samples) is zero-padded to that, one frame.
    """

    def __init__(self, activation: str, log_compression: bool):
        super().__init__()
        self.conv_layers, channels = nn.ModuleList(), 1
        for out, kernel, stride in LAYERS:
            convolution = nn.Conv1d(channels, out, kernel, stride, bias=False)
            # fairseq's second module is dropout, without weights.
            self.conv_layers.append(nn.ModuleList([convolution, nn.Identity(), GroupNorm(1, out)]))
            channels = out
        self.activation, self.log_compression = ACTIVATIONS[activation](), log_compression

    def forward(self, waves, lengths):
        x = F.pad(waves, (0, max(FIELD - waves.shape[1], 0)))[:, None]
        inside = torch.arange(x.shape[2], device=x.device) < lengths[:, None]
        x, frames = torch.where(inside[:, None], x, 0), lengths.clamp(min=FIELD)
        for (convolution, _, norm), (_, kernel, stride) in zip(self.conv_layers, LAYERS, strict=True):
            frames = (frames - kernel) // stride + 1
            x = self.activation(norm(convolution(x), frames))
        x = (1 + x.abs()).log() if self.log_compression else x
        return torch.where(
            (torch.arange(x.shape[2], device=x.device) < frames[:, None])[:, None], x, 0
        ), frames


class GumbelQuantiser(nn.Module):
    """Logits a group and frame; the largest chooses the codeword (the Gumbel noise belongs to its training).

    Shape: z (B, 512, T), frames (B,) → codewords (B, 512, T), codes (B, T, groups) int64.
    """

    def __init__(self, groups: int, codes: int, depth: int, shared: bool, activation: str):
        super().__init__()
        self.groups, self.codes = groups, codes
        self.vars = nn.Parameter(torch.empty(1, codes * (1 if shared else groups), CHANNELS // groups))
        if depth == 1:
            self.weight_proj = nn.Linear(CHANNELS, groups * codes)
        else:
            sizes, activation = [CHANNELS] + [2 * CHANNELS] * (depth - 1), ACTIVATIONS[activation]
            blocks = [
                nn.Sequential(nn.Linear(a, b), activation()) for a, b in zip(sizes, sizes[1:], strict=False)
            ]
            self.weight_proj = nn.Sequential(*blocks, nn.Linear(2 * CHANNELS, groups * codes))

    def forward(self, z, frames):
        chosen = self.weight_proj(z.transpose(1, 2)).unflatten(2, (self.groups, self.codes)).argmax(3)
        book = self.vars[0].unflatten(0, (-1, self.codes)).expand(self.groups, -1, -1)
        words = [book[g][chosen[..., g]] for g in range(self.groups)]  # each (B, T, 512 / groups)
        return torch.cat(words, 2).transpose(1, 2), chosen


class KMeansQuantiser(nn.Module):
    """The nearest codeword (Euclidean) to each group's share of the projected vector.

    Shape: z (B, 512, T), frames (B,) → codewords (B, 512, T), codes (B, T, groups) int64.
    """

    def __init__(self, groups: int, codes: int, shared: bool):
        super().__init__()
        self.groups = groups
        self.embedding = nn.Parameter(torch.empty(codes, 1 if shared else groups, CHANNELS // groups))
        convolution = nn.Conv1d(CHANNELS, CHANNELS, 1, groups=groups, bias=False)
        self.projection = nn.ModuleList([convolution, GroupNorm(groups, CHANNELS)])

    def forward(self, z, frames):
        z = self.projection[1](self.projection[0](z), frames)
        shares = z.transpose(1, 2).unflatten(2, (self.groups, -1))  # (B, T, groups, 512 / groups)
        book = self.embedding.expand(-1, self.groups, -1)
        chosen = [torch.cdist(shares[:, :, g], book[:, g]).argmin(2) for g in range(self.groups)]
        words = [book[chosen[g], g] for g in range(self.groups)]
        return torch.cat(words, 2).transpose(1, 2), torch.stack(chosen, 2)


class VQWav2Vec(nn.Module):
    """Waveforms (B, samples) at 16 kHz in [-1, 1), lengths (B,) → z (B, 512, T), frames (B,): the latent vectors.

    `quantise(z, frames)` gives codewords (B, 512, T) and codes (B, T, groups). An utterance's z does not depend on what
    it was batched with.
    """

    def __init__(
        self, quantiser="gumbel", groups=2, codes=320, depth=2, shared=False, activation="relu", log_compression=True
    ):  # fmt: skip
        super().__init__()
        self.feature_extractor = Encoder(activation, log_compression)
        self.vector_quantizer = (
            GumbelQuantiser(groups, codes, depth, shared, activation)
            if quantiser == "gumbel"
            else KMeansQuantiser(groups, codes, shared)
        )

    def forward(self, waves, lengths):
        return self.feature_extractor(waves, lengths)

    def quantise(self, z, frames):
        return self.vector_quantizer(z, frames)


_ADVICE = f"vq-wav2vec's weights are published with fairseq (examples/wav2vec). {AGAIN}"


def load(path) -> VQWav2Vec:
    """The model of a published fairseq checkpoint (vq-wav2vec.pt or vq-wav2vec_kmeans.pt), on the CPU, in eval mode.

    Nothing in the file is executed: tensors, plain values and an argparse.Namespace are all that is unpacked. Raises
    FileNotFoundError, or Refused naming the file and what is wrong with it: not a checkpoint or cut off, an object
    that is not allowed, a setting that is not vq-wav2vec's, a weight that is missing, unexpected or of another shape.
    """
    content = unpack(path, [argparse.Namespace], _ADVICE)
    for part, kinds in (("args", (argparse.Namespace, dict)), ("model", (dict,))):
        if not isinstance(content, dict) or not isinstance(content.get(part), kinds):
            raise Refused(
                f"{path}: not a fairseq checkpoint: expected a dictionary with the settings 'args' and the weights "
                f"'model', found {_short(list(content)) if isinstance(content, dict) else type(content).__name__}. {_ADVICE}"
            )
    args = content["args"] if isinstance(content["args"], dict) else vars(content["args"])
    with torch.device("meta"):  # every weight comes from the file
        model = VQWav2Vec(**_settings(args, path))
    model.load_state_dict(_weights(content["model"], model, path), assign=True)
    return model.eval()


def _settings(args: dict, path) -> dict:
    """VQWav2Vec's arguments from fairseq's, each checked."""

    def setting(name, choices, convert=lambda value: value):
        value = args.get(name)
        try:
            known = isinstance(value, (str, int, type(None))) and convert(value) in choices
        except (TypeError, ValueError, SyntaxError):  # not a list of layers
            known = False
        if not known:
            raise Refused(
                f"{path}: setting {name} is {_short(value)}, expected {_short(choices)}: not vq-wav2vec. {_ADVICE}"
            )
        return convert(value)

    def layers(text):
        return tuple(tuple(layer) for layer in ast.literal_eval(text[:500]))

    setting("conv_feature_layers", (LAYERS,), layers)
    setting("skip_connections_feat", (False,))
    setting("non_affine_group_norm", (False, None))  # younger than the first checkpoints
    quantiser = setting("vq_type", ("gumbel", "kmeans"))
    setting("vq_dim", (0, CHANNELS, None))
    return {
        "quantiser": quantiser,
        "groups": setting("vq_groups", (1, 2, 4, 8)),
        "codes": setting("vq_vars", range(2, 4097)),
        "depth": setting("vq_depth", (1, 2, 3)) if quantiser == "gumbel" else 1,
        "shared": setting("combine_groups", (False, True)),
        "activation": setting("activation", tuple(ACTIVATIONS)),
        "log_compression": setting("log_compression", (False, True)),
    }


def _weights(found: dict, model: nn.Module, path) -> dict:
    """The weights that the model needs, in float32, each name and shape checked."""
    read = {
        name: value
        for name, value in found.items()
        if not (isinstance(name, str) and name.startswith(LEFT_OUT))
    }
    expected = {name: (tuple(p.shape), torch.float32) for name, p in model.state_dict().items()}
    return fitting(path, read, expected, "vq-wav2vec", _ADVICE)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) < 200 else text[:200] + " …"
