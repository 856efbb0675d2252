"""The papers' numbers as printed, misprints kept and noted: one CSV per table."""

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
COLUMNS = ["model", "metric", "value", "variant", "note"]


def table(study: str, number: int) -> pd.DataFrame:
    """A table of a paper: model, metric, value (in %), variant (the year, for others' work), note.

    Raises FileNotFoundError naming the tables that are there.
    """
    file = HERE / f"{study}_table_{number}.csv"
    if not file.exists():
        there = sorted(p.stem for p in HERE.glob("*.csv"))
        raise FileNotFoundError(f"no reported table {number} of {study}; there are {', '.join(there)}.")
    return pd.read_csv(
        file, dtype={"variant": str, "note": str}, keep_default_na=False, na_values={"value": [""]}
    )


def values(study: str, number: int, model: str) -> dict[str, float]:
    """One model's printed figures in %, by metric. Raises KeyError naming the models of the table."""
    rows = table(study, number)
    chosen = rows[rows["model"] == model]
    if chosen.empty:
        raise KeyError(f"{study} table {number} has no {model!r}; it has {list(rows['model'].unique())}.")
    return dict(zip(chosen["metric"], chosen["value"], strict=True))
