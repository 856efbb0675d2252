"""Tables from stored predictions: reported | here | difference | interval."""

import math
from collections.abc import Sequence

import pandas as pd

from sernb import metrics

SCORES = {"UAR": metrics.uar, "WAR": metrics.war}


def pool(results: Sequence, part: str = "test") -> pd.DataFrame:
    """Predictions of several folds in one frame: of the held-out speakers, or of `part` "unseen", another corpus.

    Raises ValueError if an utterance is tested twice by one seed.
    """
    pooled = pd.concat([_part(r, part).assign(seed=r.config.get("seed", 0)) for r in results])
    twice = pooled.index[pooled.reset_index().duplicated(["utterance", "seed", *_draws(results)]).to_numpy()]
    if len(twice):
        raise ValueError(f"{twice[0]!r} is tested twice by one seed: the results mix configurations.")
    return pooled


def _part(result, part):
    frame = result.predictions
    of = frame["part"] if "part" in frame else pd.Series("test", frame.index)
    return frame[of == part]


def _draws(results):
    """Folds of cross-validation divide a corpus; draws of held-out speakers may draw one twice."""
    return ["fold"] if any("+" in r.config.get("corpus", "") for r in results) else []


def by_fold(results: Sequence) -> pd.DataFrame:
    """UAR and WAR in % of each fold (and seed)."""
    rows = []
    for r in results:
        frame = _part(r, "test")
        scores = {name: 100 * f(frame["emotion"], frame["predicted"]) for name, f in SCORES.items()}
        rows.append(
            {
                "fold": r.meta["fold"],
                "seed": r.config.get("seed", 0),
                **scores,
                "utterances": len(frame),
            }
        )
    return pd.DataFrame(rows)


def recognition(
    model: str, results: Sequence, reported: dict | None = None, against: Sequence | None = None
) -> pd.DataFrame:
    """A model's rows of a recognition table, in %: pooled over its test speakers, with interval, mean, best and worst fold.

    `reported` maps UAR and WAR to the paper's figures. The interval is a 95 % bootstrap over speakers, over utterances
    where fewer than five speakers are tested; the column says which. `against` gives another model's results on the
    same folds: McNemar's exact p that both err equally often. Without results the row says "not run".
    """
    paper = reported or {}
    if not results:
        return pd.DataFrame(
            {"model": model, "metric": name, "reported": paper.get(name, math.nan), "interval": "not run"}
            for name in SCORES
        )
    pooled, folds = pool(results), by_fold(results)
    rows = []
    for name, score in SCORES.items():
        here = 100 * score(pooled["emotion"], pooled["predicted"])
        rows.append({
            "model": model, "metric": name, "reported": paper.get(name, math.nan), "here": here,
            "difference": here - paper.get(name, math.nan), "interval": interval(pooled, score),
            "mean of folds": folds[name].mean(), "best fold": folds[name].max(), "worst fold": folds[name].min(),
            "p (McNemar)": mcnemar(results, against) if against else math.nan,
        })  # fmt: skip
    return pd.DataFrame(rows)


def generalisation(
    model: str, results: Sequence, reported: dict | None = None, against: Sequence | None = None
) -> pd.DataFrame:
    """A model's rows of a cross-corpus table, in %: WAR and UAR of held-out speakers, and of a corpus never seen.

    Metrics are named as in Tables IV and VII: WAR, UAR, and "OOD WAR/UAR", one number where every class of the unseen
    corpus has as many utterances (TESS), else its UAR. Intervals and p as in `recognition`; spread over draws.
    """
    paper, unseen = reported or {}, "OOD WAR/UAR"
    if not results:
        names = ["WAR", "UAR", unseen]
        return pd.DataFrame(
            {"model": model, "metric": n, "reported": paper.get(n, math.nan), "interval": "not run"}
            for n in names
        )
    asked = [("WAR", "test", metrics.war), ("UAR", "test", metrics.uar), (unseen, "unseen", metrics.uar)]
    rows = []
    for name, part, score in asked:
        pooled = pool(results, part)
        if not len(pooled):
            continue
        each = [100 * score(f["emotion"], f["predicted"]) for _, f in pooled.groupby(["fold", "seed"])]
        here = 100 * score(pooled["emotion"], pooled["predicted"])
        rows.append({
            "model": model, "metric": name, "reported": paper.get(name, math.nan), "here": here,
            "difference": here - paper.get(name, math.nan), "interval": interval(pooled, score),
            "lowest draw": min(each), "highest draw": max(each),
            "p (McNemar)": mcnemar(results, against, part) if against else math.nan,
        })  # fmt: skip
    return pd.DataFrame(rows)


#: Corpora as the papers write them.
WRITTEN = {"tess": "TESS", "crema_d": "CREMA-D"}


def domains(
    approach: str, attributes: str, results: Sequence, printed: pd.DataFrame | None = None
) -> pd.DataFrame:
    """A model's unweighted accuracy (UAR) in %, in-domain and on each unseen corpus: the mean over draws and seeds.

    `attributes` are names joined by +; `printed` is a table of paper 4, whose variants read "TESS; corpus + gender".
    """
    printed = pd.DataFrame(columns=["model", "variant", "value"]) if printed is None else printed
    asked = [("in-domain", "test", None)]
    unseen = sorted({c for r in results for c in r.config["unseen"].split("+") if c}) or list(WRITTEN)
    asked += [(WRITTEN.get(c, c), "unseen", c) for c in unseen]
    rows = []
    for domain, part, corpus in asked:
        paper = _printed(printed, approach, domain, attributes)
        row = {"approach": approach, "attributes": attributes or "none", "domain": domain, "reported": paper}
        if not results:
            rows.append(row | {"interval": "not run"})
            continue
        pooled = pool(results, part)
        if corpus:
            pooled = pooled[pooled["speaker"].str.startswith(f"{corpus}/")]
        each = [100 * metrics.uar(f["emotion"], f["predicted"]) for _, f in pooled.groupby(["fold", "seed"])]
        here = sum(each) / len(each)
        rows.append(row | {
            "here": here, "difference": here - paper, "interval": interval(pooled, metrics.uar),
            "lowest": min(each), "highest": max(each), "trainings": len(each),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _printed(table, approach, domain, attributes):
    wanted = {domain, *(attributes.split("+") if attributes else ["none"])}
    for row in table[table["model"] == approach].itertuples():
        if set(row.variant.replace(";", " +").split(" + ")) == wanted:
            return row.value
    return math.nan


def interval(pooled: pd.DataFrame, score) -> str:
    """The 95 % bootstrap interval of a score in %, and what was drawn: speakers, or utterances of fewer than five."""
    unit = "speaker" if pooled["speaker"].nunique() >= 5 else "utterance"
    low, high = metrics.interval(pooled, score, unit)
    return f"{100 * low:.1f} … {100 * high:.1f} ({unit}s)"


def mcnemar(results: Sequence, against: Sequence, part: str = "test") -> float:
    """McNemar's exact p over the utterances that both tested; see paired."""
    return paired(pool(results, part), pool(against, part))


def paired(a: pd.DataFrame, b: pd.DataFrame) -> float:
    """McNemar's exact p over two models' pooled predictions (with columns fold and seed).

    An utterance that several trainings tested (seeds, draws of speakers, an unseen corpus) counts once, for the model
    that more of its trainings got it right with; counted once a training it would pass for several utterances, and
    every difference for a significant one. Raises ValueError where they tested others.
    """
    keys = ["fold", "seed", "utterance"]
    a, b = (frame.reset_index().set_index(keys).sort_index() for frame in (a, b))
    if not a.index.equals(b.index):
        raise ValueError(
            f"McNemar's test needs the same utterances: {len(a)} and {len(b)}, {len(a.index.intersection(b.index))} shared."
        )
    a, b = ((f["emotion"] == f["predicted"]).groupby(level="utterance").sum() for f in (a, b))
    return metrics.mcnemar(a > b, b > a)


def show(frames: Sequence[pd.DataFrame], data: str, index: Sequence[str] = ("model", "metric")):
    """Rows of several models as one styled table that says "stand-in" or "shared speakers" where it must; see plots.marked."""
    table = pd.concat(frames).set_index(list(index))
    caption = "stand-in speech: nothing about people" if data.startswith("stand-in") else "real recordings"
    if "shared speakers" in data:
        caption += "; SHARED SPEAKERS in training and test, declared"
    precise = {c: "{:.3g}" for c in table if c.startswith("p (")}
    return table.style.format(precise, precision=2, na_rep="–").set_caption(caption)


def protocol(results: Sequence, of: int) -> str:
    """The line under a table: classes, folds, averaging, normalisation, shared speakers, stand-in or real."""
    first = results[0]
    meta, config = first.meta, first.config
    tested = sorted({r.meta["fold"] for r in results})
    shared = "SHARED SPEAKERS, declared" if meta["shared_speakers"] else "no speaker in two parts"
    return (
        f"{meta['data']} · preset {meta['preset']} · {config['corpus']} · {len(meta['classes'])} classes "
        f"({', '.join(meta['classes'])}) · {len(tested)} of {of} folds · pooled over test speakers · features "
        f"standardised over: {config['normalisation']} · {shared} · seeds {sorted({r.config['seed'] for r in results})}"
    )
