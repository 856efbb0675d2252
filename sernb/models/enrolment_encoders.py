"""Paper 5's encoders, section 3.3.1 and Table 5: a sequence of frames in, one embedding an utterance out."""

import torch
from torch import nn

from .netvlad import NetVLAD
from .thin_resnet import ThinResNet


def build(name: str, features: int, **sizes) -> nn.Module:
    """An encoder by its name; `sizes` are its constructor's.

    ours           two-step pooling, GRU, transformer layer, mean (paper's "NAMP" row)
    no_gru         the same without the GRU (its "Transformer" row)
    blstm          two-step pooling, bidirectional LSTM, mean
    blstm_netvlad  the same with NetVLAD in the mean's place
    cnn_netvlad    thin ResNet-34 and NetVLAD; meant for spectrograms, `features` frequencies

    Shape of each: x (B, features, T), frames (B,) int64 ≥ 1 → (B, encoder.embedding). What lies in x past an
    utterance's frames changes nothing. Raises ValueError for another name.
    """
    if name not in ENCODERS:
        raise ValueError(f"encoder {name!r} is unknown; there are {', '.join(ENCODERS)}.")
    return ENCODERS[name](features, **sizes)


def valid(x, frames):
    """Mask (B, 1, T) of x (B, D, T): true inside an utterance."""
    return (torch.arange(x.shape[2], device=x.device) < frames[:, None])[:, None]


def masked_mean(x, frames):
    """Mean over an utterance's own frames, in fp32: (B, D, T) → (B, D)."""
    return torch.where(valid(x, frames), x.float(), 0).sum(2) / frames[:, None]


class TemporalPooling(nn.Module):
    """Mean over windows of frames that do not overlap, one step after another: 100 Hz → 25 Hz with steps (2, 2).

    The paper says "two-step temporal pooling" and no more. Read as two poolings, (2, 2), our default; as one over
    two frames, (2,). An utterance's last window may be incomplete and is then the mean over what there is, so that no
    frame is lost and an utterance shorter than a window is one frame.

    Shape: x (B, D, T), frames (B,) → (B, D, ⌈T / step⌉), ⌈frames / step⌉, and so on for each step; zero past the end.
    """

    def __init__(self, steps=(2, 2)):
        super().__init__()
        if any(step < 1 for step in steps):
            raise ValueError(f"pooling steps are whole numbers ≥ 1, found {tuple(steps)}.")
        self.steps = tuple(steps)

    def forward(self, x, frames):
        x = torch.where(valid(x, frames), x, 0)
        for step in self.steps:
            x = nn.functional.pad(x, (0, -x.shape[2] % step)).unflatten(2, (-1, step)).sum(3)
            starts = step * torch.arange(x.shape[2], device=x.device)
            x = x / (frames[:, None] - starts).clamp(1, step)[:, None]  # frames in each window
            frames = (frames - 1) // step + 1
        return x, frames


class GRUTransformer(nn.Module):
    """Two-step pooling → one GRU layer → transformer → mean over the valid frames: paper 5's own encoder.

    The transformer's layers are self-attention (equation 1, `heads` heads) and two linear layers with `nodes` between
    them; the paper's "nodes" (512 IEMOCAP, 128 MELD) could also be the width of the attention, but that is the GRU's
    256 where nothing is said of a projection. Positions are not encoded, as none are mentioned: the GRU knows the
    order; without it (`gru=False`) the embedding does not depend on the order of the pooled frames. Dropout is ours,
    the transformer's usual.

    Shape: x (B, features, T), frames (B,) → (B, hidden), or (B, features) without the GRU.
    """

    def __init__(
        self, features, hidden=256, nodes=512, layers=1, heads=2, dropout=0.1, pooling=(2, 2), gru=True
    ):
        super().__init__()
        self.embedding = hidden if gru else features
        if self.embedding % heads:
            raise ValueError(f"{heads} heads do not divide {self.embedding} features; choose other heads.")
        self.pooling = TemporalPooling(pooling)
        self.gru = nn.GRU(features, hidden, batch_first=True) if gru else None
        self.transformer = nn.ModuleList(
            nn.TransformerEncoderLayer(self.embedding, heads, nodes, dropout, batch_first=True)
            for _ in range(layers)
        )

    def forward(self, x, frames):
        x, frames = self.pooling(x, frames)
        padding = ~valid(x, frames)[:, 0]  # (B, T)
        x = x.transpose(1, 2)
        if self.gru is not None:
            x, _ = self.gru(x)
        for layer in self.transformer:
            x = layer(x, src_key_padding_mask=padding)
        return masked_mean(x.transpose(1, 2), frames)


class BLSTM(nn.Module):
    """Two-step pooling → one bidirectional LSTM layer → mean or NetVLAD over the valid frames.

    The backward direction starts at each utterance's own last frame. The paper gives no sizes: `hidden` a direction
    is the GRU's. NetVLAD's vector goes through a linear layer to `embedding` numbers (Xie et al. 2019).

    Shape: x (B, features, T), frames (B,) → (B, 2 · hidden) with the mean, (B, embedding) with NetVLAD.
    """

    def __init__(self, features, hidden=256, pooling=(2, 2), netvlad=False, clusters=8, embedding=512):
        super().__init__()
        self.pooling = TemporalPooling(pooling)
        self.forwards = nn.LSTM(features, hidden, batch_first=True)
        self.backwards = nn.LSTM(features, hidden, batch_first=True)
        self.netvlad = NetVLAD(2 * hidden, clusters) if netvlad else None
        self.full = nn.Linear(self.netvlad.embedding, embedding) if netvlad else None
        self.embedding = embedding if netvlad else 2 * hidden

    def sequence(self, x, frames):
        """Both directions' outputs, (B, 2 · hidden, T)."""
        x = x.transpose(1, 2)
        time = torch.arange(x.shape[1], device=x.device)
        # Each utterance's own frames reversed; what lies past its end stays there.
        turned = torch.where(time < frames[:, None], frames[:, None] - 1 - time, time)[..., None]
        ahead, _ = self.forwards(x)
        back, _ = self.backwards(x.gather(1, turned.expand_as(x)))
        return torch.cat([ahead, back.gather(1, turned.expand_as(back))], 2).transpose(1, 2)

    def forward(self, x, frames):
        x, frames = self.pooling(x, frames)
        x = self.sequence(x, frames)
        return masked_mean(x, frames) if self.netvlad is None else self.full(self.netvlad(x, frames))


class CNNNetVLAD(nn.Module):
    """Thin ResNet-34 over a spectrogram → NetVLAD → linear layer (Xie et al. 2019).

    Shape: x (B, features, T), frames (B,) → (B, embedding). `width` scales the convolutions (1 = as published).
    """

    def __init__(self, features, width=1.0, clusters=8, embedding=512):
        super().__init__()
        self.convolutions = ThinResNet(features, width)
        self.netvlad = NetVLAD(self.convolutions.channels, clusters)
        self.full = nn.Linear(self.netvlad.embedding, embedding)
        self.embedding = embedding

    def forward(self, x, frames):
        return self.full(self.netvlad(*self.convolutions(x, frames)))


def _no_gru(features, **sizes):
    return GRUTransformer(features, gru=False, **sizes)


def _blstm_netvlad(features, **sizes):
    return BLSTM(features, netvlad=True, **sizes)


ENCODERS = {
    "ours": GRUTransformer,
    "no_gru": _no_gru,
    "blstm": BLSTM,
    "blstm_netvlad": _blstm_netvlad,
    "cnn_netvlad": CNNNetVLAD,
}
