"""Speed of what comes before the network: decoding, filter banks, batches; each beside the usual way and a ceiling."""

import statistics
import tempfile
import time
from pathlib import Path

import pandas as pd
import soundfile
import torch
import torchaudio

from sernb import audio, features, training


def measure(table: pd.DataFrame, rounds: int = 3, batch_size: int = 64, crop: float = 3.0) -> pd.DataFrame:
    """Hours of audio per second of every stage: ours, the usual way, the ceiling; the median of alternating rounds.

    Audio: what an epoch reads, gathered from the pack, against opening, decoding and resampling each file; the ceiling
    is a copy of as many bytes. Filter bank: batches on the device, against torchaudio utterance by utterance; the
    ceiling is the Fourier transform alone. Batches: random crops of ready frames, gathered, against a DataLoader that
    cuts and pads them; the ceiling is a copy of as many bytes. Caches of the operating system are warm for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        packed = audio.pack(table, cache=Path(folder))
        table, waves = table.loc[packed.ids], audio.Waves(packed, training.device())
        hours = float(packed.lengths().sum() / packed.rate / 3600)
        bank = features.FilterBank().to(waves.device)
        ready = features.Frames(waves, lambda x, lengths, rows: bank(x, lengths))
        frames = int(bank.frames(torch.tensor(round(crop * packed.rate))))
        stages = {
            "audio": (lambda: _gathered_audio(waves), lambda: _decoded(table), lambda: _bytes(waves)),
            "filter bank": (
                lambda: _banks(waves, bank), lambda: _torchaudio(packed, bank), lambda: _transforms(waves),
            ),
            "batches": (
                lambda: _gathered(ready, batch_size, frames), lambda: _loaded(ready, batch_size, frames),
                lambda: _copied(ready, frames),
            ),
        }  # fmt: skip
        seconds = {stage: [[], [], []] for stage in stages}
        for call in (call for calls in stages.values() for call in calls):
            call()
        for _ in range(rounds):
            for stage, calls in stages.items():
                for of, call in zip(seconds[stage], calls, strict=True):
                    of.append(_timed(call, waves.device))
    rows = []
    for stage, of in seconds.items():
        ours, usual, ceiling = (hours / statistics.median(times) for times in of)
        rows.append({
            "stage": stage, "ours / (h/s)": ours, "usual / (h/s)": usual, "ceiling / (h/s)": ceiling,
            "ours is … times as fast": ours / usual, "% of the ceiling": 100 * ours / ceiling,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _timed(call, on):
    started = time.perf_counter()
    call()
    if on.type == "cuda":
        torch.cuda.synchronize(on)
    return time.perf_counter() - started


def _gathered_audio(waves):
    for rows in audio.buckets(waves.lengths, 64):
        waves.batch(rows)


def _decoded(table):
    for file in table["file"].unique():
        x, rate = soundfile.read(file, dtype="float32", always_2d=True)
        x = torch.from_numpy(x.mean(1))
        if rate != audio.RATE:
            torchaudio.functional.resample(x, rate, audio.RATE)


def _bytes(waves):
    waves.samples.float()


@torch.no_grad()
def _banks(waves, bank):
    for rows in audio.buckets(waves.lengths, features.chunk(waves.device)):
        bank(*waves.batch(rows))


@torch.no_grad()
def _torchaudio(packed, bank):
    mel = torchaudio.transforms.MelSpectrogram(
        packed.rate,
        1024,
        400,
        160,
        n_mels=bank.filters.shape[1],
        window_fn=torch.hamming_window,
        center=False,
    )
    for name in packed.ids:
        (mel(torch.from_numpy(packed.utterance(name))) + 1e-6).log()


@torch.no_grad()
def _transforms(waves):
    for rows in audio.buckets(waves.lengths, features.chunk(waves.device)):
        frames = int(waves.lengths[rows].sum()) // 160
        torch.fft.rfft(torch.ones(frames, 1024, device=waves.device))


def _order(ready):
    return torch.randperm(len(ready.lengths), generator=torch.Generator().manual_seed(0))


def _gathered(ready, size, frames):
    generator = torch.Generator().manual_seed(0)
    for rows in _order(ready).split(size):
        ready.batch(rows, frames, generator)


class _Cropped(torch.utils.data.Dataset):
    """Frames in a list, as a Dataset holds them: each item cut at random and padded by itself."""

    def __init__(self, ready, frames):
        values = ready.values.cpu()
        self.items = [
            values[o : o + n] for o, n in zip(ready.offsets.tolist(), ready.lengths.tolist(), strict=True)
        ]
        self.frames = frames

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        x = self.items[i]
        start = int(torch.randint(max(len(x) - self.frames, 0) + 1, ()))
        x = x[start : start + self.frames]
        return torch.nn.functional.pad(x.T, (0, self.frames - len(x))), len(x)


def _loaded(ready, size, frames):
    for x, _ in torch.utils.data.DataLoader(_Cropped(ready, frames), size, shuffle=True, num_workers=2):
        x.to(ready.device)


def _copied(ready, frames):
    cropped = int(ready.lengths.clamp(max=frames).sum())
    ready.values[:cropped].clone()
