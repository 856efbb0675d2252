"""Blind acoustics: what a recording alone tells of its room and quality. T60 and C50 by our own network, MOS by DNSMOS."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors
import torch
from scipy import stats
from torch import nn

from sernb import models
from sernb.audio import RATE, buckets
from sernb.features import FilterBank, mask
from sernb.models.room_acoustics import RoomAcoustics

QUANTITIES = ["T60 / s", "C50 / dB"]
#: What is asked of the estimators: the range of each quantity in their training, by which a bias is judged.
RANGES = {"T60 / s": (0.1, 1.2), "C50 / dB": (-5.0, 35.0)}
#: The network gives (quantity - centre) / scale, and no estimate lies beyond the limits.
CENTRE, SCALE, LIMITS = (0.6, 8.0), (0.3, 8.0), ((0.03, -6.0), (1.4, 36.0))
WINDOW = 3 * RATE  # samples that the network hears at once
FORMAT = "sernb room acoustics 1"
WEIGHTS = Path(models.__path__[0]) / "room_acoustics.safetensors"
LONGEST = 9 * RATE  # samples of an utterance that DNSMOS hears; it repeats shorter ones up to there


class Hearing(nn.Module):
    """Log-mel energies as the network wants them, whatever the level: 32 bands, 16 ms window, 8 ms shift.

    Shape: waveforms (B, T), lengths (B,) → (B, 32, frames), frames (B,). A waveform is brought to unit power, its
    energies are cut off some 45 dB below speech (what the training's noise always covers), and their mean is taken off.
    """

    def __init__(self):
        super().__init__()
        self.bank = FilterBank(32, RATE, 0.016, 0.008, 512, low=60.0, floor=3e-3)

    def forward(self, waves, lengths):
        waves = waves * mask(lengths, waves.shape[1])
        power = waves.double().square().sum(1) / lengths
        waves = waves / power.clamp(min=1e-20).sqrt().float()[:, None]
        x, frames = self.bank(waves, lengths)
        mean = x.sum((1, 2)) / (frames * x.shape[1])
        return (x - mean[:, None, None]) * mask(frames, x.shape[2])[:, None] / 3, frames


class Estimator(nn.Module):
    """T60 in seconds and C50 in dB of speech at RATE: waveforms (B, T), lengths (B,) → (B, 2) in the order of QUANTITIES.

    An utterance longer than WINDOW is heard in as many windows of that length as cover it, evenly spread, and their
    mean is the estimate. It depends on the utterance alone, not on what it is batched with. Trained on 1.2 to 3 s.
    """

    def __init__(self, **sizes):
        super().__init__()
        self.hearing, self.network = Hearing(), RoomAcoustics(**sizes)
        self.register_buffer("centre", torch.tensor(CENTRE), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE), persistent=False)
        self.register_buffer("limits", torch.tensor(LIMITS), persistent=False)

    @torch.no_grad()
    def forward(self, waves, lengths):
        rows, starts = windows(lengths)
        total = torch.zeros(len(waves), 2, device=waves.device)
        for part in torch.arange(len(rows)).split(64):
            found = self.window(*cut(waves, lengths, rows[part], starts[part]))
            total.index_add_(0, rows[part].to(waves.device), found)
        count = torch.bincount(rows, minlength=len(waves)).to(waves.device)
        return total / count[:, None]

    def window(self, waves, lengths):
        """Estimates of single windows, limited."""
        found = self.network(*self.hearing(waves, lengths)) * self.scale + self.centre
        return found.clamp(self.limits[0], self.limits[1])


def windows(lengths):
    """Which utterance each window is of, and its first sample; both on the CPU."""
    lengths = lengths.cpu()
    count = ((lengths + WINDOW - 1) // WINDOW).clamp(min=1)
    rows = torch.repeat_interleave(torch.arange(len(lengths)), count)
    number = torch.arange(len(rows)) - (count.cumsum(0) - count)[rows]
    step = (lengths - WINDOW).clamp(min=0) / (count - 1).clamp(min=1)
    return rows, (number * step[rows]).long()


def cut(waves, lengths, rows, starts):
    """Windows (W, at most WINDOW) and their lengths, from waveforms (B, T)."""
    rows, starts = rows.to(waves.device), starts.to(waves.device)
    length = lengths.to(waves.device)[rows].clamp(max=WINDOW)
    time = torch.arange(int(length.max()), device=waves.device)
    return waves[rows[:, None], (starts[:, None] + time).clamp(max=waves.shape[1] - 1)], length


def digest(tensors: dict) -> str:
    """One name for the content of named tensors."""
    h = hashlib.sha256()
    for name, x in sorted(tensors.items()):
        h.update(f"{name} {x.dtype} {tuple(x.shape)} ".encode() + x.contiguous().cpu().numpy().tobytes())
    return h.hexdigest()


def load(file: Path = WEIGHTS, device="cpu") -> Estimator:
    """The estimator with the weights of `file`; the shipped ones were made by sernb.studies.acoustics_training.

    Nothing in the file is executed. Raises ValueError where it is no safetensors file, not of this format, lacks a
    tensor, holds one of another shape or type, or where its content is not what was saved.
    """
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            said = about_of(opened)
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}
    except safetensors.SafetensorError as error:
        raise ValueError(f"{file}: no whole safetensors file ({error}).") from error
    if said.get("format") != FORMAT:
        raise ValueError(f"{file}: format {said.get('format')!r}, expected {FORMAT!r}.")
    estimator = Estimator()
    expected = estimator.network.state_dict()
    if set(tensors) != set(expected):
        raise ValueError(f"{file}: tensors {sorted(set(tensors) ^ set(expected))} are missing or not known.")
    for name, x in tensors.items():
        if (x.shape, x.dtype) != (expected[name].shape, expected[name].dtype):
            wanted = f"{tuple(expected[name].shape)} {expected[name].dtype}"
            raise ValueError(f"{file}: {name} is {tuple(x.shape)} {x.dtype}, expected {wanted}.")
    if digest(tensors) != said.get("digest"):
        raise ValueError(f"{file}: the tensors are not those that were saved; fetch or make the file again.")
    estimator.network.load_state_dict(tensors)
    return estimator.to(device).eval()


def about(file: Path = WEIGHTS) -> dict:
    """What the weights were trained on and how, as the file says."""
    with safetensors.safe_open(file, framework="pt") as opened:
        return about_of(opened)


def about_of(opened) -> dict:
    """One entry holds everything: several come in an order that changes from file to file."""
    return json.loads((opened.metadata() or {}).get("about", "{}"))


def estimates(estimator: Estimator, waves, ids=None, batch_size: int = 32) -> pd.DataFrame:
    """T60 and C50 of packed utterances (all, or `ids`): a row an utterance, columns QUANTITIES."""
    ids = waves.ids if ids is None else pd.Index(ids)
    rows = waves.rows(ids)
    found = torch.zeros(len(rows), 2)
    for part in buckets(waves.lengths[rows], batch_size):
        found[part] = estimator(*waves.batch(rows[part])).cpu()
    return pd.DataFrame(found.numpy(), ids, QUANTITIES)


def mos(x: np.ndarray) -> float:
    """Mean opinion score, 1 to 5, of an utterance in [-1, 1] at RATE; of its first nine seconds where it is longer.

    DNSMOS's estimate of what listeners would say by ITU-T P.808 (Reddy et al. 2021, 2022); a quarter of a second each.
    """
    from speechmos import dnsmos

    return float(dnsmos.run(np.asarray(x[:LONGEST], dtype=np.float32), RATE)["p808_mos"])


def agreement(truth, found, span) -> dict[str, float]:
    """How well estimates agree with the truth: Pearson's r, bias (estimate less truth), bias in % of `span`, RMSE."""
    truth, found = np.asarray(truth, dtype=float), np.asarray(found, dtype=float)
    bias, width = float((found - truth).mean()), span[1] - span[0]
    return {
        "Pearson": float(np.corrcoef(truth, found)[0, 1]), "bias": bias, "bias / %": 100 * bias / width,
        "RMSE": float(np.sqrt(np.square(found - truth).mean())), "windows": len(truth),
    }  # fmt: skip


def distances(frame: pd.DataFrame, quantities, seed: int = 0, draws: int = 200) -> pd.DataFrame:
    """Wasserstein distance between two corpora's distributions of each quantity, in its unit, raw and augmented.

    `frame`: a row an utterance, columns corpus, audio ("raw", "augmented") and the quantities. `by chance` is the mean
    distance of as many utterances divided at random: what two samples of one distribution are apart.
    """
    names = list(dict.fromkeys(frame["corpus"]))
    if len(names) != 2:
        raise ValueError(f"a distance is between two corpora, found {names}.")
    generator, rows = np.random.default_rng(seed), []
    for (audio, of), quantity in [(g, q) for q in quantities for g in frame.groupby("audio", sort=False)]:
        of = of.dropna(subset=[quantity])
        values, first = of[quantity].to_numpy(), (of["corpus"] == names[0]).to_numpy()
        mixed = [_apart(values, generator.permutation(first)) for _ in range(draws)]
        here = {"distance": _apart(values, first), "by chance": float(np.mean(mixed))}
        rows.append({"quantity": quantity, "audio": audio} | here)
    return pd.DataFrame(rows)


def _apart(values, first):
    return float(stats.wasserstein_distance(values[first], values[~first]))
