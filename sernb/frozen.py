"""Frozen runs: configurations and predictions of finished real runs, compressed and committed.

The store goes with the machine. What the README shows is recomputed from figures/real/runs/<study>.parquet
(predictions of all runs, one column `key`) and <study>.json (configuration, metrics, curves and origin per key).
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

from sernb import paths, store

LIMIT = 1_000_000  # bytes a study


def _folder() -> Path:
    return paths.FIGURES / "real" / "runs"


def _columns(frame):
    return [c for c in frame if c.startswith("p_")]


def all_runs() -> dict[str, store.Result]:
    """Every frozen run by key. The tests' and a newcomer's store is empty; these count as done."""
    found = {}
    for file in sorted(_folder().glob("*.json")):
        found |= _study(file)
    return found


def read(key: str) -> store.Result | None:
    """A frozen run, None where there is none; files that do not name it are not taken apart."""
    for file in sorted(_folder().glob("*.json")):
        if f'"{key}"' in file.read_text():
            return _study(file)[key]
    return None


def _study(file: Path) -> dict[str, store.Result]:
    described = json.loads(file.read_text())
    whole = pd.read_parquet(file.with_suffix(".parquet"))
    types = {c: np.float64 for c in _columns(whole)}
    whole = whole.astype(types | {c: object for c in ("speaker", "emotion", "predicted", "fold")})
    found = {}
    for key, frame in whole.groupby("key", sort=False, observed=True):
        run = described[key]
        frame = frame.drop(columns="key").dropna(axis=1, how="all")
        curves = pd.DataFrame(run["curves"])
        found[key] = store.Result(
            key, run["config"], run["metrics"], frame, curves, {**run["meta"], "frozen": True}
        )
    return found


def freeze(root: Path | None = None) -> list[Path]:
    """Add the store's finished real runs to the frozen ones; returns the files written.

    Raises ValueError naming the study if its files would pass 1 MB.
    """
    runs = [r for r in store.find(root=root) if r.meta["data"] == "real"]
    written = []
    for study in sorted({r.meta["study"] for r in runs}):
        written += _write(study, [r for r in runs if r.meta["study"] == study])
    return written


def _write(study, runs):
    runs = sorted(runs, key=lambda r: (json.dumps(r.config, sort_keys=True, default=list), r.key))
    described, frames = {}, []
    for run in runs:
        curves = run.curves.drop(columns="seconds", errors="ignore")
        described[run.key] = {
            "config": run.config, "metrics": run.metrics, "meta": {k: v for k, v in run.meta.items() if k != "frozen"},
            "curves": {c: [float(f"{v:.5g}") for v in curves[c]] for c in curves},
        }  # fmt: skip
        frame = run.predictions.assign(key=run.key)
        frames.append(frame.astype({c: np.float16 for c in _columns(frame)}))
    whole = pd.concat(frames)
    whole = whole.astype({c: "category" for c in ("speaker", "emotion", "predicted", "fold", "key")})
    _folder().mkdir(parents=True, exist_ok=True)
    table, text = _folder() / f"{study}.parquet", _folder() / f"{study}.json"
    whole.to_parquet(f"{table}.tmp", compression="zstd", compression_level=19)
    Path(f"{text}.tmp").write_text(json.dumps(described, separators=(",", ":"), default=list) + "\n")
    size = os.path.getsize(f"{table}.tmp") + os.path.getsize(f"{text}.tmp")
    if size > LIMIT:
        os.remove(f"{table}.tmp"), os.remove(f"{text}.tmp")
        raise ValueError(
            f"{study}: frozen runs would take {size} bytes, more than {LIMIT}. Freeze fewer of them."
        )
    os.replace(f"{table}.tmp", table)
    os.replace(f"{text}.tmp", text)
    return [table, text]


def import_(other: Path) -> int:
    """Merge another machine's store (its results folder) into this one; returns how many runs were new."""
    other = Path(other)
    if not other.is_dir():
        raise FileNotFoundError(
            f"{other}: expected a result store (a folder <study>/<key>/checksums.json), found none."
        )
    import shutil

    new = 0
    for sums in sorted(other.glob("*/[!.]*/checksums.json")):
        run = store.load(sums.parent)  # a damaged one stops the import and is named
        target = paths.RESULTS / run.meta["study"] / run.key
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(sums.parent, f"{target}.copying", dirs_exist_ok=True)
            os.replace(f"{target}.copying", target)
            new += 1
    return new
