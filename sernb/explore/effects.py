"""Paper 3's seven augmentations on one utterance, with settings chosen by hand or drawn as in training."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch

from sernb import augment, features
from sernb.augment_waveforms import Augment

DRY = 0.5  # of Freeverb, whose own gain is 2: leaves the waveform as it is


@dataclass(frozen=True)
class Settings:
    """One parameter or two an effect; the defaults leave everything as it is."""

    speed: float = 1.0
    shift: float = 0.0  # share of the utterance, either way
    fade_in: float = 0.0  # share of the utterance
    fade_out: float = 0.0
    high_pass: float = 0.0  # Hz
    low_pass: float = 8000.0  # Hz
    snr: float = math.inf  # dB
    room: float = 0.0
    wet: float = 0.0
    bands: int = 0  # SpecAugment hides up to so many mel bands …
    frames: int = 0  # … and frames


#: Settings a slider may take: low, high, step, unit. SNR's highest means none. The paper's ranges lie inside.
RANGES = {
    "speed": (0.7, 1.4, 0.05, "×"), "shift": (-0.5, 0.5, 0.05, "of it"), "fade_in": (0.0, 0.5, 0.05, "of it"),
    "fade_out": (0.0, 0.5, 0.05, "of it"), "high_pass": (0.0, 1000.0, 50.0, "Hz"),
    "low_pass": (1000.0, 8000.0, 250.0, "Hz"), "snr": (0.0, 50.0, 1.0, "dB"), "room": (0.0, 1.0, 0.05, ""),
    "wet": (0.0, 1.0, 0.05, ""), "bands": (0, 32, 1, ""), "frames": (0, 100, 1, ""),
}  # fmt: skip


def drawn(seed: int, bands: int = 8, frames: int = 32) -> Settings:
    """Settings as training draws them: those of `Augment`, and SpecAugment's widest."""
    found = Augment().draw(1, torch.Generator().manual_seed(seed))
    names = {f.name for f in dataclasses.fields(Settings)}
    return Settings(**{k: float(v) for k, v in found.items() if k in names}, bands=bands, frames=frames)


def applied(x: np.ndarray, settings: Settings, seed: int, rate: int = 16_000) -> np.ndarray:
    """The utterance after the six effects that can be heard, in the chain's order. The noise is drawn from `seed`.

    With reverberation the dry share is the paper's (Freeverb's 0.4), without it all of the waveform.
    """
    chain = Augment(rate)
    values = dataclasses.asdict(settings) | {"dry": chain.dry if settings.wet else DRY}
    values = {k: torch.tensor([v], dtype=torch.float64 if k == "room" else None) for k, v in values.items()}
    wave = torch.from_numpy(np.ascontiguousarray(x, np.float32))[None]
    y, n = chain.apply(wave, torch.tensor([len(x)]), values, torch.Generator().manual_seed(seed))
    return y[0, : int(n[0])].numpy()


@torch.no_grad()
def bank(x: np.ndarray, settings: Settings | None = None, seed: int = 0, rate: int = 16_000) -> np.ndarray:
    """Log mel filter bank (64, frames), frames every 10 ms; what SpecAugment hides is NaN."""
    wave = torch.from_numpy(np.ascontiguousarray(x, np.float32))[None]
    found, frames = features.FilterBank(64, rate)(wave, torch.tensor([len(x)]))
    if settings is not None:
        widths = {"frequency": settings.bands, "time": settings.frames}
        generator = torch.Generator().manual_seed(seed)
        found = augment.spec_augment(found, frames, generator, **widths, value=math.nan)
    return found[0, :, : int(frames[0])].numpy()
