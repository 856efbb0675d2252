"""What a linear machine reads off functionals: corpus, language, gender, speaker; and emotion where it has not been."""

import itertools

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sernb import metrics, splits

STANDARDISATIONS = ("none", "utterance", "speaker", "corpus")
SITUATIONS = ("seen speakers", "unseen speakers", "unseen corpus")

#: What becomes of a functional when its contour is standardised: power of the deviation it is divided by; shifted?
_SHIFTED = ("max", "min", "amean", "linregc2", "quartile1", "quartile2", "quartile3")
_SCALED = ("range", "linregc1", "linregerrA", "stddev", "iqr1-2", "iqr2-3", "iqr1-3")
_UNCHANGED = ("maxPos", "minPos", "skewness", "kurtosis")


def standardise(x: pd.DataFrame, over: str, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Functionals (N, F) standardised over one of these.

    none       nothing (the probes scale every column by their training part, always)
    utterance  each of emobase's contours over its utterance's own frames, z_t = (y_t - mean) / deviation, before the
               functionals are taken. Exact without the frames: max becomes (max - mean) / deviation, a range loses the
               deviation, a squared error its square, skewness, kurtosis and positions stay, mean is 0, deviation 1
    speaker    each column over all utterances of a speaker: (x - mean) / deviation. Uses the unlabelled audio of
               speakers one tests on (transductive). Utterances without a speaker: those of their corpus together
    corpus     each column over all utterances of a corpus, likewise transductive

    Raises ValueError for another word, or for columns that are not emobase's where contours are needed.
    """
    if over not in STANDARDISATIONS:
        raise ValueError(f"standardisation {over!r} is unknown; there are {', '.join(STANDARDISATIONS)}.")
    if over == "none":
        return x
    if over == "utterance":
        return _over_frames(x)
    rows = table.loc[x.index]
    groups = rows["corpus"] if over == "corpus" else rows["speaker"].fillna(rows["corpus"])
    by = x.astype(np.float64).groupby(groups.to_numpy())
    mean = by.transform("mean")
    return (x - mean) / _varying(by.transform("std", ddof=0), mean)


def _over_frames(x):
    contours, _, functionals = zip(*(str(name).rpartition("_") for name in x.columns), strict=True)
    strange = set(functionals) - {*_SHIFTED, *_SCALED, *_UNCHANGED, "linregerrQ"}
    if strange:
        raise ValueError(f"standardising contours needs emobase's functionals, found {sorted(strange)[:3]}.")
    values, contours, functionals = x.to_numpy(np.float64), np.array(contours), np.array(functionals)
    mean, deviation = (
        values[:, [x.columns.get_loc(f"{contour}_{of}") for contour in contours]]
        for of in ("amean", "stddev")
    )
    power = np.select([np.isin(functionals, _UNCHANGED), functionals == "linregerrQ"], [0, 2], 1)
    shifted = values - mean * np.isin(functionals, _SHIFTED)
    return pd.DataFrame(shifted / _varying(deviation, mean) ** power, x.index, x.columns)


def _varying(deviation, mean):
    """Deviations, 1 for what does not vary; judged beside the mean, since an intensity of 1e-7 does vary."""
    return np.where(deviation > 1e-6 * np.abs(mean), deviation, 1.0)


def predict(x: pd.DataFrame, labels: pd.Series, folds: list) -> pd.Series:
    """Labels of every test utterance of `folds`, by a linear support vector machine.

    Columns are scaled by the training utterances, classes weigh the same, C = 0.01 is fixed: nothing is chosen, so
    validation utterances train too. Utterances without a label take no part. A fold in which the training part has
    one class is refused by scikit-learn.
    """
    labels = labels.dropna()
    found = []
    for fold in folds:
        train = labels.index.intersection(fold.train.append(fold.valid))
        test = labels.index.intersection(fold.test)
        if len(test):
            machine = make_pipeline(StandardScaler(), SVC(kernel="linear", C=0.01, class_weight="balanced"))
            machine.fit(x.loc[train].to_numpy(), labels[train].to_numpy())
            found.append(pd.Series(machine.predict(x.loc[test].to_numpy()), test))
    return pd.concat(found)


def coinciding(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs of corpus, language, gender and speaker that are one attribute by two names: each value goes with one."""
    pairs = itertools.combinations(("corpus", "language", "gender", "speaker"), 2)
    return [
        (a, b) for a, b in pairs
        if table[[a, b]].dropna().drop_duplicates()[[a, b]].apply(lambda column: column.is_unique).all()
    ]  # fmt: skip


def targets(table: pd.DataFrame, seed: int, k: int = 5, least: int = 10) -> dict:
    """What there is to read: name → (labels, folds). Corpus, language and gender are asked of unseen speakers.

    Speakers are asked of unseen utterances, those who have `least` or more. Language is left out where it is
    the corpus by another name, as is whatever has one value only.
    """
    unseen, shared = splits.speaker_folds(table, seed, k), splits.utterance_folds(table, seed, k)
    often = table["speaker"].map(table["speaker"].value_counts()) >= least
    found = {
        "corpus": (table["corpus"], unseen), "language": (table["language"], unseen),
        "gender": (table["gender"], unseen), "speaker": (table["speaker"].where(often), shared),
    }  # fmt: skip
    if ("corpus", "language") in coinciding(table):
        del found["language"]
    return {name: (labels, folds) for name, (labels, folds) in found.items() if labels.nunique() > 1}


def readable(x: pd.DataFrame, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Balanced accuracy, in %, of every target under every standardisation, beside chance (100 / classes).

    `corpus known`: what always knowing the corpus and guessing the rest would give.
    """
    rows = []
    for name, (labels, folds) in targets(table, seed).items():
        classes = labels.nunique()
        known = labels.dropna()
        guess = 1 / known.groupby(table["corpus"]).transform("nunique")
        guess = guess.groupby(known).mean().mean()
        for over in STANDARDISATIONS:
            predicted = predict(standardise(x, over, table), labels, folds)
            rows.append({
                "target": name, "standardised over": over, "classes": classes, "utterances": len(predicted),
                "balanced accuracy": 100 * metrics.uar(labels[predicted.index], predicted),
                "chance": 100 / classes, "corpus known": 100 * guess,
            })  # fmt: skip
    return pd.DataFrame(rows)


def common_emotions(table: pd.DataFrame) -> list[str]:
    """Emotions that every corpus has, sorted. Raises ValueError where there are fewer than two."""
    of = table.dropna(subset="emotion").groupby("corpus")["emotion"].unique()
    common = sorted(set.intersection(*map(set, of)))
    if len(common) < 2:
        each = "; ".join(f"{corpus}: {', '.join(sorted(names))}" for corpus, names in of.items())
        raise ValueError(
            f"the corpora share {common or 'no emotion'}; expected two or more. They have {each}."
        )
    return common


def situations(table: pd.DataFrame, seed: int, k: int = 5) -> dict:
    """Folds by what the training part has heard of the tested utterance's speaker and corpus.

    seen speakers    other utterances of the same speakers: a declared leak, for comparison
    unseen speakers  other speakers of the same corpus
    unseen corpus    other corpora only; left out where there is but one
    """
    makers = (splits.utterance_folds, splits.speaker_folds, splits.leave_one_corpus_out)
    found = dict(zip(SITUATIONS, makers, strict=True))
    if table["corpus"].nunique() == 1:
        del found["unseen corpus"]
    return {situation: make(table, seed, k) for situation, make in found.items()}


def emotions(x: pd.DataFrame, table: pd.DataFrame, folds: dict) -> pd.DataFrame:
    """Predictions for every situation in `folds` and standardisation: corpus, speaker, emotion, predicted, …

    One machine for all corpora, on the emotions that all of them have; other utterances only enter the statistics
    of their speaker and corpus.
    """
    labels = table["emotion"].where(table["emotion"].isin(common_emotions(table)))
    found = []
    for over in STANDARDISATIONS:
        values = standardise(x, over, table)
        for situation, of in folds.items():
            predicted = predict(values, labels, of)
            rows = table.loc[predicted.index, ["corpus", "speaker", "emotion"]]
            rows = rows.assign(predicted=predicted, situation=situation)
            found.append(rows.assign(**{"standardised over": over}))
    return pd.concat(found)


def recalls(predictions: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """UAR in % per corpus, situation and standardisation, with a 95 % bootstrap over speakers (utterances below five)."""
    rows = []
    by = ["corpus", "situation", "standardised over"]
    for key, part in predictions.groupby(by, sort=False):
        unit = "speaker" if part["speaker"].nunique() >= 5 else "utterance"
        low, high = metrics.interval(part, metrics.uar, unit, draws, seed)
        value = metrics.uar(part["emotion"], part["predicted"])
        rows.append({**dict(zip(by, key, strict=True)), "UAR": 100 * value, "low": 100 * low, "high": 100 * high,
                     "unit": unit, "utterances": len(part), "chance": 100 / part["emotion"].nunique()})  # fmt: skip
    return pd.DataFrame(rows)


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """What `readable` or `recalls` gives as a table to read: a column per standardisation, then chance."""
    rows, values = (
        (["target"], "balanced accuracy") if "target" in frame else (["situation", "corpus"], "UAR")
    )
    first = frame.drop_duplicates(rows)
    if "situation" in frame:
        first = first.sort_values("situation", key=lambda s: s.map(SITUATIONS.index), kind="stable")
    table = frame.pivot(index=rows, columns="standardised over", values=values)[list(STANDARDISATIONS)]
    others = [c for c in ("chance", "corpus known") if c in frame]
    return first.set_index(rows)[others].join(table)[[*STANDARDISATIONS, *others]]
