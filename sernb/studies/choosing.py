"""Choosing a recipe on validation speakers: what `tuned` presets rest on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def validated(candidates: Mapping[str, Sequence]) -> pd.DataFrame:
    """Validation recall of every candidate, pooled over its folds' validation speakers, in %.

    `candidates` maps a name to its results, the same folds for all. Rows in their order; columns UAR, WAR,
    utterances, folds. Raises ValueError where candidates were run on different folds.
    """
    folds = {name: sorted(r.meta["fold"] for r in results) for name, results in candidates.items()}
    if len({tuple(f) for f in folds.values()}) > 1:
        raise ValueError(f"candidates are compared on the same folds, found {folds}.")
    rows = []
    for name, results in candidates.items():
        right, count = _counts(results)
        rows.append({
            "candidate": name, "UAR": 100 * (right / count).mean(), "WAR": 100 * right.sum() / count.sum(),
            "utterances": int(count.sum()), "folds": len(results),
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("candidate")


def chosen(candidates: Mapping[str, Sequence]) -> pd.DataFrame:
    """The best candidate by validation UAR, and again for each fold whose test speaker validates another: without it.

    In leave-one-speaker-out every speaker validates once. Had a recipe been chosen with the help of the speaker that
    it is tested on, the last column would differ between the rows. Columns left out, best, UAR, second, its UAR.
    """
    everyone = sorted(
        {speaker for results in candidates.values() for r in results for speaker in [valid_of(r)]}
    )
    rows = []
    for speaker in ["nobody", *everyone]:
        kept = {name: [r for r in results if valid_of(r) != speaker] for name, results in candidates.items()}
        scores = validated(kept)["UAR"].sort_values(ascending=False, kind="stable")
        rows.append({
            "left out": speaker, "best": scores.index[0], "UAR": scores.iloc[0],
            "second": scores.index[1], "its UAR": scores.iloc[1],
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("left out")


def valid_of(result) -> str:
    """The name of the fold's validation speakers."""
    return result.meta["valid_speakers"]


def _counts(results):
    """Correct and counted validation utterances by class, pooled."""
    classes = results[0].meta["classes"]
    return (
        np.array([[r.metrics[f"valid_{kind}_{c}"] for c in classes] for r in results]).sum(0)
        for kind in ("correct", "count")
    )
