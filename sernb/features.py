"""Features computed on the device: filter banks, masks, normalisation; openSMILE functionals for the baseline."""

import hashlib
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import torch
import torchaudio
from torch import nn

from sernb import writing
from sernb.audio import buckets, gather, random_stretch


def mel_filters(
    n_mels: int, n_fft: int, rate: int, low: float = 0.0, high: float | None = None
) -> torch.Tensor:
    """Triangular filters on the HTK mel scale, mel = 2595 log10(1 + f / 700), peak 1: (n_fft / 2 + 1, n_mels)."""

    def to_mel(f):
        return 2595 * math.log10(1 + f / 700)

    mel = torch.linspace(to_mel(low), to_mel(high or rate / 2), n_mels + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mel / 2595) - 1)  # (n_mels + 2,) Hz
    f = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64)[:, None]
    rising = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


class FilterBank(nn.Module):
    """Log mel filter bank: log(max(|FFT(window · frame)|² M, floor)), natural logarithm.

    Defaults are paper 1's (section III-A): 25 ms Hamming window, 10 ms shift, 1024-point FFT; 40 bands are our
    choice, the paper is silent. Frames lie wholly inside the utterance (no padding at its edges), so a frame
    never depends on what the utterance was batched with. Without bands (`n_mels=None`) M is left out: the log power
    spectrum, n_fft / 2 + 1 frequencies.

    Shape: waveforms (B, T) in [-1, 1], lengths (B,) in samples → (B, n_mels, frames), frames (B,). An utterance
    shorter than one window counts as one frame, zero-padded. Frames past an utterance's end are zero.
    """

    def __init__(
        self, n_mels=40, rate=16_000, window=0.025, shift=0.010, n_fft=1024, low=0.0, high=None, floor=1e-6
    ):
        super().__init__()
        self.window, self.shift, self.n_fft, self.floor = (
            round(window * rate),
            round(shift * rate),
            n_fft,
            floor,
        )
        if self.n_fft < self.window:
            raise ValueError(f"n_fft {n_fft} is shorter than the window of {self.window} samples.")
        self.register_buffer("taper", torch.hamming_window(self.window, periodic=False), persistent=False)
        filters = None if n_mels is None else mel_filters(n_mels, n_fft, rate, low, high)
        self.register_buffer("filters", filters, persistent=False)

    def frames(self, lengths: torch.Tensor) -> torch.Tensor:
        return (1 + (lengths - self.window) // self.shift).clamp(min=1)

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def forward(self, waves, lengths):
        if waves.shape[1] < self.window:
            waves = nn.functional.pad(waves, (0, self.window - waves.shape[1]))
        x = waves.unfold(1, self.window, self.shift) * self.taper  # (B, frames, window)
        spectrum = torch.fft.rfft(x, self.n_fft)
        power = spectrum.real.square() + spectrum.imag.square()
        bands = power if self.filters is None else power @ self.filters
        log_bands = bands.clamp(min=self.floor).log().transpose(1, 2)
        frames = self.frames(lengths)
        return log_bands * mask(frames, log_bands.shape[2])[:, None], frames


def mfcc(log_mel: torch.Tensor, coefficients: int = 13) -> torch.Tensor:
    """Mel-frequency cepstral coefficients, their first and second differences over time: (B, n_mels, T) → (B, 3 n, T).

    The orthonormal discrete cosine transform of log mel energies and regressions over five frames: what HuBERT's first
    targets are clusters of (Hsu et al. 2021).
    """
    cosines = torchaudio.functional.create_dct(coefficients, log_mel.shape[1], "ortho").to(log_mel)
    static = (log_mel.transpose(1, 2) @ cosines).transpose(1, 2)
    first = torchaudio.functional.compute_deltas(static)
    return torch.cat([static, first, torchaudio.functional.compute_deltas(first)], 1)


def chunk(device: torch.device) -> int:
    """How many utterances to transform at once: few on a CPU, whose cache then holds their spectra."""
    return 8 if device.type == "cpu" else 64


def mask(frames: torch.Tensor, width: int) -> torch.Tensor:
    """1.0 inside, 0.0 past the end: lengths (B,) → (B, width)."""
    return (torch.arange(width, device=frames.device) < frames[:, None]).float()


class Normalise(nn.Module):
    """x ← (x − mean) / deviation per mel band, over one of these sets of frames.

    none       nothing
    utterance  the utterance's own frames
    train      all frames of the training utterances (inductive)
    speaker    all frames of the utterance's speaker; uses the test speaker's own unlabelled audio (transductive)
    corpus     all frames of the utterance's corpus, likewise transductive

    For the last three, `groups` (B,) chooses the row of the fitted statistics (G, n_mels).
    """

    KINDS = ("none", "utterance", "train", "speaker", "corpus")

    def __init__(self, kind: str, n_mels: int, groups: int = 1):
        super().__init__()
        if kind not in self.KINDS:
            raise ValueError(f"normalisation {kind!r} is unknown; there are {', '.join(self.KINDS)}.")
        self.kind = kind
        self.register_buffer("mean", torch.zeros(groups, n_mels))
        self.register_buffer("deviation", torch.ones(groups, n_mels))

    def fit(self, batches):
        """Statistics in float64 from an iterable of (features, frames, groups)."""
        groups, n_mels = self.mean.shape
        count, total, square = (torch.zeros(groups, n, dtype=torch.float64) for n in (1, n_mels, n_mels))
        for x, frames, group in batches:
            x, group = x.double().cpu(), group.cpu()
            count.index_add_(0, group, frames.cpu().double()[:, None])
            total.index_add_(0, group, x.sum(2))
            square.index_add_(0, group, x.square().sum(2))
        mean = total / count.clamp(min=1)
        self.mean.copy_(mean)
        self.deviation.copy_((square / count.clamp(min=1) - mean.square()).clamp(min=1e-10).sqrt())

    def forward(self, x, frames, groups=None):
        if self.kind == "none":
            return x
        inside = mask(frames, x.shape[2])[:, None]  # (B, 1, frames)
        if self.kind == "utterance":
            count = frames[:, None, None]
            mean = x.sum(2, keepdim=True) / count
            deviation = (((x - mean) * inside).square().sum(2, keepdim=True) / count).clamp(min=1e-10).sqrt()
        else:
            mean, deviation = self.mean[groups][..., None], self.deviation[groups][..., None]
        return (x - mean) / deviation * inside


class Frames:
    """A front end's frames of every utterance, computed once on the device and batched by gather.

    A front end without random parts gives the same frames in every epoch; computing them once takes the Fourier
    transforms out of the training step. `front_end(waves, lengths, rows)` gives features (B, F, T) and frames (B,).
    """

    @torch.no_grad()
    def __init__(self, waves, front_end):
        self.device = waves.device
        parts, self.lengths = [None] * len(waves.ids), torch.zeros(len(waves.ids), dtype=torch.long)
        for rows in buckets(waves.lengths, chunk(waves.device)):
            x, frames = front_end(*waves.batch(rows), rows)
            self.lengths[rows] = frames.cpu()
            for i, row in enumerate(rows.tolist()):
                parts[row] = x[i, :, : frames[i]].T
        self.values = torch.cat(parts)  # (all frames, F)
        self.offsets = self.lengths.cumsum(0) - self.lengths

    def batch(self, rows, crop: int | None = None, generator: torch.Generator | None = None):
        """Features (B, F, T), zero past each end, and frames (B,); `crop` frames at random where given."""
        starts, lengths = self.offsets[rows], self.lengths[rows]
        if crop is not None:
            starts, lengths = random_stretch(starts, lengths, crop, generator)
        x = gather(self.values, starts, lengths, crop or int(lengths.max()), self.device)
        return x.transpose(1, 2).contiguous(), lengths.to(self.device)


def emobase(packed, cache, workers: int = 2) -> pd.DataFrame:
    """openSMILE's emobase functionals (988 per utterance), one row per utterance; cached by the audio's content.

    Source: Eyben et al., openSMILE (2010), configuration emobase.
    """
    import opensmile

    key = hash_of(packed.digests)
    file = cache / "emobase" / f"{key}.parquet"
    if file.exists():
        return pd.read_parquet(file).set_axis(packed.ids)
    smile = opensmile.Smile(opensmile.FeatureSet.emobase, opensmile.FeatureLevel.Functionals)

    def one(i):
        x = packed.samples[packed.offsets[i] : packed.offsets[i + 1]].astype(np.float32) / 32768
        return smile.process_signal(x, packed.rate).iloc[0].to_numpy()

    with ThreadPoolExecutor(workers) as pool:
        values = np.stack(list(pool.map(one, range(len(packed.ids)))))
    frame = pd.DataFrame(values.astype(np.float32), packed.ids, smile.feature_names)
    with writing.into(cache, "SERNB_CACHE"), writing.whole_file(file) as temporary:
        frame.to_parquet(temporary)
    return frame


def hash_of(digests) -> str:
    """One name for the content of many utterances."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:24]
