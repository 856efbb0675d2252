"""Self-supervised encoders: HuBERT, WavLM and wav2vec 2.0 of transformers, whose features never depend on the batch.

An encoder has two halves. The convolutional front end turns waveforms into 512 channels (in the small ones fewer) at
50 Hz; the transformer makes contextual features of them. The front end of the base models normalises every channel over
time, so that zeros that pad an utterance change all of its features; here the statistics are those of the
utterance's own samples, and padding changes nothing.
"""

import contextlib
import math
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from torch import nn
from transformers.utils import cached_file

from . import checkpoints
from .checkpoints import Refused

RATE, HOP, FIELD = 16_000, 320, 400  # Hz; samples between two frames, and samples that one frame sees
MODELS = {
    "hubert": transformers.HubertModel,
    "wavlm": transformers.WavLMModel,
    "wav2vec2": transformers.Wav2Vec2Model,
}
#: What weights may lack: the vector that stands for a masked frame, which only masking needs.
OPTIONAL = {"masked_spec_embed"}


class SelfSupervised(nn.Module):
    """An encoder: waveforms (B, T) at 16 kHz and lengths (B,) → features (B, frames, width), frames (B,).

    A frame sees 400 samples and they are 320 apart: an utterance of T samples has ⌊(T − 400) / 320⌋ + 1 of them. With
    `standardise`, waveforms have zero mean and unit variance over their own samples first, as some models expect.
    """

    def __init__(self, model: nn.Module, standardise: bool = False):
        super().__init__()
        self.model, self.standardise = model, standardise
        self.width, self.channels = model.config.hidden_size, model.config.conv_dim[-1]
        self.layers = model.config.num_hidden_layers
        self.field = self.hop = 1  # samples that a frame sees, and between two frames
        for kernel, stride in zip(model.config.conv_kernel, model.config.conv_stride, strict=True):
            self.field, self.hop = self.field + (kernel - 1) * self.hop, self.hop * stride

    def frames(self, lengths: torch.Tensor) -> torch.Tensor:
        """Frames of so many samples; at least one (a shorter waveform is padded with zeros to one frame)."""
        for kernel, stride in zip(self.model.config.conv_kernel, self.model.config.conv_stride, strict=True):
            lengths = (lengths - kernel) // stride + 1
        return lengths.clamp(min=1)

    def front(self, waves, lengths):
        """The convolutional half: (B, T), lengths (B,) → (B, channels, frames), frames (B,). Zero past each end.

        Convolutions are not padded: a frame inside an utterance sees its own samples only. What remains are the
        normalisations over time, computed over the utterance's own outputs of the layer before.
        """
        least = self.field
        if waves.shape[1] < least:
            waves = nn.functional.pad(waves, (0, least - waves.shape[1]))
        lengths = lengths.clamp(min=least)
        frames = self.frames(lengths)
        x, inside = waves, _inside(lengths, waves.shape[1])
        if self.standardise:
            x = _standardised(x, inside, lengths, 1e-7)
        x = x[:, None]  # (B, 1, T)
        layers = self.model.feature_extractor.conv_layers
        shapes = zip(layers, self.model.config.conv_kernel, self.model.config.conv_stride, strict=True)
        for layer, kernel, stride in shapes:
            lengths = (lengths - kernel) // stride + 1
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):  # one group a channel: statistics over time
                x = layer.conv(x)
                inside = _inside(lengths, x.shape[2])[:, None]
                x = _standardised(x.float(), inside, lengths[:, None], norm.eps)
                x = layer.activation(x * norm.weight[:, None] + norm.bias[:, None])
            else:
                x = layer(x)
        return x * _inside(frames, x.shape[2])[:, None], frames

    def transform(self, x, frames, mask=None, layer: int | None = None):
        """The transformer half: front-end features (B, channels, width) → (B, width, features).

        `mask` (B, width) bool: frames replaced by the model's mask vector. `layer` is an index of `hidden_states`;
        without it, the model's output. What lies past an utterance's end means nothing.
        """
        return self._output(x, frames, mask) if layer is None else self.hidden_states(x, frames, mask)[layer]

    def hidden_states(self, x, frames, mask=None) -> list[torch.Tensor]:
        """transformers' `hidden_states`: L + 1 times (B, width, features); 0 is what enters the first block."""
        blocks = self.model.encoder.layers
        found = []
        handles = [blocks[0].register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))]
        handles += [
            b.register_forward_hook(lambda _, __, output: found.append(_first(output))) for b in blocks
        ]
        try:
            self._output(x, frames, mask)
        finally:
            for handle in handles:
                handle.remove()
        return found

    def _output(self, x, frames, mask):
        hidden = _first(self.model.feature_projection(x.float().transpose(1, 2)))
        if mask is not None:
            hidden = torch.where(mask[..., None], self.model.masked_spec_embed.to(hidden.dtype), hidden)
        inside = _inside(frames, hidden.shape[1]).bool()
        return self.model.encoder(hidden, attention_mask=None if inside.all() else inside)[0]

    def forward(self, waves, lengths, layer: int | None = None):
        x, frames = self.front(waves, lengths)
        return self.transform(x, frames, layer=layer), frames

    def freeze_front(self) -> None:
        """The convolutional half keeps its weights in every training that follows."""
        self.model.feature_extractor.requires_grad_(False)


def load(source: str, architecture: str | None = None) -> SelfSupervised:
    """A pre-trained encoder by hub name or local directory, in float32. Nothing that comes with it is executed.

    Raises FileNotFoundError where `source` is a path to nothing, and Refused where it is another architecture (than
    `architecture`, or than any of MODELS), where a file is damaged, or where its weights do not fit its configuration:
    one that lacks a block, or belongs to another model. Files of this format have no checksum: that a number in one
    changed to another is not seen.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir() and (folder.exists() or folder.is_absolute() or len(folder.parts) > 2):
        found = "is a file" if folder.exists() else "there is no such directory"
        raise FileNotFoundError(f"{source}: {found}. {_ADVICE}")
    with _naming(source):
        kind = _checked(source, transformers.PretrainedConfig.get_config_dict(source)[0], architecture)
        config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        if config.mask_time_prob == 0:
            # Else there is no mask vector; how much is masked is not decided here.
            config.mask_time_prob = 0.05
        if folder.is_dir():
            _check_files(folder)
        model, info = MODELS[kind].from_pretrained(
            source, config=config, dtype=torch.float32, output_loading_info=True, weights_only=True,
            attn_implementation="sdpa" if MODELS[kind]._supports_sdpa else "eager",  # not what the configuration says
        )  # fmt: skip
        _refuse_other_weights(source, kind, model, info)
        # Those of a .bin lie in the file itself: overwritten during a training, it would change them.
        model.load_state_dict(
            {name: value.clone() for name, value in model.state_dict().items()}, assign=True
        )
        encoder = SelfSupervised(model, _standardises(source, config))
    if (encoder.hop, encoder.field) != (HOP, FIELD):
        found = f"{encoder.field} samples, {encoder.hop} apart"
        raise Refused(
            f"{source}: a frame sees {found}; expected {FIELD} samples, {HOP} apart, as in HuBERT. {_ADVICE}"
        )
    return encoder


_ADVICE = (
    "Expected a directory, or a name of the hub, with config.json and the model.safetensors or pytorch_model.bin that "
    "belongs to it; fetch them again."
)
_SIZES = ("hidden_size", "num_attention_heads", "intermediate_size", "num_conv_pos_embeddings", "num_conv_pos_embedding_groups")  # fmt: skip


@contextlib.contextmanager
def _naming(source):
    """Whatever is raised inside the `with` becomes Refused, naming the source."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # transformers lets through whatever its parts raise
        raise Refused(
            f"{source}: no encoder can be loaded from it ({checkpoints.reason(error)}). {_ADVICE}"
        ) from error


def _checked(source, config: dict, architecture) -> str:
    """The kind of model that a configuration describes; refuses others, and sizes that would fill any memory."""
    kind, wanted = config.get("model_type"), [architecture] if architecture else list(MODELS)
    if kind not in wanted or kind not in MODELS:
        raise Refused(f"{source}: a model of type {kind!r}, expected {' or '.join(wanted)}. {_ADVICE}")
    limits = {"num_hidden_layers": 100, **dict.fromkeys(_SIZES, 2**16)}
    for name, most in limits.items():
        if name in config and not (isinstance(config[name], int) and 1 <= config[name] <= most):
            raise Refused(
                f"{source}: config.json has {name} {config[name]!r}, expected a number from 1 to {most}. {_ADVICE}"
            )
    return kind


def _check_files(folder):
    """Refuse what transformers would take as it is: a damaged archive, and weights that are no fractions."""
    kinds = {}
    for file in folder.glob("pytorch_model*.bin"):
        found = checkpoints.unpack(file, advice=_ADVICE)
        kinds |= {
            (file, str(v.dtype)): v.is_floating_point() for v in found.values() if isinstance(v, torch.Tensor)
        }
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as weights:
            for name in weights.keys():
                kind = weights.get_slice(name).get_dtype()
                kinds[file, kind] = kind in ("F64", "F32", "F16", "BF16")
    for file, kind in (key for key, fine in kinds.items() if not fine):
        raise Refused(f"{file}: holds weights of type {kind}, expected floating-point numbers. {_ADVICE}")


def _refuse_other_weights(source, kind, model, info):
    missing = sorted(set(info["missing_keys"]) - OPTIONAL)
    own = {name.split(".")[0] for name, _ in model.named_parameters()}
    strange = sorted(k for k in info["unexpected_keys"] if k.removeprefix(f"{kind}.").split(".")[0] in own)
    if missing or strange or info["mismatched_keys"]:
        raise Refused(
            f"{source}: weights of another architecture than {kind}: {len(missing)} missing (e.g. {missing[:2]}), "
            f"{len(strange)} that it has no place for (e.g. {strange[:2]}). {_ADVICE}"
        )
    for name, value in model.state_dict().items():
        if not torch.isfinite(value).all():
            raise Refused(f"{source}: weight {name} holds numbers that are not finite. {_ADVICE}")


def _standardises(source, config) -> bool:
    """What the model's own preprocessor says; without one, what fairseq did: only the large models' kind."""
    file = cached_file(
        source,
        "preprocessor_config.json",
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if file is None:
        return config.feat_extract_norm == "layer"
    found = transformers.Wav2Vec2FeatureExtractor.from_pretrained(Path(file).parent)
    if found.sampling_rate != RATE or not isinstance(found.do_normalize, bool):
        raise Refused(f"{file}: expected {RATE} Hz and do_normalize true or false; found {found.sampling_rate} Hz and {found.do_normalize!r}.")  # fmt: skip
    return found.do_normalize


def small(width: int = 128, layers: int = 6, bands: int = 40) -> SelfSupervised:
    """A HuBERT small enough to be pre-trained on two cores; field and hop of a frame are the base model's.

    Its front end begins as a filter bank, since to learn one from noise takes more speech than two cores get through:
    a convolution of 400 samples every 320 with Hann-windowed cosines at mel-spaced frequencies in four phases, which
    the group norm brings to one level and the GELU rectifies; then their sum, a band's magnitude, against four
    thresholds 12 dB apart, which together fall like its logarithm. All of it is trained from there. What remains is
    drawn from the global generator. Blocks normalise first, heads have 32 features.
    """
    config = transformers.HubertConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=max(1, width // 32),
        intermediate_size=4 * width, conv_dim=(4 * bands, 4 * bands), conv_kernel=(400, 1), conv_stride=(320, 1),
        conv_bias=True, num_conv_pos_embeddings=32, num_conv_pos_embedding_groups=16, do_stable_layer_norm=True,
        layerdrop=0.0, hidden_dropout=0.0, attention_dropout=0.0, activation_dropout=0.0, feat_proj_dropout=0.0,
    )  # fmt: skip
    model = transformers.HubertModel(config)
    first, second = model.feature_extractor.conv_layers
    with torch.no_grad():
        first.conv.weight.copy_(_cosines(bands, 400, 16_000)[:, None])
        first.layer_norm.weight.fill_(30.0)  # the GELU's bend is then 30 dB below a band's level
        thresholds = torch.tensor([2.0, 8.0, 32.0, 128.0]).repeat(bands)
        same = torch.eye(bands).repeat_interleave(4, 0).repeat_interleave(4, 1)
        second.conv.weight.copy_((-2 * same / thresholds[:, None])[..., None])
        second.conv.bias.fill_(2.0)
    return SelfSupervised(model)


def _cosines(bands, samples, rate, low=60.0, high=7600.0):
    """Windowed cosines (4 bands, samples): every band at phases of 0, 90, 180 and 270 degrees."""
    mel = torch.linspace(math.log1p(low / 700), math.log1p(high / 700), bands)
    turns = 700 * mel.expm1()[:, None] * torch.arange(samples) / rate  # (bands, samples)
    phases = torch.arange(4)[:, None] / 4
    waves = torch.cos(2 * math.pi * (turns[:, None] + phases))  # (bands, 4, samples)
    return (waves * torch.hann_window(samples)).reshape(4 * bands, samples)


def base() -> SelfSupervised:
    """HuBERT-base's size (95 million parameters) with random weights: to measure, not to recognise with."""
    return SelfSupervised(transformers.HubertModel(transformers.HubertConfig()))


def _inside(lengths, width):
    return (torch.arange(width, device=lengths.device) < lengths[:, None]).float()


def _standardised(x, inside, count, eps):
    """x over its last dimension with zero mean and unit variance, over what is inside; zero outside."""
    count = count[..., None]
    mean = (x * inside).sum(-1, keepdim=True) / count
    away = (x - mean) * inside
    return away * torch.rsqrt(away.square().sum(-1, keepdim=True) / count + eps)


def _first(found):
    return found[0] if isinstance(found, tuple) else found
