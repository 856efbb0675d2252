"""The speed notebook's slow measurements, small or whole; whole and by themselves on an idle machine from here.

python -m sernb.speed_full [augmentation clusters scale hubert papers]     all of them, or those that are named

What is measured goes to figures/real/paper/02_speed, where the notebook finds it; `papers` goes to figures/real/costs.csv.
"""

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from sernb import (
    audio,
    corpora,
    plots,
    pseudo_labels,
    speed_augment,
    speed_clusters,
    speed_hubert,
    speed_papers,
    speed_scale,
    training,
)

WHERE = {"notebook": "02_speed", "preset": "paper", "data": "real"}
CORPUS = "emodb"


def augmentation(table: pd.DataFrame, full: bool) -> pd.DataFrame:
    """See speed_augment.measure; small: a minute and a half of audio."""
    table = table if full else table.iloc[:48]
    with tempfile.TemporaryDirectory() as folder:
        return speed_augment.measure(audio.pack(table, cache=Path(folder)), rounds=5 if full else 3)


def clusters(table: pd.DataFrame, full: bool) -> pd.DataFrame:
    """See speed_clusters.measure, with HuBERT's recipe; small: fewer and narrower frames, fewer clusters and starts."""
    table = table if full else table.iloc[:48]
    with tempfile.TemporaryDirectory() as folder:
        frames = speed_clusters.speech(
            audio.pack(table, cache=Path(folder)), speed_clusters.WIDTH if full else 128
        )
    recipe = pseudo_labels.Recipe() if full else pseudo_labels.Recipe(2000, 20, 2)
    return speed_clusters.measure(frames, speed_clusters.K if full else 64, recipe, rounds=2 if full else 1)


def memory() -> pd.DataFrame:
    """See speed_clusters.memory: noise as wide as HuBERT-base's frames, up to as many as IEMOCAP has."""
    with tempfile.TemporaryDirectory() as folder:
        sizes, recipe = (100_000, 400_000, 1_300_000), pseudo_labels.Recipe(passes=0.5, restarts=1)
        return speed_clusters.memory(speed_clusters.K, speed_clusters.WIDTH, sizes, recipe, Path(folder))


def scale(full: bool) -> pd.DataFrame:
    """See speed_scale.measure."""
    return speed_scale.measure(100_000 if full else 500)


def hubert(full: bool) -> pd.DataFrame:
    """See speed_hubert.measure; small: a small encoder, short utterances."""
    if not full:
        return speed_hubert.measure("small", 4, 2.0, 1)
    return speed_hubert.measure(batch_size=64 if training.device().type == "cuda" else 16)


def keep(name: str, found: pd.DataFrame, **where) -> None:
    """Write a measurement to where the notebook shows it from; `where` as in plots.folder."""
    found.round(4).to_csv(plots.folder(**where) / f"{name}.csv")


def main(arguments: list[str]) -> None:
    table = corpora.load(CORPUS, data="real")
    sections = {
        "augmentation": lambda: {"augmentation": augmentation(table, full=True)},
        "clusters": lambda: {"clusters": clusters(table, full=True), "clusters_memory": memory()},
        "scale": lambda: {"scale": scale(full=True)},
        "hubert": lambda: {"hubert": hubert(full=True)},
        "papers": lambda: speed_papers.main([]) or {},
    }
    if strange := sorted(set(arguments) - set(sections)):
        sys.exit(f"no measurement is called {', '.join(strange)}; there are {', '.join(sections)}.")
    for section in arguments or sections:
        started = time.perf_counter()
        for name, found in sections[section]().items():
            keep(name, found, **WHERE)
            print(found.round(4).T.to_string())
        print(f"{section}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
