"""Speed of paper 3's augmentations: the whole chain batched, beside the same effects file by file."""

import statistics
import time

import audiomentations
import numpy as np
import pandas as pd
import pedalboard
import torch

from sernb import audio, heap, training
from sernb.augment_waveforms import Augment


def usual(augment: Augment):
    """The same effects in the same ranges, file by file with audiomentations and pedalboard: float32 in, float32 out.

    Fades and the order are ours; the filters have ours' slope, 54 dB an octave.
    """
    slope = {"min_rolloff": 54, "max_rolloff": 54, "p": 1.0}
    stretch = audiomentations.TimeStretch(*augment.speed, leave_length_unchanged=False, p=1.0)
    shift = audiomentations.Shift(-augment.shift, augment.shift, p=1.0)
    high, low = (
        audiomentations.HighPassFilter(*augment.high_pass, **slope),
        audiomentations.LowPassFilter(*augment.low_pass, **slope),
    )
    noise = audiomentations.AddColorNoise(*augment.snr, min_f_decay=-3.01, max_f_decay=-3.01, p=1.0)
    generator = np.random.default_rng(0)

    def one(x):
        x = shift(stretch(x, augment.rate), augment.rate)
        rise, fall = (round(share * len(x)) for share in generator.uniform(0, augment.fade, 2))
        x[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
        x[len(x) - fall :] *= np.linspace(1, 0, fall, dtype=np.float32)
        x = low(high(x, augment.rate), augment.rate)
        room, wet = generator.uniform(0, (augment.room, augment.wet))
        x = pedalboard.Reverb(room_size=room, wet_level=wet, dry_level=augment.dry)(x, augment.rate)
        return noise(x, augment.rate)

    return one


class Files(torch.utils.data.Dataset):
    """The usual way's utterances for a DataLoader: item i is utterance i, augmented anew."""

    def __init__(self, files, one):
        self.files, self.one = files, one

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return torch.from_numpy(self.one(self.files[i].copy()))


def measure(packed: audio.Pack, rounds: int = 3, batch_size: int = 64) -> pd.DataFrame:
    """Hours of audio per second of the chain on every utterance; one row a way, the median of alternating rounds.

    Ours in batches on the device, on a CPU with as many threads as torch has; the usual way file by file in one
    process, and in a DataLoader with as many workers as torch has threads. All start from waveforms in memory and give
    float32; ours keeps freed memory, as `training.fit` does.
    """
    waves, augment, workers = (
        audio.Waves(packed, training.device()),
        Augment(packed.rate),
        torch.get_num_threads(),
    )
    batches = [waves.batch(rows) for rows in audio.buckets(waves.lengths, batch_size)]
    files = Files([packed.utterance(name) for name in packed.ids], usual(augment))
    loader = torch.utils.data.DataLoader(
        files, batch_size, collate_fn=list, num_workers=workers, persistent_workers=True
    )
    ways = {
        "ours": lambda: [augment(x, n, 1.0, torch.Generator().manual_seed(0)) for x, n in batches],
        "usual, one process": lambda: [files[i] for i in range(len(files))],
        f"usual, workers: {workers}": lambda: list(loader),
    }
    hours, seconds = float(packed.lengths().sum() / packed.rate / 3600), {way: [] for way in ways}
    with heap.kept(waves.device.type == "cpu"):
        for call in ways.values():  # tables made, pages touched, workers started
            call()
        for _ in range(rounds):
            for way, call in ways.items():
                started = time.perf_counter()
                call()
                if waves.device.type == "cuda":
                    torch.cuda.synchronize()
                seconds[way].append(time.perf_counter() - started)
    rate = {way: hours / statistics.median(times) for way, times in seconds.items()}
    return pd.DataFrame([
        {"way": way, "dtype": "float32", "hours of audio per second": rate[way], "ours is … times as fast": rate["ours"] / rate[way]}
        for way in ways
    ])  # fmt: skip
