"""What every study of recognition does with one configuration: train, predict, and make a result of it."""

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sernb import grid, metrics, store, training
from sernb.studies import own, stages

#: Fields that are in the key by themselves.
ADDRESS = ("data", "preset", "fold", "seed")


def overrides(config) -> dict:
    """The config's fields that differ from its class's defaults, the paper's hyper-parameters.

    A user's CSV goes by its name, weights by their name or content: results never hold a path.
    """
    fields = [f for f in dataclasses.fields(config) if f.name not in ADDRESS]
    stored = as_stored(config)
    return {f.name: stored[f.name] for f in fields if getattr(config, f.name) != f.default}


def as_stored(config) -> dict:
    """The whole config without paths."""
    whole = dataclasses.asdict(config)
    return whole | {k: NAMED[k](whole[k]) for k in NAMED if k in whole}


def named(corpora: str) -> str:
    """Names of corpora joined by +, a CSV without its folder and ending."""
    return "+".join(Path(name).stem if name.endswith(".csv") else name for name in corpora.split("+"))


def config(cls, stored: dict):
    """A configuration of class `cls` from a stored one, which may hold more."""
    names = {f.name for f in dataclasses.fields(cls)}
    return cls(**{k: v for k, v in stored.items() if k in names})


#: Fields that may hold a path, and what is stored of them.
NAMED = {"corpus": named, "unseen": named, "encoder": stages.named, "weights": lambda file: Path(file).name}


def key(study, config, digest: str) -> str:
    address = {**overrides(config), "data": config.data, **own.sources(config)}
    return store.key(study.NAME, study.VERSION, config.preset, address, config.fold, config.seed, digest)


def run(study, config, material, job, progress: bool) -> store.Result:
    """Train on the fold's training speakers, judge on its validation speakers, predict its test speakers.

    `job(config, material, table, fold, on, progress, checkpoint)` gives probabilities for "valid", "test" and, where
    corpora are only tested on, "unseen"; and what else there is (curves, state, embeddings, dtype, parameters, metrics).
    Predictions have a column `part` in that case: "test" and "unseen".
    """
    started, on = time.time(), training.device()
    fold, classes = material.folds[config.fold], material.classes
    table, address = _labels(material.table, fold, config), study.key(config)
    outcome = job(config, material, table, fold, on, progress, store.checkpoint_path(address))
    predictions = _predictions(table, fold.test, classes, outcome["test"], fold.name)
    if len(material.unseen):
        unseen = _predictions(table, material.unseen, classes, outcome["unseen"], fold.name)
        predictions = pd.concat([predictions.assign(part="test"), unseen.assign(part="unseen")])
    judges = sorted(table.loc[fold.valid, "speaker"].unique())
    meta = {
        "version": study.VERSION, "preset": config.preset, "data": config.data, "study": study.NAME,
        "device": training.device_name(on), "dtype": outcome.get("dtype", "float64"),
        "seconds": time.time() - started, "started": started, "classes": classes,
        "fold": fold.name, "folds": len(material.folds), "valid_speakers": "+".join(judges),
        "shared_speakers": fold.shared_speakers, "overrides": overrides(config), "torch": torch.__version__,
    }  # fmt: skip
    return store.Result(
        key=address, config=as_stored(config), predictions=predictions,
        metrics=_metrics(predictions, table.loc[fold.valid, "emotion"], classes, outcome),
        curves=outcome.get("curves", pd.DataFrame()), meta=meta, path=None,
        new_state=outcome.get("state"), new_embeddings=outcome.get("embeddings"),
    )  # fmt: skip


def restored(study, network, config, progress: bool):
    """The trained `network` of a configuration, ready to be asked; trained first where the store lacks it.

    Raises FileNotFoundError where only the predictions were kept (a frozen run).
    """
    weights = grid.run(study, [config], progress=progress)[0].state()
    material, on = study.data(config), training.device()
    made = network(config, material, material.table, material.folds[config.fold], on)
    made.model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in weights.items()})
    made.model.eval()
    return made


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
    corpora = predictions["speaker"].str.split("/").str[0].where(part == "unseen")
    parts = {"": part == "test", "unseen_": part == "unseen"}
    parts |= {f"unseen_{name}_": corpora == name for name in sorted(corpora.dropna().unique())}
    found = {"valid_uar": metrics.uar(valid, guess), "valid_war": metrics.war(valid, guess)}
    for prefix, frame in ((prefix, predictions[rows]) for prefix, rows in parts.items() if rows.any()):
        found[f"{prefix}uar"] = metrics.uar(frame["emotion"], frame["predicted"])
        found[f"{prefix}war"] = metrics.war(frame["emotion"], frame["predicted"])
    for name in classes:
        found[f"valid_correct_{name}"] = float(((valid == name) & (guess == name)).sum())
        found[f"valid_count_{name}"] = float((valid == name).sum())
    return found | {"parameters": outcome.get("parameters", math.nan)} | outcome.get("metrics", {})
