"""The result store: one folder per (study, configuration), written whole or not at all.

results/<study>/<key>/ holds config.json, metrics.json, meta.json, predictions.parquet, curves.csv and, where the
study gives them, model.safetensors and embeddings.parquet; checksums.json names them all.
"""

import functools
import hashlib
import json
import os
import subprocess
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.numpy

from sernb import paths, writing

#: What every result holds.
ALWAYS = {"config.json", "metrics.json", "meta.json", "predictions.parquet", "curves.csv"}


class Damaged(ValueError):
    """A stored result does not match its checksums."""


@dataclass
class Result:
    """One finished run. `predictions`: index utterance; speaker, emotion (truth), predicted, fold, p_<emotion> …"""

    key: str
    config: dict
    metrics: dict[str, float]
    predictions: pd.DataFrame
    curves: pd.DataFrame
    meta: dict
    path: Path | None = None
    new_state: dict[str, np.ndarray] | None = field(default=None, repr=False)
    new_embeddings: pd.DataFrame | None = field(default=None, repr=False)

    def state(self) -> dict[str, np.ndarray]:
        """The trained weights. Raises FileNotFoundError for a frozen run, which keeps predictions only."""
        file = self.path and self.path / "model.safetensors"
        if file is None or not file.exists():
            raise FileNotFoundError(
                f"{self.key}: no weights are stored (a frozen run keeps predictions only). Train it again here: "
                "remove the frozen run or point SERNB_FIGURES elsewhere."
            )
        try:
            return safetensors.numpy.load_file(file)
        except safetensors.SafetensorError as error:
            raise Damaged(
                f"{file}: the weights are damaged ({error}). Remove that folder, and it is trained again."
            ) from error

    def embeddings(self) -> pd.DataFrame | None:
        """Embeddings of the test utterances, or None where none are stored."""
        file = self.path and self.path / "embeddings.parquet"
        return pd.read_parquet(file) if file is not None and file.exists() else None


def key(study, version, preset, overrides: dict, fold, seed, digest: str, source: str = "") -> str:
    """A readable prefix and 16 hexadecimal digits of everything that may change the result."""
    named = [study, version, preset, sorted(overrides.items()), fold, seed, digest, source]
    text = json.dumps(named, default=list)
    return f"{preset}-fold{fold}-seed{seed}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def checkpoint_path(key: str) -> Path:
    return paths.RESULTS / "checkpoints" / f"{key}.pt"


def write(result: Result, root: Path | None = None) -> Result:
    """Write a result atomically: a writer killed at any point leaves nothing that looks whole.

    Where another process has stored a whole one meanwhile, that stays. Raises writing.NotWritten where there is no
    room or no permission.
    """
    folder = Path(root or paths.RESULTS) / result.meta["study"] / result.key
    with writing.into(folder.parent, "SERNB_RESULTS"), writing.beside(folder) as temporary:
        _fill(temporary, result)
        writing.place(temporary, folder, _is_whole)
    for file in checkpoint_path("").parent.glob(f"{result.key}.*"):
        file.unlink(missing_ok=True)
    writing.sweep(folder.parent)
    return load(folder)


def _fill(temporary, result):
    meta = {**_commit(), **result.meta}
    for name, value in (("config", result.config), ("metrics", result.metrics), ("meta", meta)):
        (temporary / f"{name}.json").write_text(json.dumps(value, indent=1, default=list))
    result.predictions.to_parquet(temporary / "predictions.parquet")
    result.curves.to_csv(temporary / "curves.csv", index=False)
    if result.new_state is not None:
        tensors = {k: np.ascontiguousarray(v) for k, v in result.new_state.items()}
        (temporary / "model.safetensors").write_bytes(safetensors.numpy.save(tensors))
    if result.new_embeddings is not None:
        result.new_embeddings.to_parquet(temporary / "embeddings.parquet")
    sums = {file.name: _checksum(file) for file in sorted(temporary.iterdir())}
    (temporary / "checksums.json").write_text(json.dumps(sums, indent=1))
    _sync(temporary)


def read(key: str, root: Path | None = None) -> Result | None:
    """The stored result of a key, else the frozen one, else None. A damaged one is named and counts as missing."""
    from sernb import frozen

    for folder in sorted(Path(root or paths.RESULTS).glob(f"*/{key}")):
        if folder.parent.name == "checkpoints":
            continue
        try:
            return load(folder)
        except Damaged as error:
            warnings.warn(f"{error} It will be computed again.", stacklevel=2)
    return frozen.read(key)


def has(key: str, root: Path | None = None) -> bool:
    return read(key, root) is not None


def find(
    study=None, data=None, preset=None, version=None, root: Path | None = None, **config
) -> list[Result]:
    """Every stored and frozen result that matches; `config` by field. Refuses to mix a study's versions."""
    from sernb import frozen

    found = {}
    for folder in sorted(
        Path(root or paths.RESULTS).glob("*/[!.]*/checksums.json")
    ):  # .writing-…: a killed writer
        try:
            result = load(folder.parent)
        except Damaged as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        found[result.key] = result
    found = {**frozen.all_runs(), **found}
    wanted = {
        k: v for k, v in (("study", study), ("data", data), ("preset", preset), ("version", version)) if v
    }
    matching = [
        r for r in found.values()
        if all(r.meta.get(k) == v for k, v in wanted.items()) and all(r.config.get(k) == v for k, v in config.items())
    ]  # fmt: skip
    for name in {r.meta["study"] for r in matching}:
        versions = sorted({r.meta["version"] for r in matching if r.meta["study"] == name})
        if len(versions) > 1:
            raise ValueError(
                f"{name}: results of versions {versions} would be mixed. Ask for one with version=…, or remove the "
                "older ones from the store."
            )
    return matching


def load(folder: Path) -> Result:
    """The result in a folder of the store. Raises Damaged where it is not whole."""
    try:
        sums = json.loads((folder / "checksums.json").read_text())
        if lacking := sorted(ALWAYS - sums.keys()):
            raise Damaged(f"{folder.parent.name}/{folder.name}: checksums.json does not name {lacking}.")
        for name, expected in sums.items():
            if _checksum(folder / name) != expected:
                raise Damaged(f"{folder.parent.name}/{folder.name}: {name} does not match its checksum.")
        config, metrics, meta = (
            json.loads((folder / f"{n}.json").read_text()) for n in ("config", "metrics", "meta")
        )
        curves = folder / "curves.csv"
        curves = pd.read_csv(curves) if curves.stat().st_size > 1 else pd.DataFrame()
        predictions = pd.read_parquet(folder / "predictions.parquet")
    except Damaged:
        raise
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise Damaged(f"{folder.parent.name}/{folder.name}: cannot be read ({error}).") from error
    return Result(folder.name, config, metrics, predictions, curves, meta, folder)


def _is_whole(folder: Path) -> bool:
    try:
        return load(folder) is not None
    except Damaged:
        return False


def _checksum(file: Path) -> str:
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _sync(folder: Path):
    for file in folder.iterdir():
        with open(file, "rb") as f:
            os.fsync(f.fileno())


@functools.cache  # a process has loaded its code once
def _commit() -> dict:
    """The checkout's commit, and whether it had uncommitted changes; unknown outside a git checkout."""
    try:
        run = ["git", "-C", str(paths.ROOT)]
        commit = subprocess.run(
            [*run, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(
            [*run, "status", "--porcelain"], capture_output=True, text=True, check=True
        ).stdout
        return {"commit": commit, "dirty": bool(dirty)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "dirty": None}
