"""Tables of enrolment and verification: reported | here | interval over draws, UAR and weighted F1 in every one."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sernb import metrics, reported, tables

SCORES = {"UAR": metrics.uar, "F1": metrics.wf1}
CORPORA = {"iemocap": "IEMOCAP", "meld": "MELD"}  # as the paper writes them
CLASSES = {"neutral": "neutral", "anger": "angry", "happiness": "happy", "sadness": "sad"}


def printed(number: int, model: str, corpus: str, *of: str) -> dict[str, float]:
    """A model's figures in a table of the paper by metric, of a corpus and task: {} where it has none.

    `of` is the task ("pretraining", an unseen emotion) and what else the table distinguishes.
    """
    table = reported.table("enroll_to_verify", number)
    variant = "; ".join([CORPORA.get(corpus, corpus), *of])
    rows = table[(table["model"] == model) & (table["variant"] == variant)]
    return dict(zip(rows["metric"], rows["value"], strict=True))


def drawn(frame: pd.DataFrame) -> list[str]:
    """The columns of draws: d0, d1, …"""
    return [c for c in frame if c[0] == "d" and c[1:].isdigit()]


def draws(frame: pd.DataFrame) -> pd.DataFrame:
    """UAR and weighted F1 in % of every draw of one verification task, pooled over folds: a row a draw and seed.

    With n_c queries of class c, h_c of them right and a_c said to be it: UAR = ½ Σ h_c / n_c, F1 = Σ n_c / n · 2 h_c / (n_c
    + a_c). Raises ValueError where the frame holds several tasks, or an utterance is asked twice by one seed.
    """
    if frame["task"].nunique() != 1:
        raise ValueError(f"draws are judged task by task, found {sorted(frame['task'].unique())}.")
    seeds = frame["seed"] if "seed" in frame else pd.Series(0, frame.index)
    rows = []
    for seed in sorted(seeds.unique()):
        of = frame[seeds == seed]
        if not of.index.is_unique:
            raise ValueError(f"{of.index[of.index.duplicated()][0]!r} is asked twice by seed {seed}.")
        truth = (of["emotion"] == target(frame)).to_numpy()
        said = of[drawn(of)].to_numpy(bool).T  # (draws, queries)
        right = np.stack([(~said & ~truth).sum(1), (said & truth).sum(1)])  # (2, draws)
        there = np.array([(~truth).sum(), truth.sum()])[:, None]
        called = np.stack([(~said).sum(1), said.sum(1)])
        f1 = (there / len(truth) * 2 * right / (there + called)).sum(0)
        rows.append(pd.DataFrame({"UAR": 100 * (right / there).mean(0), "F1": 100 * f1}).assign(seed=seed))
    return pd.concat(rows, ignore_index=True)[["UAR", "F1"]]


def target(frame: pd.DataFrame) -> str:
    """The unseen emotion of a task "neutral | fear"."""
    return frame["task"].iloc[0].split(" | ")[1]


def summary(frame: pd.DataFrame, **named) -> pd.DataFrame:
    """What figures draw of one task: `named` columns, metric, here (mean over draws), low and high (95 % of them), in %."""
    values = draws(frame)
    rows = [
        named
        | {
            "metric": m,
            "here": values[m].mean(),
            "low": values[m].quantile(0.025),
            "high": values[m].quantile(0.975),
        }
        for m in SCORES
    ]
    return pd.DataFrame(rows)


def interval(values: pd.Series) -> str:
    low, high = values.quantile([0.025, 0.975])
    return f"{low:.1f} … {high:.1f} ({len(values)} draws)"


def verification(
    model: str,
    frame: pd.DataFrame | None,
    paper: dict | None = None,
    against: dict[str, pd.DataFrame] | None = None,
    task: str = "",
) -> pd.DataFrame:
    """A model's rows of one task, UAR and F1 in %: mean over draws, and the interval that holds 95 % of them.

    `paper` maps UAR and F1 to the paper's figures; `against` names other models' frames of the same queries: McNemar's
    exact p that both err equally often, each query by the majority of draws. Without a frame the rows say "not run".
    """
    values, rows = None if frame is None else draws(frame), []
    for name in SCORES:
        row = {"task": task or frame["task"].iloc[0], "model": model, "metric": name}
        row["reported"] = (paper or {}).get(name, math.nan)
        if values is None:
            rows.append(row | {"here": math.nan, "difference": math.nan, "interval": "not run"})
            continue
        here = values[name].mean()
        row |= {"here": here, "difference": here - row["reported"], "interval": interval(values[name])}
        row |= {
            f"p ({other})": mcnemar(frame, of) for other, of in (against or {}).items() if of is not frame
        }
        rows.append(row)
    return pd.DataFrame(rows)


def recognised(
    model: str, frames: Sequence[pd.DataFrame], paper: dict | None = None, task: str = "pretraining"
) -> pd.DataFrame:
    """A model's rows of a recognition task, UAR and F1 in %: pooled over test speakers and seeds, bootstrap interval."""
    paper, rows = paper or {}, []
    pooled = pd.concat(frames) if len(frames) else None
    for name, score in SCORES.items():
        row = {"task": task, "model": model, "metric": name, "reported": paper.get(name, math.nan)}
        if pooled is None:
            rows.append(row | {"here": math.nan, "difference": math.nan, "interval": "not run"})
            continue
        here = 100 * score(pooled["emotion"], pooled["predicted"])
        rows.append(row | {
            "here": here, "difference": here - row["reported"], "interval": tables.interval(pooled, score)
        })  # fmt: skip
    return pd.DataFrame(rows)


def mcnemar(frame: pd.DataFrame, against: pd.DataFrame) -> float:
    """Exact p over the queries of both, each judged by the majority of its draws. Raises ValueError for other queries.

    A query that several seeds judged counts once, for the model that more of its seeds got it right with.
    """
    keys = ["seed", "task", "utterance"]
    a, b = (f.rename_axis("utterance").reset_index().set_index(keys).sort_index() for f in (frame, against))
    if not a.index.equals(b.index):
        raise ValueError(f"McNemar's test needs the same queries: {len(a)} and {len(b)}.")
    a, b = ((f["emotion"] == f["predicted"]).groupby(level=["task", "utterance"]).sum() for f in (a, b))
    return metrics.mcnemar(a > b, b > a)
