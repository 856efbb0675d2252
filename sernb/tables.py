"""Tables from stored predictions: reported | here | difference | interval."""

from collections.abc import Sequence

import pandas as pd

from sernb import metrics

SCORES = {"UAR": metrics.uar, "WAR": metrics.war}


def pool(results: Sequence) -> pd.DataFrame:
    """Test predictions of several folds in one frame. Raises ValueError if an utterance is tested twice by one seed."""
    frames = [r.predictions.assign(seed=r.config.get("seed", 0)) for r in results]
    pooled = pd.concat(frames)
    twice = pooled.index[pooled.reset_index().duplicated(["utterance", "seed"]).to_numpy()]
    if len(twice):
        raise ValueError(f"{twice[0]!r} is tested twice by one seed: the results mix configurations.")
    return pooled


def by_fold(results: Sequence) -> pd.DataFrame:
    """UAR and WAR in % of each fold (and seed)."""
    rows = []
    for r in results:
        scores = {
            name: 100 * f(r.predictions["emotion"], r.predictions["predicted"]) for name, f in SCORES.items()
        }
        rows.append(
            {
                "fold": r.meta["fold"],
                "seed": r.config.get("seed", 0),
                **scores,
                "utterances": len(r.predictions),
            }
        )
    return pd.DataFrame(rows)


def recognition(model: str, results: Sequence, reported: dict | None = None) -> pd.DataFrame:
    """A model's rows of a recognition table, in %: pooled over its test speakers, with interval, mean, best and worst fold.

    `reported` maps UAR and WAR to the paper's figures. The interval is a 95 % bootstrap over speakers, over utterances
    where fewer than five speakers are tested; the column says which.
    """
    pooled, folds = pool(results), by_fold(results)
    unit = "speaker" if pooled["speaker"].nunique() >= 5 else "utterance"
    numbered = pooled[
        ["speaker"]
    ].copy()  # numbers instead of names: the bootstrap scores thousands of samples
    names = sorted(set(pooled["emotion"]) | set(pooled["predicted"]))
    for column in ("emotion", "predicted"):
        numbered[column] = pd.Categorical(pooled[column], names).codes
    rows = []
    for name, score in SCORES.items():
        here = 100 * score(pooled["emotion"], pooled["predicted"])
        low, high = metrics.bootstrap(numbered, lambda f, s=score: s(f["emotion"], f["predicted"]), unit)
        paper = float("nan") if reported is None else reported[name]
        rows.append({
            "model": model, "metric": name, "reported": paper, "here": here, "difference": here - paper,
            "interval": f"{100 * low:.1f} … {100 * high:.1f} ({unit}s)", "mean of folds": folds[name].mean(),
            "best fold": folds[name].max(), "worst fold": folds[name].min(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def show(frames: Sequence[pd.DataFrame], data: str):
    """Rows of several models as one styled table that says "stand-in" where it is one."""
    table = pd.concat(frames).set_index(["model", "metric"])
    caption = "stand-in speech: nothing about people" if data == "stand-in" else "real recordings"
    return table.style.format(precision=2, na_rep="–").set_caption(caption)


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
