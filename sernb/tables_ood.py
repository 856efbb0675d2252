"""Tables of reliability: how well detectors tell other emotions from taught ones, and how well calibrated a model is."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sernb import metrics

SCORES = {"FPR95": metrics.fpr95, "AUROC": metrics.auroc}
PRINTED = {"ReAct": "ReACT", "Mahalanobis": "Ma_Dis"}  # as Tables VIII and IX call them


def detected(frame: pd.DataFrame, detector: str, everyone: bool = False) -> dict[str, float]:
    """FPR95 and AUROC, 0…1, of one detector: ID against OOD of the test speakers, or of everyone, as published."""
    inside = frame.loc[frame["part"] == "ID", f"d_{detector}"].to_numpy()
    outside = frame.loc[(frame["part"] == "OOD") & (everyone | ~frame["heard"]), f"d_{detector}"].to_numpy()
    return {name: score(inside, outside) if len(outside) else math.nan for name, score in SCORES.items()}


def detection(model: str, results: Sequence, printed: pd.DataFrame, n: int = 500) -> pd.DataFrame:
    """A model's rows of Tables VIII and IX, in %: each detector's FPR95 and AUROC, the mean over draws.

    `printed` is the paper's table. The interval is a 95 % bootstrap of that mean over test speakers, all of a speaker's
    utterances together; over utterances where a draw has fewer than five. Detectors are what columns d_… name.
    """
    frames = [r.predictions for r in results]
    paper = printed[printed["model"] == model].set_index(["variant", "metric"])["value"]
    rows = []
    for detector in [c[2:] for c in frames[0] if c.startswith("d_")]:
        everyone = [detected(f, detector, everyone=True) for f in frames]
        here = [detected(f, detector) for f in frames]
        low, high, unit = _interval(frames, detector, n)
        for score in SCORES:
            print_ = paper.get((PRINTED.get(detector, detector), score), math.nan)
            value = 100 * np.mean([h[score] for h in here])
            rows.append({
                "model": model, "detector": detector, "metric": score, "reported": print_, "here": value,
                "difference": value - print_, "interval": f"{100 * low[score]:.1f} … {100 * high[score]:.1f} ({unit}s)",
                "everyone, as published": 100 * np.mean([e[score] for e in everyone]),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _interval(frames, detector, n):
    unit = "speaker" if all(f.loc[~f["heard"], "speaker"].nunique() >= 5 for f in frames) else "utterance"
    generator, drawn = np.random.default_rng(0), {name: [] for name in SCORES}
    parts = [_groups(f, detector, unit) for f in frames]
    for _ in range(n):
        values = {name: [] for name in SCORES}
        for groups in parts:
            sample = _sample(groups, generator)
            for name, score in SCORES.items():
                values[name].append(score(*sample))
        for name, of in values.items():
            drawn[name].append(np.mean(of))
    low, high = ({k: float(np.quantile(v, q)) for k, v in drawn.items()} for q in (0.025, 0.975))
    return low, high, unit


def _groups(frame, detector, unit):
    """(inside, outside) scores of every unit drawn together."""
    frame = frame[~frame["heard"]]
    scores, inside = frame[f"d_{detector}"].to_numpy(), (frame["part"] == "ID").to_numpy()
    if unit == "utterance":
        return [scores[inside]], [scores[~inside]]
    names = frame["speaker"].to_numpy()
    pairs = [(scores[(names == s) & inside], scores[(names == s) & ~inside]) for s in np.unique(names)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _sample(groups, generator):
    """Scores of speakers drawn with replacement until both sides have some; of one group, its utterances."""
    inside, outside = groups
    if len(inside) == 1:
        return generator.choice(inside[0], len(inside[0])), generator.choice(outside[0], len(outside[0]))
    while True:
        chosen = generator.integers(len(inside), size=len(inside))
        a, b = (np.concatenate([side[i] for i in chosen]) for side in groups)
        if len(a) and len(b):
            return a, b


def calibration(pooled: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Share correct and mean confidence, 0…1, and utterances per bin of the largest probability; empty bins left out."""
    confidence, correct = _sure(pooled)
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    frame = pd.DataFrame({"bin": which, "confidence": confidence, "correct": correct, "utterances": 1})
    return (
        frame.groupby("bin").agg({"confidence": "mean", "correct": "mean", "utterances": "sum"}).reset_index()
    )


def calibration_error(pooled: pd.DataFrame, bins: int = 10) -> float:
    """Expected calibration error in 0…1; see metrics.ece."""
    return metrics.ece(*_sure(pooled), bins=bins)


def _sure(pooled):
    confidence = pooled.filter(regex="^p_").max(axis=1).to_numpy(float)
    return confidence, (pooled["emotion"] == pooled["predicted"]).to_numpy(float)
