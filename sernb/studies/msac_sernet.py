"""Paper 1's study: MSAC-SERNet on one corpus or several, speaker-independent, beside the classical baseline."""

import math
import sys
import time

import numpy as np
import pandas as pd
import torch

from sernb import grid, metrics, store, training
from sernb.studies import baseline, msac_network
from sernb.studies.msac_config import Config, as_stored, overrides
from sernb.studies.msac_data import Material, material

NAME = "msac_sernet"
VERSION = 2


def key(config: Config) -> str:
    address = {**overrides(config), "data": config.data}
    return store.key(NAME, VERSION, config.preset, address, config.fold, config.seed, material(config).digest)


def data(config: Config) -> Material:
    """Table, folds and packed audio of a configuration; kept warm between trainings."""
    return material(config)


def run(config: Config, progress: bool = True) -> store.Result:
    """Train on the fold's training speakers, judge on its validation speakers, predict its test speakers.

    Predictions have a column `part` where a corpus is only tested on: "test" and "unseen".
    """
    started, on, stuff = time.time(), training.device(), material(config)
    fold, classes = stuff.folds[config.fold], stuff.classes
    table = _labels(stuff.table, fold, config)
    job = baseline.svm if config.model == "svm" else msac_network.train
    outcome = job(config, stuff, table, fold, on, progress, store.checkpoint_path(key(config)))
    predictions = _predictions(table, fold.test, classes, outcome["test"], fold.name)
    if len(stuff.unseen):
        unseen = _predictions(table, stuff.unseen, classes, outcome["unseen"], fold.name)
        predictions = pd.concat([predictions.assign(part="test"), unseen.assign(part="unseen")])
    judges = sorted(table.loc[fold.valid, "speaker"].unique())
    meta = {
        "version": VERSION, "preset": config.preset, "data": config.data, "study": NAME,
        "device": training.device_name(on), "dtype": outcome.get("dtype", "float64"),
        "seconds": time.time() - started, "started": started, "classes": classes,
        "fold": fold.name, "folds": len(stuff.folds), "valid_speakers": "+".join(judges),
        "shared_speakers": fold.shared_speakers, "overrides": overrides(config), "torch": torch.__version__,
    }  # fmt: skip
    return store.Result(
        key=key(config), config=as_stored(config), predictions=predictions,
        metrics=_metrics(predictions, table.loc[fold.valid, "emotion"], classes, outcome),
        curves=outcome.get("curves", pd.DataFrame()), meta=meta, path=None,
        new_state=outcome.get("state"), new_embeddings=outcome.get("embeddings"),
    )  # fmt: skip


def restored(config: Config, progress: bool = True) -> msac_network.Network:
    """The trained network of a configuration, ready to be asked; trained first where the store lacks it.

    Raises FileNotFoundError where only the predictions were kept (a frozen run).
    """
    weights = grid.run(sys.modules[__name__], [config], progress=progress)[0].state()
    stuff, on = material(config), training.device()
    network = msac_network.Network(config, stuff, stuff.table, stuff.folds[config.fold], on)
    network.model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in weights.items()})
    network.model.eval()
    return network


def _labels(table, fold, config):
    """The control: training and validation labels permuted within each part, test labels left alone."""
    if not config.shuffle_labels:
        return table
    table, generator = table.copy(), np.random.default_rng(config.seed)
    for ids in (fold.train, fold.valid):
        table.loc[ids, "emotion"] = generator.permutation(table.loc[ids, "emotion"].to_numpy())
    return table


def _predictions(table, ids, classes, probabilities, fold):
    frame = table.loc[ids, ["speaker", "emotion"]].copy()
    frame["predicted"] = np.array(classes)[probabilities.argmax(1)]
    frame["fold"] = fold
    for i, name in enumerate(classes):
        frame[f"p_{name}"] = probabilities[:, i]
    return frame


def _metrics(predictions, valid, classes, outcome):
    """Recall on test, unseen and validation speakers, and validation counts by class: they can be pooled over folds."""
    guess = np.array(classes)[outcome["valid"].argmax(1)]
    part = predictions.get("part", pd.Series("test", predictions.index))
    found = {"valid_uar": metrics.uar(valid, guess), "valid_war": metrics.war(valid, guess)}
    for prefix, frame in [("", predictions[part == "test"]), ("unseen_", predictions[part == "unseen"])]:
        if len(frame):
            found[f"{prefix}uar"] = metrics.uar(frame["emotion"], frame["predicted"])
            found[f"{prefix}war"] = metrics.war(frame["emotion"], frame["predicted"])
    for name in classes:
        found[f"valid_correct_{name}"] = float(((valid == name) & (guess == name)).sum())
        found[f"valid_count_{name}"] = float((valid == name).sum())
    return found | {"parameters": outcome.get("parameters", math.nan)} | outcome.get("metrics", {})
