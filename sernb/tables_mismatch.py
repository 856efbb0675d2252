"""Paper 3's tables from stored results: scores by test corpus, and their differences to the in-domain baseline.

Scores are shares in 0…1, as the paper prints them.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sernb import metrics

SCORES = {"wACC": metrics.war, "uACC": metrics.uar, "wF1": metrics.wf1}
#: Corpora as the paper writes them.
WRITTEN = {
    "msp_podcast": "MSP-Podcast", "iemocap": "IEMOCAP", "crema_d": "CREMA-D", "ravdess": "RAVDESS", "emodb": "EMO-DB",
    "emovo": "EMOVO",
}  # fmt: skip


COLUMNS = [
    "metric", "reported", "here", "deviation", "difference", "final model", "interval", "evaluations", "trainings",
]  # fmt: skip


def evaluations(results: Sequence, corpus: str, metric: str) -> pd.Series:
    """A corpus's score at every evaluation in the last fifth of the epochs, the mean over folds and seeds."""
    column = f"tested {corpus} {metric}"
    return pd.concat([r.curves.set_index("epoch")[column].dropna() for r in results]).groupby(level=0).mean()


def tested(results: Sequence, corpus: str) -> pd.DataFrame:
    """The final models' predictions of a corpus's test part, of all folds and seeds."""
    frames = [r.predictions.assign(seed=r.config["seed"]) for r in results]
    whole = pd.concat(frames)
    return whole[whole["speaker"].str.startswith(f"{corpus}/")]


def scores(
    results: Sequence, corpus: str, reported: Mapping[str, float] | None = None, draws: int = 500
) -> pd.DataFrame:
    """A corpus's rows: metric, reported, here (mean over the last fifth), deviation, difference, final model, interval.

    The deviation is the paper's "confidence": over evaluations of one training, so it says nothing about speakers or
    seeds. The interval does: of the final models' pooled predictions, by a 95 % bootstrap over speakers, or over
    utterances of fewer than five. Without results the rows say "not run".
    """
    paper = reported or {}
    if not results:
        rows = [{"metric": m, "reported": paper.get(m, math.nan), "interval": "not run"} for m in SCORES]
        return pd.DataFrame(rows, columns=COLUMNS)
    frame, rows = tested(results, corpus), []
    unit = "speaker" if frame["speaker"].nunique() >= 5 else "utterance"
    for name, score in SCORES.items():
        over = evaluations(results, corpus, name)
        final = score(frame["emotion"], frame["predicted"])
        low, high = metrics.interval(frame, score, unit, draws)
        rows.append({
            "metric": name, "reported": paper.get(name, math.nan), "here": over.mean(), "deviation": over.std(ddof=0),
            "difference": over.mean() - paper.get(name, math.nan), "final model": final,
            "interval": f"{low:.2f} … {high:.2f} ({unit}s)", "evaluations": len(over), "trainings": len(results),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def relative(
    runs: Mapping[tuple, Sequence], corpora: Sequence[str], baselines: Mapping | None = None
) -> pd.DataFrame:
    """Figures 2 and 3: wF1 of every training set, rate and test corpus less the corpus's in-domain baseline.

    `runs` maps (letter, rate) to results; `baselines` the results of training on the corpus alone without augmentation,
    by corpus. Columns: set, rate, corpus, in-domain (was it trained on), wF1, deviation, relative; NaN where not run.
    """
    base = {c: evaluations(r, c, "wF1").mean() for c, r in (baselines or {}).items() if r}
    rows = []
    for (letter, rate), results in runs.items():
        for corpus in corpora:
            row = {"set": letter, "rate": rate, "corpus": corpus}
            if results:
                over = evaluations(results, corpus, "wF1")
                row |= {
                    "in-domain": corpus in results[0].config["corpus"].split("+"), "wF1": over.mean(),
                    "deviation": over.std(ddof=0), "relative": over.mean() - base.get(corpus, math.nan),
                }  # fmt: skip
            rows.append(row)
    columns = ["set", "rate", "corpus", "in-domain", "wF1", "deviation", "relative"]
    return pd.DataFrame(rows).reindex(columns=columns)


def printed(figure: pd.DataFrame) -> pd.DataFrame:
    """The paper's Figure 2 or 3 in the same columns: set, rate, corpus, relative; a scrambled corpus by its name."""
    names = {f"test {shown}": name for name, shown in WRITTEN.items()}
    parts = figure["variant"].str.replace("-SCRAMBLED", "").str.split("; ", expand=True)
    rate = parts[1].str.removesuffix(" % augmented").astype(float) / 100
    return pd.DataFrame({
        "set": figure["model"].str.split(":").str[0], "rate": rate, "corpus": parts[0].map(names),
        "relative": figure["value"].astype(float),
    })  # fmt: skip


def baseline(table: pd.DataFrame, corpus: str, tuned: bool = False, rate: float = 0.0) -> dict[str, float]:
    """Table 1's printed scores of a corpus at a rate, by metric."""
    kind = "tuned" if tuned else "not tuned"
    rows = table[table["variant"] == f"{WRITTEN.get(corpus, corpus)}; {kind}; {100 * rate:.0f} % augmented"]
    return dict(zip(rows["metric"], rows["value"], strict=True))


def gain(frame: pd.DataFrame) -> pd.DataFrame:
    """What augmentation changes: wF1 at the highest rate run less that without, per training set and test corpus."""
    found = frame.dropna(subset="wF1")
    wide = found.pivot_table("wF1", ["set", "corpus", "in-domain"], "rate").dropna(axis=1, how="all")
    change = wide[wide.columns.max()] - wide[0.0] if 0.0 in wide else wide.iloc[:, 0] * np.nan
    return change.rename("gain").reset_index()
