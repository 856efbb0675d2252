"""Sequences of frames as input: computed once an utterance, packed, cached by content, batched on the device.

emobase's low-level descriptors (the default: no weights needed), log-mel bands, spectrograms, vq-wav2vec's latent
vectors, a hidden layer of a self-supervised encoder, and any function from a waveform to frames (`extract`).
"""

import copy
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache as once
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sernb import audio, features
from sernb.models import vq_wav2vec as vq

FORMAT = 1  # of the packed files; part of their key


class FramePack:
    """Utterances' frames back to back: utterance i is values[offsets[i] : offsets[i + 1]], (frames, D).

    `values` is memory-mapped, and moves to the device whole where it fits into half of its free memory. `rate` is in
    frames a second, `lengths` (utterances,) in frames. Until `standardised`, batches are the values as they are.
    """

    def __init__(self, ids: pd.Index, values: np.ndarray, offsets: np.ndarray, rate: float, device="cpu"):
        self.ids, self.rate, self.device = ids, rate, torch.device(device)
        self.values = audio.settle(values, self.device)
        self.offsets = torch.from_numpy(offsets[:-1].copy())
        self.lengths = torch.from_numpy(np.diff(offsets))
        self.features = values.shape[1]
        self.mean, self.deviation = torch.zeros(self.features), torch.ones(self.features)

    def rows(self, ids) -> torch.Tensor:
        """Row numbers of utterance ids; KeyError names the first one that is not packed."""
        return audio.find(self.ids, ids)

    def standardised(self, rows) -> "FramePack":
        """The same frames as (x − mean) / deviation, both over all frames of `rows`: the training utterances.

        In float64, one utterance at a time (Chan et al. 1983). A feature that does not change, as far as float32 can
        tell, is only centred.
        """
        if not len(rows):
            raise ValueError("standardising needs at least one training utterance, found none.")
        count, mean, square = 0, 0.0, 0.0
        for start, length in zip(self.offsets[rows].tolist(), self.lengths[rows].tolist(), strict=True):
            x = self.values[start : start + length].double()
            own = x.mean(0)
            apart, total = own - mean, count + length
            square = square + (x - own).square().sum(0) + apart.square() * (count * length / total)
            mean, count = mean + apart * (length / total), total
        deviation = (square / count).sqrt()
        deviation[deviation <= 1e-7 * mean.abs()] = 1.0
        fitted = copy.copy(self)  # shares the values
        fitted.mean, fitted.deviation = mean.float().cpu(), deviation.float().cpu()
        return fitted

    def batch(self, rows, crop: int | None = None, generator: torch.Generator | None = None):
        """x (B, D, T) float32, zero past each end, and frames (B,), on the device.

        With `crop` (frames) a longer utterance gives a random stretch of that length, drawn from `generator`.
        """
        starts, lengths = self.offsets[rows], self.lengths[rows]
        if crop is not None:
            starts, lengths = audio.random_stretch(starts, lengths, crop, generator)
        x = audio.gather(self.values, starts, lengths, crop or int(lengths.max()), self.device).float()
        x = (x - self.mean.to(self.device)) / self.deviation.to(self.device)
        frames = lengths.to(self.device)
        return (x * features.mask(frames, x.shape[1])[..., None]).transpose(1, 2).contiguous(), frames


def extract(
    packed: audio.Pack,
    function: Callable,
    name: str,
    cache: Path,
    rate: float,
    dtype=np.float16,
    device="cpu",
    workers: int = 1,
) -> FramePack:
    """`function` of every packed utterance, once: samples (T,) float32 in [-1, 1), as recorded → frames (T', D).

    It may return an array or a tensor and is called for one utterance at a time, so that no padding reaches it; with
    `workers` > 1 from several threads. A second call maps what the first one wrote. The key is the audio's content,
    `name`, `rate` and `dtype`: `name` has to say all that changes the frames, for a network a digest of its weights.

    Raises ValueError naming the utterance where the frames are none, not (T', D), not finite or beyond `dtype`.
    """
    dtype = np.dtype(dtype)
    key = features.hash_of([f"{FORMAT} {name} {rate} {dtype}", *packed.digests])
    folder = Path(cache) / "frames" / key
    if not (folder / "index.json").exists():
        _write(packed, function, name, folder, dtype, workers)
    index = json.loads((folder / "index.json").read_text())
    offsets = np.concatenate([[0], np.cumsum(index["lengths"])]).astype(np.int64)
    shape, file = (int(offsets[-1]), index["features"]), folder / "values"
    if file.stat().st_size != shape[0] * shape[1] * dtype.itemsize:
        raise ValueError(f"{file} does not hold {shape[0]} frames of {shape[1]} {dtype}; delete {folder}.")
    return FramePack(packed.ids, np.memmap(file, dtype, "r", shape=shape), offsets, rate, device)


def _write(packed, function, name, folder, dtype, workers):
    """Write beside, then move: a killed writer leaves nothing that looks whole."""

    @torch.no_grad()
    def one(i):
        x = packed.samples[packed.offsets[i] : packed.offsets[i + 1]].astype(np.float32) / 32768
        x = function(x)
        return x.float().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)

    folder.parent.mkdir(parents=True, exist_ok=True)
    lengths, width = [], None
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as tmp:
        with open(Path(tmp) / "values", "wb") as f, ThreadPoolExecutor(workers) as pool:
            for utterance, x in zip(packed.ids, pool.map(one, range(len(packed.ids))), strict=True):
                width = width or (x.shape[1] if x.ndim == 2 else "features")
                if x.ndim != 2 or not len(x) or x.shape[1] != width:
                    raise ValueError(
                        f"{name} of {utterance}: expected (frames ≥ 1, {width}), found {x.shape}."
                    )
                with np.errstate(over="ignore"):  # what is too large becomes infinite, and is named below
                    x = x.astype(dtype)
                if not np.isfinite(x).all():
                    raise ValueError(f"{name} of {utterance}: holds values that are not finite as {dtype}.")
                f.write(x.tobytes())
                lengths.append(len(x))
        index = {"name": name, "features": int(width), "lengths": lengths}
        (Path(tmp) / "index.json").write_text(json.dumps(index))
        if not folder.exists():
            os.replace(tmp, folder)
            os.mkdir(tmp)  # for TemporaryDirectory to remove


def emobase(packed, cache, deltas: bool = True, device="cpu", workers: int = 2) -> FramePack:
    """openSMILE's emobase descriptors at 100 Hz: 26 a frame, with their deltas 52; float32, as intensities are ~1e-9.

    Smoothed intensity, loudness, 12 MFCCs, 8 line spectral frequencies, zero crossings, voicing, F0 and its envelope.
    An utterance shorter than 50 ms, too short for openSMILE, is zero-padded to that. Source: Eyben et al. 2010.
    """
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.emobase, opensmile.FeatureLevel.LowLevelDescriptors)
    shortest = round(0.05 * packed.rate)

    def descriptors(x):
        x = smile.process_signal(np.pad(x, (0, max(shortest - len(x), 0))), packed.rate).to_numpy()
        return np.concatenate([x, regression(x)], 1) if deltas else x

    name = f"emobase {opensmile.__version__} deltas={deltas} {packed.rate} Hz"
    return extract(packed, descriptors, name, cache, 100, np.float32, device, workers)


def regression(x: np.ndarray) -> np.ndarray:
    """Deltas of (T, D) over two frames each way, Σ_i i (x_{t+i} − x_{t−i}) / (2 Σ_i i²), the edges repeated."""
    y = np.pad(x, ((2, 2), (0, 0)), mode="edge")
    return (y[3:-1] - y[1:-3] + 2 * (y[4:] - y[:-4])) / 10


def log_mel(packed, cache, n_mels: int | None = 40, n_fft: int = 1024, device="cpu") -> FramePack:
    """Log mel bands at 100 Hz (features.FilterBank), of the waveform scaled to its own peak, as everywhere."""
    bank = features.FilterBank(n_mels, packed.rate, n_fft=n_fft).to(device)

    def bands(x):
        x = torch.from_numpy(x / max(np.abs(x).max(), 1 / 32768))[None].to(device)
        return bank(x, torch.tensor([x.shape[1]], device=device))[0][0].T

    name = f"log bands n_mels={n_mels} n_fft={n_fft} {packed.rate} Hz"
    return extract(packed, bands, name, cache, 100, device=device)


def spectrogram(packed, cache, n_fft: int = 512, device="cpu") -> FramePack:
    """Log power spectrum at 100 Hz, n_fft / 2 + 1 frequencies: the input of CNN + NetVLAD (257, Xie et al. 2019)."""
    return log_mel(packed, cache, None, n_fft, device)


def vq_wav2vec(packed, cache, checkpoint, quantised: bool = False, device="cpu") -> FramePack:
    """vq-wav2vec's latent vectors at 100 Hz, 512 a frame, or its codewords with `quantised`; float16.

    `checkpoint`: the published fairseq file. Raises as models.vq_wav2vec.load does, and where audio is not 16 kHz.
    """
    if packed.rate != vq.RATE:
        raise ValueError(
            f"vq-wav2vec hears {vq.RATE} Hz, found a pack at {packed.rate} Hz; pack it at {vq.RATE}."
        )
    with open(checkpoint, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()

    @once  # nothing is loaded where the cache has the frames
    def model():
        return vq.load(checkpoint).to(device)

    def latent(x):
        x = torch.from_numpy(x)[None].to(device)
        z, frames = model()(x, torch.tensor([x.shape[1]], device=device))
        return (model().quantise(z, frames)[0] if quantised else z)[0].T

    return extract(packed, latent, f"vq-wav2vec {digest} quantised={quantised}", cache, 100, device=device)


def hidden_layer(packed, cache, encoder, layer: int, name: str, device="cpu") -> FramePack:
    """A hidden layer of a self-supervised encoder, float16: `encoder(waves, lengths, layer=…)` → (B, T, D), frames.

    Its `hop` is the samples between two frames. `name` says what its weights do not (the model, its settings); a
    digest of the weights joins it in the key. Raises ValueError where the encoder is in training mode: dropout and
    masks would be in the frames.
    """
    if encoder.training:
        raise ValueError(f"{name} is in training mode; call eval() first.")
    encoder = encoder.to(device)
    weights = hashlib.sha256()
    for key, value in encoder.state_dict().items():
        weights.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        weights.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())

    def hidden(x):
        x = torch.from_numpy(x)[None].to(device)
        return encoder(x, torch.tensor([x.shape[1]], device=device), layer=layer)[0][0]

    name = f"hidden layer {layer} of {name} {weights.hexdigest()}"
    return extract(packed, hidden, name, cache, packed.rate / encoder.hop, device=device)
