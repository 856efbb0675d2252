"""Stages of a training that several configurations share: computed once, stored whole or not at all, resumable.

results/stages/<name>-<key>/ holds model.safetensors, curves.csv and stage.json. A stage that was cut off goes on from
its checkpoint; a result's key holds everything that its stages depend on.
"""

import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file, save_file

from sernb import paths, store, together


@dataclass(frozen=True)
class Stage:
    """A finished stage: weights and whatever else is an array, learning curves, and facts about it."""

    arrays: dict[str, np.ndarray]
    curves: pd.DataFrame
    facts: dict


def key(*parts) -> str:
    """Sixteen hexadecimal digits of everything that may change a stage."""
    return hashlib.sha256(json.dumps(parts, default=list, sort_keys=True).encode()).hexdigest()[:16]


@functools.lru_cache(maxsize=8)
def named(source: str) -> str:
    """Weights by what they are: a hub name as it stands, a local directory as its name and a digest of its content."""
    folder = Path(source)
    if not folder.is_dir():
        return source
    h = hashlib.sha256()
    for file in sorted(f for f in folder.iterdir() if f.is_file()):
        with open(file, "rb") as f:
            h.update(f"{file.name}\0{hashlib.file_digest(f, 'sha256').hexdigest()}\n".encode())
    return f"{folder.name}@{h.hexdigest()[:12]}"


def stored(name: str, key: str, make: Callable[[Path], Stage]) -> Stage:
    """The stage from the store, or made by `make(checkpoint)` and stored. `checkpoint`: where it may keep its progress."""
    folder = paths.RESULTS / "stages" / f"{name}-{key}"
    if not together.agreed((folder / "stage.json").exists):
        checkpoint, started = store.checkpoint_path(folder.name), time.time()
        made = make(checkpoint)
        together.agreed(lambda: _write(folder, made, {**made.facts, "seconds": time.time() - started}))
        checkpoint.unlink(missing_ok=True)
    facts = json.loads((folder / "stage.json").read_text())
    return Stage(load_file(folder / "model.safetensors"), pd.read_csv(folder / "curves.csv"), facts)


def _write(folder, made, facts):
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".writing-"))
    try:
        arrays = {k: np.ascontiguousarray(v) for k, v in made.arrays.items()}
        save_file(arrays, temporary / "model.safetensors")
        made.curves.to_csv(temporary / "curves.csv", index=False)
        (temporary / "stage.json").write_text(json.dumps(facts, indent=1, default=list))
        if folder.exists():  # another process was first
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
