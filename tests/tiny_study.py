"""A study that trains a small linear model: quick, deterministic, and failing in every way that a test may ask for."""

import dataclasses
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from sernb import store

NAME = "tiny"
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Config:
    """`fault`: what goes wrong in this configuration; `log`: a file that gets a line per training."""

    fold: int = 0
    seed: int = 0
    seconds: float = 0.0
    fault: str = ""
    log: str = ""


def key(config):
    if config.fault == "no data":
        raise FileNotFoundError("there is no corpus 'nowhere'")
    named = {"seconds": config.seconds, "fault": config.fault}
    return store.key(NAME, VERSION, "quick", named, config.fold, config.seed, "digest")


def run(config, progress=True):
    """Least squares by gradient descent on data drawn from the fold and the seed."""
    if config.log:
        with open(config.log, "a") as f:
            f.write(f"{config.fold}\n")
    if config.fault == "raises":
        raise ValueError(f"no luck with fold {config.fold}")
    if config.fault == "once" and not (marker := Path(config.log + ".once")).exists():
        marker.touch()
        raise ConnectionError("the file server is away")
    if config.fault == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if config.fault == "nan":
        _nan()
    time.sleep(config.seconds)
    generator = np.random.default_rng([config.fold, config.seed])
    x, w = generator.normal(size=(200, 8)), np.zeros(8)
    y = np.sign(x @ generator.normal(size=8) + generator.normal(size=200))
    losses = []
    for _ in range(50):
        losses.append(float(np.mean((x @ w - y) ** 2)))
        w -= 0.1 * x.T @ (x @ w - y) / len(x)
    p = 1 / (1 + np.exp(-x @ w))
    ids = pd.Index([f"tiny/{config.fold}-{i}" for i in range(len(x))], name="utterance")
    frame = pd.DataFrame({"speaker": "tiny/a", "emotion": np.where(y > 0, "anger", "fear")}, ids)
    frame = frame.assign(
        predicted=np.where(p > 0.5, "anger", "fear"), fold=str(config.fold), p_anger=p, p_fear=1 - p
    )
    meta = {
        "study": NAME,
        "version": VERSION,
        "preset": "quick",
        "data": "stand-in",
        "fold": str(config.fold),
    }
    curves = pd.DataFrame({"epoch": range(1, 51), "train_loss": losses})
    return store.Result(
        key(config), dataclasses.asdict(config), {"war": float(np.mean((p > 0.5) == (y > 0)))}, frame, curves,
        meta | {"pid": os.getpid(), "threads": os.environ.get("OMP_NUM_THREADS"), "torch": "torch" in sys.modules},
        new_state={"w": w, "large": np.zeros(2**16 if config.fault == "large" else 1)},
    )  # fmt: skip


def _nan():
    import torch

    from sernb import training

    model = torch.nn.Linear(2, 1)
    training.fit(
        model,
        lambda batch, generator: model(batch["x"]).mean(),
        lambda generator: [{"x": torch.full((2, 2), torch.nan), "utterances": ["tiny/a", "tiny/b"]}],
        training.FitConfig(1), seed=0, steps_per_epoch=1, progress=False,
    )  # fmt: skip
