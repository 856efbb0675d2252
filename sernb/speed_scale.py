"""A corpus of very many utterances: how long it takes to index and to pack, how fast batches come, how much memory.

`measure` starts a process of its own, since a peak of memory is a process's.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch

from sernb import audio, corpora, heap, paths
from sernb.corpora import labels

SPEAKERS = 500


def make(root: Path, utterances: int, seed: int = 0) -> None:
    """Noise in the layout of MSP-Podcast, a quarter to half a second each: its labels, speakers and splits drawn."""
    generator = np.random.default_rng(seed)
    (root / "Audios").mkdir(parents=True)
    (root / "Labels").mkdir()
    samples = (3000 * generator.normal(size=2**20)).astype(np.int16)
    names = [f"MSP-PODCAST_{i // 1000:04d}_{i % 1000:04d}.wav" for i in range(utterances)]
    starts, lengths = (
        generator.integers(2**19, size=utterances),
        generator.integers(4000, 8000, size=utterances),
    )
    for name, start, length in zip(names, starts, lengths, strict=True):
        soundfile.write(root / "Audios" / name, samples[start : start + length], audio.RATE)
    speakers = generator.integers(SPEAKERS, size=utterances)
    listed = {
        "FileName": names, "EmoClass": generator.choice(list(labels.MSP_PODCAST), utterances), "EmoAct": 4.0, "EmoVal": 4.0,
        "EmoDom": 4.0, "SpkrID": speakers, "Gender": np.where(speakers % 2, "Male", "Female"), "Split_Set": "Train",
    }  # fmt: skip
    pd.DataFrame(listed).to_csv(root / "Labels" / "labels_consensus.csv", index=False)


def measure(utterances: int = 100_000, batch_size: int = 64) -> pd.DataFrame:
    """One row: utterances, seconds to index and to pack, utterances per second of random batches, memory in GB (Linux).

    Memory: the most that the process had until everything was packed, and while batches were drawn; its own, and the
    pages of mapped files that are in it. The batches are whole utterances gathered from the memory-mapped pack,
    shuffled, as an epoch is. The speech is made in a temporary folder and removed.
    """
    with tempfile.TemporaryDirectory(prefix="sernb-scale-") as folder:
        make(Path(folder) / "corpus", utterances)
        done = subprocess.run(
            [sys.executable, "-m", __name__, folder, str(batch_size)],
            cwd=paths.ROOT,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"the measurement failed:\n{done.stderr[-2000:]}")
    return pd.DataFrame([json.loads(done.stdout)])


def _measured(folder: Path, batch_size: int) -> dict:
    started = time.perf_counter()
    table = corpora.load("msp_podcast", folder / "corpus")
    indexed = time.perf_counter()
    packed = audio.pack(table, cache=folder / "cache")
    done, peak = time.perf_counter(), heap.own("VmHWM")
    heap.watch_anew()
    waves, generator = audio.Waves(packed), torch.Generator().manual_seed(0)
    for rows in torch.randperm(len(packed.ids), generator=generator).split(batch_size):
        waves.batch(rows)
    return {
        "utterances": len(packed.ids), "index / s": indexed - started, "pack / s": done - indexed,
        "batches / (utterances/s)": len(packed.ids) / (time.perf_counter() - done),
        "peak memory, index and pack / GB": peak / 1e9, "peak memory, batches / GB": heap.own("VmHWM") / 1e9,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1]), int(sys.argv[2]))))
