"""Tables of reliability: how well detectors tell other emotions from taught ones, and how well calibrated a model is."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sernb import metrics

SCORES = {"FPR95": metrics.fpr95, "AUROC": metrics.auroc}
#: The paper's detectors, as Tables VIII and IX call them.
PRINTED = {
    "ODIN": "ODIN",
    "rODIN": "rODIN",
    "MaxLogit": "MaxLogit",
    "ReAct": "ReACT",
    "Mahalanobis": "Ma_Dis",
}


def detected(frame: pd.DataFrame, detector: str, everyone: bool = False) -> dict[str, float]:
    """FPR95 and AUROC, 0…1, of one detector: ID against OOD of the test speakers, or of everyone, as published."""
    inside = frame.loc[frame["part"] == "ID", f"d_{detector}"].to_numpy()
    outside = frame.loc[(frame["part"] == "OOD") & (everyone | ~frame["heard"]), f"d_{detector}"].to_numpy()
    return {name: score(inside, outside) if len(outside) else math.nan for name, score in SCORES.items()}


def detection(model: str, results: Sequence, printed: pd.DataFrame, n: int = 500) -> pd.DataFrame:
    """A model's rows of Tables VIII and IX, in %: each detector's FPR95 and AUROC, the mean over draws and seeds.

    `printed` is the paper's table. The interval is a 95 % bootstrap of that mean; see bootstrap. Detectors are what
    columns d_… name.
    """
    frames = [r.predictions for r in results]
    paper = printed[printed["model"] == model].set_index(["variant", "metric"])["value"]
    rows, unit, named = [], _unit(frames), detectors(frames[0])
    sampled = 100 * bootstrap(results, named, n).quantile([0.025, 0.975])
    for detector in named:
        everyone = [detected(f, detector, everyone=True) for f in frames]
        here = [detected(f, detector) for f in frames]
        for score in SCORES:
            print_ = paper.get((PRINTED.get(detector, detector), score), math.nan)
            value, (low, high) = 100 * np.mean([h[score] for h in here]), sampled[detector, score]
            rows.append({
                "model": model, "detector": detector, "metric": score, "reported": print_, "here": value,
                "difference": value - print_, "interval": f"{low:.1f} … {high:.1f} ({unit}s)",
                "everyone, as published": 100 * np.mean([e[score] for e in everyone]),
            })  # fmt: skip
    return pd.DataFrame(rows)


def detectors(frame: pd.DataFrame) -> list[str]:
    """What columns d_… name, the paper's detectors first, in its order."""
    named = [c[2:] for c in frame if c.startswith("d_")]
    return [*(n for n in PRINTED if n in named), *(n for n in named if n not in PRINTED)]


def bootstrap(results: Sequence, detectors: Sequence[str], n: int = 500) -> pd.DataFrame:
    """Columns (detector, FPR95 or AUROC), 0…1, in `n` bootstrap samples: each the mean over draws of held-out speakers
    and over seeds.

    Test speakers are drawn with replacement, all of a speaker's utterances together; utterances where a draw of
    held-out speakers has fewer than five. Seeds of one such draw were tested on the same utterances: one sample serves
    them all, as it does other models tested on them, so that two models' samples may be subtracted row by row.
    """
    frames, samples = [r.predictions for r in results], []
    unit, places = _unit(frames), sorted({f["fold"].iloc[0] for f in frames})
    for frame in frames:
        generator = np.random.default_rng([0, places.index(frame["fold"].iloc[0])])
        frame = frame[~frame["heard"]].sort_index()
        inside = (frame["part"] == "ID").to_numpy()
        draw = _speakers if unit == "speaker" else _utterances
        times = draw(frame["speaker"].to_numpy(), inside, n, generator)
        samples.append(
            np.stack([_resampled(frame[f"d_{d}"].to_numpy(float), inside, times) for d in detectors], 1)
        )
    columns = pd.MultiIndex.from_product([detectors, SCORES])
    return pd.DataFrame(np.mean(samples, axis=0).reshape(n, -1), columns=columns)


def _unit(frames):
    return "speaker" if all(f.loc[~f["heard"], "speaker"].nunique() >= 5 for f in frames) else "utterance"


def _counted(size, n, generator):
    """How often each of `size` units is drawn in each of n samples with replacement (n, size)."""
    drawn = generator.integers(size, size=(n, size)) + size * np.arange(n)[:, None]
    return np.bincount(drawn.ravel(), minlength=n * size).reshape(n, size).astype(float)


def _utterances(speakers, inside, n, generator):
    """How often each utterance is drawn in each of n samples (n, utterances): of each side as many as it has."""
    times = np.zeros((n, len(inside)))
    for side in (inside, ~inside):
        times[:, side] = _counted(side.sum(), n, generator)
    return times


def _speakers(speakers, inside, n, generator):
    """The same where whole speakers are drawn; samples without one side are drawn again."""
    codes, times = np.unique(speakers, return_inverse=True)[1], np.zeros((0, len(inside)))
    while len(times) < n:
        more = _counted(codes.max() + 1, n, generator)[:, codes]
        both = (more[:, inside].sum(1) > 0) & (more[:, ~inside].sum(1) > 0)
        times = np.concatenate([times, more[both]])
    return times[:n]


def _resampled(scores, inside, times):
    """metrics.fpr95 and metrics.auroc (n, 2) of samples in which utterances occur `times` (n, utterances)."""
    order = np.argsort(scores[inside])
    known, of_known = scores[inside][order], times[:, inside][:, order]
    strange, of_strange = scores[~inside], times[:, ~inside]
    both = of_known.sum(1) * of_strange.sum(1)
    above = (strange > known[:, None]) + 0.5 * (strange == known[:, None])
    reached = of_known.cumsum(1) >= 0.95 * of_known.sum(1, keepdims=True) - 1e-9
    accepted = strange <= known[reached.argmax(1)][:, None]
    fpr95 = (of_strange * accepted).sum(1) / of_strange.sum(1)
    return np.stack([fpr95, ((of_known @ above) * of_strange).sum(1) / both], 1)


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
