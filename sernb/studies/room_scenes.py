"""Speech in simulated rooms with noise, made in batches, and what is true of each window."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from sernb import acoustics, rooms

LEAD = round(
    rooms.LONGEST * rooms.RATE
)  # samples of speech before a window, whose reverberation reaches into it
DIRECT = 0.0025  # seconds around the largest sample that count as direct sound when its level is changed


@dataclass(frozen=True)
class Ranges:
    """What every window draws from. The defaults are the conditions of an examination: rooms as they are."""

    snr: tuple = (15.0, 40.0)  # dB
    faster: float = 0.0  # share of responses whose decay is made faster
    direct: float = 0.0  # share whose direct sound is made louder or softer
    coloured: float = 0.0  # share of speech heard through a channel
    silent: float = 0.3  # share of windows before which nobody spoke
    shorter: float = 0.0  # share of windows cut off between 1.2 and 3 s


@dataclass(frozen=True)
class Batch:
    """Windows of speech in rooms: waves (B, WINDOW) zero past lengths (B,), truth (B, 2) in the order of QUANTITIES."""

    waves: torch.Tensor
    lengths: torch.Tensor
    truth: torch.Tensor
    snr: np.ndarray  # (B,) dB


class Scenes:
    """`streams`: int16 speech, one array a speaker; `responses`: (rooms, T) impulse responses at rooms.RATE."""

    def __init__(self, streams, responses):
        self.streams = [torch.from_numpy(s) for s in streams if len(s) >= LEAD + acoustics.WINDOW]
        if not self.streams:
            raise ValueError(
                f"no speaker has {(LEAD + acoustics.WINDOW) / rooms.RATE:g} s of speech or more."
            )
        self.responses = responses
        parts = np.array_split(responses, -(-len(responses) // 64))  # the sums are in float64
        self.t60 = np.concatenate([rooms.t60(part) for part in parts])

    def batch(self, size: int, ranges: Ranges, generator: np.random.Generator, which=None) -> Batch:
        """`size` windows, in rooms drawn at random or in those numbered `which`."""
        which = generator.integers(len(self.responses), size=size) if which is None else which
        responses = self.responses[which].astype(np.float32)
        responses = augmented(responses, self.t60[which], ranges, generator)
        truth = np.stack([rooms.t60(responses), np.clip(rooms.c50(responses), *rooms.C50)], 1)
        speech = self._speech(size, ranges, generator)
        width = speech.shape[1]
        gain = torch.from_numpy(channels(size, width // 2 + 1, ranges, generator))
        # Circular convolution wraps into the lead alone, which is cut off.
        spectrum = torch.fft.rfft(speech) * torch.fft.rfft(torch.from_numpy(responses), width) * gain
        waves, snr = noisy(torch.fft.irfft(spectrum, width)[:, LEAD:], ranges.snr, generator)
        short = generator.uniform(size=size) < ranges.shorter
        some = generator.integers(round(0.4 * acoustics.WINDOW), acoustics.WINDOW + 1, size)
        lengths = torch.from_numpy(np.where(short, some, acoustics.WINDOW))
        waves = waves * (torch.arange(acoustics.WINDOW) < lengths[:, None])
        return Batch(waves, lengths, torch.from_numpy(truth).float(), snr)

    def _speech(self, size, ranges, generator):
        speech = torch.zeros(size, LEAD + acoustics.WINDOW)
        for row in speech:
            stream = self.streams[generator.integers(len(self.streams))]
            start = int(generator.integers(len(stream) - len(row) + 1))
            row[:] = stream[start : start + len(row)]
            if generator.uniform() < ranges.silent:
                row[: LEAD + int(generator.integers(-LEAD // 4, LEAD // 4))] = 0
        return speech


def augmented(responses, t60, ranges, generator):
    """Responses with faster decays and other levels of the direct sound (after Bryan 2020, arXiv 1909.03642)."""
    size, width = responses.shape
    time = np.arange(width) / rooms.RATE
    shorter = generator.uniform(size=size) < ranges.faster
    wanted = np.where(shorter, generator.uniform(0.08, np.maximum(t60, 0.081)), t60)
    more = np.maximum(1 / wanted - 1 / t60, 0)
    responses = responses * 10 ** (-3 * time * more[:, None])
    gain = np.where(generator.uniform(size=size) < ranges.direct, generator.uniform(-4, 10, size), 0)
    peak = np.abs(responses).argmax(1)
    direct = np.abs(np.arange(width) - peak[:, None]) < DIRECT * rooms.RATE
    return (responses * np.where(direct, 10 ** (gain / 20)[:, None], 1)).astype(np.float32)


def channels(size, bins, ranges, generator):
    """Gains (B, bins) of microphones and lines: a smooth curve of some dB, at times with a limit at either end."""
    f = np.linspace(0, rooms.RATE / 2, bins)
    octave = np.log2(f.clip(62.5) / 62.5)  # 0 to 7
    on = generator.uniform(size=(size, 1)) < ranges.coloured
    level = np.stack([np.interp(octave, np.arange(8), y) for y in generator.normal(0, 4, (size, 8))])
    gain = 10 ** (on * level / 20)
    low = np.where(
        on & (generator.uniform(size=(size, 1)) < 0.3), generator.uniform(100, 400, (size, 1)), 1.0
    )
    high = np.where(
        on & (generator.uniform(size=(size, 1)) < 0.3), generator.uniform(3000, 7500, (size, 1)), 1e6
    )
    gain /= np.sqrt(1 + (low / f.clip(1)) ** 18) * np.sqrt(1 + (f / high) ** 18)  # Butterworth, ninth order
    return gain.astype(np.float32)


def noisy(x, snr, generator):
    """Noise added at a signal-to-noise ratio uniform on `snr` dB, its power falling with a frequency's power 0 to 1.5:
    the sum (B, T) and the ratios (B,)."""
    size, width = x.shape
    slope = torch.from_numpy(generator.uniform(0, 1.5, (size, 1))).float()
    white = torch.from_numpy(generator.standard_normal((size, width), dtype=np.float32))
    f = torch.linspace(0, 1, width // 2 + 1).clamp(min=0.01)
    noise = torch.fft.irfft(torch.fft.rfft(white) * f ** (-slope / 2), width)
    level = generator.uniform(*snr, (size, 1))
    ratio = torch.from_numpy(10 ** (-level / 20)).float()
    power = [y.square().mean(1, keepdim=True).sqrt() for y in (x, noise)]
    return x + noise * ratio * power[0] / power[1], level[:, 0]


def examine(estimator, scenes: Scenes, seed: int, takes: int = 1, ranges: Ranges = Ranges()) -> pd.DataFrame:
    """Estimates beside the truth, `takes` windows in every room; columns room, SNR / dB, and per quantity "true …" and
    "found …"."""
    frames, device = [], next(estimator.parameters()).device
    every = np.tile(np.arange(len(scenes.responses)), takes)
    for number, which in enumerate(np.array_split(every, -(-len(every) // 64))):
        batch = scenes.batch(len(which), ranges, np.random.default_rng([seed, number]), which)
        found = estimator(batch.waves.to(device), batch.lengths.to(device)).cpu().numpy()
        columns = {"room": which, "SNR / dB": batch.snr}
        for i, quantity in enumerate(acoustics.QUANTITIES):
            columns |= {f"true {quantity}": batch.truth[:, i].numpy(), f"found {quantity}": found[:, i]}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
