"""Scores of recognition and of detection, with intervals and tests. All in 0…1; nothing here needs torch."""

import numpy as np
import pandas as pd
from scipy import stats


def _pair(truth, predicted):
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.shape != predicted.shape:
        raise ValueError(f"Truth and prediction differ in length: {len(truth)} != {len(predicted)}.")
    if len(truth) == 0:
        raise ValueError("No utterances to score: expected one or more.")
    return truth, predicted


def war(truth, predicted) -> float:
    """Weighted average recall = accuracy: Σ_c n_c recall_c / Σ_c n_c."""
    truth, predicted = _pair(truth, predicted)
    return float((truth == predicted).mean())


def recall_per_class(truth, predicted, classes=None) -> pd.Series:
    """Share of each class's utterances that were recognised; NaN for a class without utterances."""
    truth, predicted = _pair(truth, predicted)
    classes = np.unique(truth) if classes is None else classes
    values = [(predicted[truth == c] == c).mean() if (truth == c).any() else np.nan for c in classes]
    return pd.Series(values, index=list(classes), dtype=float)


def uar(truth, predicted, classes=None) -> float:
    """Unweighted average recall: the mean of the classes' recalls, over classes that occur in `truth`."""
    return float(recall_per_class(truth, predicted, classes).mean())


def wf1(truth, predicted) -> float:
    """F1 averaged over classes with weights n_c: F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c)."""
    truth, predicted = _pair(truth, predicted)
    total = 0.0
    for c in np.unique(truth):
        hit = ((truth == c) & (predicted == c)).sum()
        total += (truth == c).sum() * 2 * hit / ((truth == c).sum() + (predicted == c).sum())
    return float(total / len(truth))


def confusion(truth, predicted, classes=None, normalise: bool = False) -> pd.DataFrame:
    """Rows: truth; columns: prediction; counts, or shares of the row."""
    truth, predicted = _pair(truth, predicted)
    classes = sorted(set(truth) | set(predicted)) if classes is None else list(classes)
    unknown = set(truth) | set(predicted)
    if unknown - set(classes):
        raise ValueError(f"Labels outside the classes {classes}: {sorted(unknown - set(classes))}.")
    matrix = pd.DataFrame(
        0, index=pd.Index(classes, name="truth"), columns=pd.Index(classes, name="predicted")
    )
    for t, p in zip(truth, predicted, strict=True):
        matrix.loc[t, p] += 1
    return matrix.div(matrix.sum(axis=1), axis=0) if normalise else matrix


def auroc(inside, outside) -> float:
    """Probability that an OOD utterance scores higher than an ID one, ties counting half. Larger score = more OOD."""
    inside, outside = np.asarray(inside, float), np.asarray(outside, float)
    ranks = stats.rankdata(np.concatenate([outside, inside]))
    n, m = len(outside), len(inside)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def fpr95(inside, outside) -> float:
    """Share of OOD utterances accepted as ID at the threshold that accepts 95 % of ID (ID is the positive class)."""
    threshold = np.quantile(np.asarray(inside, float), 0.95, method="inverted_cdf")
    return float((np.asarray(outside, float) <= threshold).mean())


def bootstrap(frame, statistic, unit="speaker", n=2000, seed=0, level=0.95) -> tuple[float, float]:
    """Percentile interval of `statistic(frame)` when whole speakers, or single utterances, are drawn with replacement.

    An utterance is what the index names: rows of one name (several seeds or draws judged it) are drawn together, since
    a second opinion on an utterance is not a second utterance. Raises ValueError for fewer than five speakers, whose
    spread says nothing about people, or a row without one. For UAR, WAR and weighted F1 `interval` gives the same a
    thousand times as fast.
    """
    codes = _units(frame, unit)
    groups = [np.flatnonzero(codes == i) for i in range(codes.max() + 1)]
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(n):
        chosen = generator.integers(len(groups), size=len(groups))
        values.append(statistic(frame.iloc[np.concatenate([groups[i] for i in chosen])]))
    return _between(values, level)


def interval(frame, score, unit="speaker", n=2000, seed=0, level=0.95) -> tuple[float, float]:
    """`bootstrap` of uar, war or wf1 of the columns emotion and predicted, drawn the same way, by counting.

    These scores are functions of the confusion matrix, and a sample's matrix is the sum of its speakers'. Raises
    ValueError for another score, or fewer than five speakers.
    """
    if score not in _OF_COUNTS:
        raise ValueError(f"{score} is no function of counts known here; use bootstrap.")
    codes = _units(frame, unit)
    size = codes.max() + 1
    labels, both = np.unique([*frame["emotion"], *frame["predicted"]], return_inverse=True)
    c, (truth, predicted) = len(labels), np.split(both, 2)
    counts = np.bincount(codes * c * c + truth * c + predicted, minlength=size * c * c).reshape(size, c * c)
    generator, values, at_once = np.random.default_rng(seed), [], max(1, 10_000_000 // size)
    for start in range(0, n, at_once):
        rows = min(at_once, n - start)
        drawn = np.stack([generator.integers(size, size=size) for _ in range(rows)])
        times = np.bincount((drawn + size * np.arange(rows)[:, None]).ravel(), minlength=rows * size)
        values.append(_OF_COUNTS[score]((times.reshape(rows, size) @ counts).reshape(rows, c, c)))
    return _between(np.concatenate(values), level)


def _units(frame, unit):
    """A number for every row: its speaker's, or its utterance's."""
    if unit not in ("speaker", "utterance"):
        raise ValueError(f"unit {unit!r} is unknown; there are 'speaker' and 'utterance'.")
    if unit == "utterance":
        return pd.factorize(frame.index)[0]
    codes, names = pd.factorize(frame["speaker"])
    if (codes < 0).any():
        raise ValueError(
            f"a speaker bootstrap needs every row's speaker: {(codes < 0).sum()} of {len(codes)} have none. Leave them "
            "out, or use unit='utterance', labelled so."
        )
    if len(names) < 5:
        raise ValueError(
            f"a speaker bootstrap needs 5 speakers or more, found {len(names)}. Use unit='utterance', labelled so."
        )
    return codes


def _between(values, level):
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _uar_of(matrix):
    """Confusion matrices (N, C, C), rows truth → (N,): the mean recall over classes that occur."""
    hits, rows = np.diagonal(matrix, axis1=1, axis2=2), matrix.sum(2)
    recall = np.divide(hits, rows, out=np.zeros(rows.shape), where=rows > 0)
    return recall.sum(1) / (rows > 0).sum(1)


def _war_of(matrix):
    return np.trace(matrix, axis1=1, axis2=2) / matrix.sum((1, 2))


def _wf1_of(matrix):
    hits, rows, columns = np.diagonal(matrix, axis1=1, axis2=2), matrix.sum(2), matrix.sum(1)
    f1 = np.divide(2 * hits, rows + columns, out=np.zeros(rows.shape), where=rows + columns > 0)
    return (rows * f1).sum(1) / rows.sum(1)


_OF_COUNTS = {uar: _uar_of, war: _war_of, wf1: _wf1_of}


def mcnemar(correct_a, correct_b) -> float:
    """Exact two-sided p that two recognisers err equally often: binomial test on the utterances only one gets right."""
    a, b = _pair(np.asarray(correct_a, bool), np.asarray(correct_b, bool))
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return 1.0 if only_a + only_b == 0 else float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def ece(confidence, correct, bins=10) -> float:
    """Expected calibration error: Σ_b n_b / n · |accuracy_b − mean confidence_b| over equal-width bins of (0, 1]."""
    confidence, correct = _pair(np.asarray(confidence, float), np.asarray(correct, float))
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = [
        abs(correct[which == b].mean() - confidence[which == b].mean()) * (which == b).sum()
        for b in np.unique(which)
    ]
    return float(np.sum(gaps) / len(confidence))


def purity(labels, clusters) -> float:
    """Σ_k max_l n_kl / Σ n_kl: the share that is right if every cluster is taken for its commonest label.

    It rises with the number of clusters: compare at equal numbers, and with the commonest label's share (one cluster).
    """
    counts = pd.crosstab(*_pair(np.asarray(clusters), np.asarray(labels))).to_numpy()
    return float(counts.max(1).sum() / counts.sum())


def shared_information(labels, clusters) -> float:
    """I(label; cluster) / H(label): the share of the label's entropy that the cluster removes, 0…1.

    HuBERT's "phone-normalised mutual information" where labels are phones. NaN where there is one label only.
    """
    joint = pd.crosstab(*_pair(np.asarray(clusters), np.asarray(labels))).to_numpy(float)
    joint = joint / joint.sum()
    of_label = joint.sum(0)
    expected = joint.sum(1, keepdims=True) * of_label
    information = (joint[joint > 0] * np.log(joint[joint > 0] / expected[joint > 0])).sum()
    entropy = -(of_label * np.log(of_label)).sum()
    return float(information / entropy) if entropy > 0 else float("nan")
