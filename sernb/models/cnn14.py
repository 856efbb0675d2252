"""CNN14 with its two published front ends, after Kong et al. 2020 (PANNs), and paper 3's projection (Fig. 1)."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import ConvBlock, inside

CHANNELS = (64, 128, 256, 512, 1024, 2048)
EMBEDDING = 2048
TAGS = 527  # classes of AudioSet
SHORTEST = 32  # frames: five poolings leave one

#: Published front ends by sampling rate: window (and FFT), shift in samples, lowest and highest frequency in Hz. Paper 3
#: states the 32 kHz one's numbers beside audio at 16 kHz, which therefore has to be upsampled.
FRONT_ENDS = {32_000: (1024, 320, 50.0, 14_000.0), 16_000: (512, 160, 50.0, 8000.0)}


def mel_filters(n_mels: int, n_fft: int, rate: int, low: float, high: float) -> torch.Tensor:
    """Triangular filters on Slaney's mel scale, each of area 2 / bandwidth in Hz: (n_fft / 2 + 1, n_mels).

    Linear below 1 kHz (200 / 3 Hz a mel), logarithmic above (27 mels for a factor of 6.4), as in librosa.
    """
    step = math.log(6.4) / 27

    def to_mel(f):
        return f * 3 / 200 if f < 1000 else 15 + math.log(f / 1000) / step

    mel = torch.linspace(to_mel(low), to_mel(high), n_mels + 2, dtype=torch.float64)
    edges = torch.where(mel < 15, mel * 200 / 3, 1000 * (step * (mel - 15)).exp())
    f = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64)[:, None]
    rising = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    return (torch.minimum(rising, falling).clamp(min=0) * 2 / (edges[2:] - edges[:-2])).float()


class LogMel(nn.Module):
    """10 log10(max(|FFT(window · frame)|² M, 1e-10)) in dB: Hann window, frames centred, edges reflected.

    Each utterance is reflected at its own end, so that a frame does not depend on what it was batched with.

    Shape: waveforms (B, T), lengths (B,) in samples → (B, 64, frames), frames (B,) = 1 + length // shift. Frames past
    an utterance's end are zero. Raises ValueError for a rate without a published front end.
    """

    def __init__(self, rate: int = 16_000, n_mels: int = 64):
        super().__init__()
        if rate not in FRONT_ENDS:
            raise ValueError(f"no front end for {rate} Hz is published; there are {list(FRONT_ENDS)}.")
        self.window, self.shift, low, high = FRONT_ENDS[rate]
        self.register_buffer("taper", torch.hann_window(self.window), persistent=False)
        self.register_buffer("filters", mel_filters(n_mels, self.window, rate, low, high), persistent=False)

    def frames(self, lengths: torch.Tensor) -> torch.Tensor:
        return 1 + lengths // self.shift

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def forward(self, waves, lengths):
        half, last = self.window // 2, (lengths - 1)[:, None]
        position = torch.arange(-half, int(lengths.max()) + half, device=waves.device).abs()
        source = torch.where(position > last, 2 * last - position, position)
        x = waves.gather(1, source.clamp(min=0).minimum(last)).unfold(1, self.window, self.shift) * self.taper
        spectrum = torch.fft.rfft(x)
        power = spectrum.real.square() + spectrum.imag.square()
        log_mel = 10 * (power @ self.filters).clamp(min=1e-10).log10().transpose(1, 2)  # (B, 64, frames)
        frames = self.frames(lengths)
        return torch.where(inside(frames, log_mel.shape[2])[:, 0], log_mel, 0), frames


class MelNorm(nn.BatchNorm1d):
    """Batch normalisation of each mel band over the frames inside the utterances; zero past their ends."""

    def forward(self, x, frames):
        within = inside(frames, x.shape[2])[:, 0]  # (B, 1, T)
        mean, variance = self.running_mean, self.running_var
        if self.training:
            count = frames.sum().clamp(min=2)
            mean = x.sum((0, 2)) / count
            variance = ((x - mean[:, None]) * within).square().sum((0, 2)) / count
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * count / (count - 1), self.momentum)
                self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        return torch.where(within, (x - mean[:, None]) * scale[:, None] + self.bias[:, None], 0)


class CNN14(nn.Module):
    """Log-mel → embedding: six blocks of two 3×3 convolutions, mean over bands, max + mean over time, linear, ReLU.

    Average pooling 2×2 after each block but the last, dropout 0.2 after each, 0.5 around the linear layer. Shape:
    log-mel (B, 64, T), frames (B,) → (B, 2048 · width); `hidden` (B, 64, T) boolean is what SpecAugment sets to zero
    after the first normalisation, as in the original. With `tags` classes `tags` maps embeddings to AudioSet's logits:
    that is the published model. Padding changes nothing.
    """

    def __init__(self, width: float = 1.0, n_mels: int = 64, tags: int = 0):
        super().__init__()
        self.norm = MelNorm(n_mels)
        blocks, channels = [], 1
        for out in (round(c * width) for c in CHANNELS):
            blocks.append(nn.ModuleList([ConvBlock(channels, out, 3), ConvBlock(out, out, 3)]))
            channels = out
        self.blocks = nn.ModuleList(blocks)
        self.features = round(EMBEDDING * width)
        self.full = nn.Linear(channels, self.features)
        self.tags = nn.Linear(self.features, tags) if tags else None
        for module in self.modules():  # as in the original
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        # The order that convolutions in bf16 read fastest; the numbers are the same.
        self.to(memory_format=torch.channels_last)

    def forward(self, x, frames, hidden=None):
        x = self.norm(x, frames)
        if hidden is not None:
            x = x.masked_fill(hidden, 0)
        x = F.pad(x, (0, max(SHORTEST - x.shape[2], 0)))[:, None]  # (B, 1, 64, T)
        frames = frames.clamp(min=SHORTEST)
        for i, (first, second) in enumerate(self.blocks):
            x = second(first(x, frames), frames)
            if i < len(self.blocks) - 1:
                x, frames = F.avg_pool2d(x, 2), frames // 2
                # frames // 2 drops an odd last frame, as pooling the utterance alone does
                x = torch.where(inside(frames, x.shape[3]), x, 0)
            x = F.dropout(x, 0.2, self.training)
        x = x.float().mean(
            2
        )  # (B, channels, T / 32); zero or more after ReLU, so padding is never the maximum
        x = x.amax(2) + x.sum(2) / frames[:, None]
        x = self.full(F.dropout(x, 0.5, self.training)).relu()
        return F.dropout(x, 0.5, self.training)


class Projected(nn.Module):
    """An encoder followed by paper 3's projection, linear and ReLU: (B, features) → (B, projection)."""

    def __init__(self, encoder: nn.Module, projection: int = 512):
        super().__init__()
        self.encoder, self.features = encoder, projection
        self.projection = nn.Linear(encoder.features, projection)

    def forward(self, x, frames, hidden=None):
        return self.projection(self.encoder(x, frames, hidden)).relu()
