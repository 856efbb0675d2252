"""Real runs for the tests of README tables: stored under real configurations, with predictions made up."""

import pandas as pd

from sernb import frozen, headlines, real_runs, store
from sernb.studies import recognition


def predictions(tested: dict[str, tuple[list, list]], part="test", fold="0") -> pd.DataFrame:
    """A frame of predictions; `tested` maps a speaker to the true and the predicted labels of its utterances."""
    frames = []
    for speaker, (truth, guess) in tested.items():
        index = pd.Index([f"{speaker}-{i}" for i in range(len(truth))], name="utterance")
        frames.append(pd.DataFrame({"speaker": speaker, "emotion": truth, "predicted": guess}, index))
    return pd.concat(frames).assign(part=part, fold=fold)


def put(study, preset, frame, *, folds, extra=None, metrics=None, of="", **fields):
    """Store a run of a study's Config; `extra` stands in the stored configuration beside its fields."""
    config = real_runs.CONFIGS[of or study].Config.of(preset, data="real", **fields)
    whole = recognition.as_stored(config) | (extra or {})
    overrides = recognition.overrides(config)
    meta = {
        "study": study, "version": 1, "preset": preset, "data": "real", "folds": folds, "fold": str(config.fold),
        "overrides": overrides, "seconds": 1.0, "device": "a machine", "dtype": "float32", "started": 0.0,
    }  # fmt: skip
    key = store.key(study, 1, preset, {**overrides, **(extra or {})}, config.fold, config.seed, "digest")
    curves = pd.DataFrame({"epoch": [0]})
    store.write(store.Result(key, whole, metrics or {}, frame, curves, meta))


def section(notebook) -> tuple[list[dict], str]:
    """The lines of a notebook's table by column, and the text after it; frozen first."""
    frozen.freeze()
    text = headlines.markdown(notebook)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    said = text.splitlines()[-3] if rows else ""
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]], said
