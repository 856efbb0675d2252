"""How the weights of sernb.acoustics are made: dry speech in simulated rooms.

    python -m sernb.studies.acoustics_training

draws the rooms (cached, six minutes of one core), speaks, trains and writes the file that sernb.acoustics
loads. Everything comes from `seed`: the same machine and number of threads give the same file. No recording is read,
and no German voice speaks.
"""

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from sernb import acoustics, paths, rooms, training
from sernb.studies import dry_speech
from sernb.studies.room_scenes import Ranges, Scenes


@dataclass(frozen=True)
class Config:
    """Sizes of the training; ranges wider than those of an examination, see room_scenes."""

    rooms: int = 2200
    speakers: int = 250
    epochs: int = 6
    steps: int = 100  # in an epoch
    batch: int = 64
    learning_rate: float = 2e-3
    ranges: Ranges = Ranges((12.0, 45.0), faster=0.4, direct=0.5, coloured=0.7, silent=0.3, shorter=0.3)
    seed: int = 0
    threads: int = 1


class Steps(torch.utils.data.Dataset):
    """An epoch's batches, each from its own seed, so that it does not matter which process makes it."""

    def __init__(self, scenes, config, seed):
        self.scenes, self.config, self.seed, self.hearing = scenes, config, seed, acoustics.Hearing()

    def __len__(self):
        return self.config.steps

    @torch.no_grad()
    def __getitem__(self, step):
        torch.set_num_threads(1)
        generator = np.random.default_rng([self.seed, step])
        batch = self.scenes.batch(self.config.batch, self.config.ranges, generator)
        names = [f"step {step}, window {i}" for i in range(self.config.batch)]
        x, frames = self.hearing(batch.waves, batch.lengths)
        return {"x": x, "frames": frames, "truth": batch.truth, "utterances": names}


def responses(seed: int, count: int, workers: int | None = None) -> np.ndarray:
    """The first `count` rooms of a seed as (count, LONGEST · RATE) float16, zero past each end; cached."""
    file = paths.CACHE / "rooms" / f"{seed}-{count}-{rooms.recipe()}.npy"
    if not file.exists():
        width = round(rooms.LONGEST * rooms.RATE)
        with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
            drawn = pool.map(partial(rooms.draw, seed), range(count), chunksize=8)
            found = np.stack([np.pad(h, (0, width - len(h))) for h in drawn]).astype(np.float16)
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.tmp.npy")
        np.save(temporary, found)
        os.replace(temporary, file)
    return np.load(file)


def train(config: Config, scenes: Scenes, checkpoint: Path | None = None, progress=True):
    """An estimator trained on `scenes`, and its learning curves; a training cut off goes on from `checkpoint`."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    estimator = acoustics.Estimator().to(memory_format=torch.channels_last)  # a quarter faster
    device = torch.device("cpu")

    def batches(generator):
        seed = int(torch.randint(2**31, (), generator=generator))
        yield from torch.utils.data.DataLoader(Steps(scenes, config, seed), batch_size=None, num_workers=2)

    def objective(batch, generator):
        with training.autocast(device, training.dtype(device)):
            found = estimator.network(batch["x"], batch["frames"])
        wanted = (batch["truth"] - estimator.centre) / estimator.scale
        return torch.nn.functional.smooth_l1_loss(found.float(), wanted, beta=0.3)

    fit = training.FitConfig(
        config.epochs, "adamw", config.learning_rate, 0.01, "cosine", select="last", average=0.98, clip=1.0,
        checkpoint_every=0.0,
    )  # fmt: skip
    curves = training.fit(
        estimator.network, objective, batches, fit,
        seed=config.seed, steps_per_epoch=config.steps, checkpoint=checkpoint,
        progress=progress, label="room acoustics",
    )  # fmt: skip
    return estimator.eval(), curves


def save(estimator: acoustics.Estimator, config: Config, file: Path) -> None:
    """Weights in fp32, and beside them what they were trained on."""
    tensors = {
        name: x.clone(memory_format=torch.contiguous_format)
        for name, x in estimator.network.state_dict().items()
    }
    trained_on = (
        f"{config.rooms} rooms simulated by pyroomacoustics; {config.speakers} voices of espeak-ng in the languages "
        "of the stand-ins without German; no recordings"
    )
    about = {"format": acoustics.FORMAT, "digest": acoustics.digest(tensors), "trained on": trained_on}
    about["config"] = asdict(config)
    safetensors.torch.save_file(tensors, file, {"about": json.dumps(about)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=acoustics.WEIGHTS)
    chosen, config = parser.parse_args(), Config()
    scenes = Scenes(dry_speech.streams(config.seed, config.speakers), responses(config.seed, config.rooms))
    checkpoint = chosen.out.with_suffix(".checkpoint")
    estimator, curves = train(config, scenes, checkpoint)
    save(estimator, config, chosen.out)
    checkpoint.unlink()
    print(
        f"{chosen.out}: {curves['seconds'].sum():.0f} s of training, loss {curves['train_loss'].iloc[-1]:.4f}"
    )


if __name__ == "__main__":
    main()
