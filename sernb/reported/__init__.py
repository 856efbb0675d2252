"""The papers' numbers as printed, misprints kept and noted: one CSV per table, numeric figure and text.

Studies: `msac_sernet`, `gmp_atl`, `domain_mismatch`, `attributes_in_the_wild`, `enroll_to_verify`. Every frame has
the columns

- model: the row's model, as the paper names it; empty where a number belongs to no model (a corpus, a setting).
- metric: what the number measures; a text's metrics name their unit in brackets.
- value: the number in the unit printed, never rescaled: 71.76 is per cent, .63 stays 0.63. `catalogue()` names
  each file's unit. Differences keep their sign. Empty where the paper gives none or the mark is unreadable.
- variant: what else distinguishes the row (year of others' work, corpus, classes, rate), parts separated by "; "
  in the same order throughout a file. A text's first part is its kind: result, gain, corpus or setting.
- note: why a value is empty, or where a number disagrees with another, with the arithmetic.

Tables of corpora and of settings are no results and stay out, as do figures without a readable number.
"""

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
COLUMNS = ["model", "metric", "value", "variant", "note"]


def table(study: str, number: int) -> pd.DataFrame:
    """A table of a paper, one number a row.

    Raises FileNotFoundError naming the files that are there.
    """
    return _read(f"{study}_table_{number}")


def figure(study: str, number: int) -> pd.DataFrame:
    """The numbers of a figure: those printed in it, or those that the text gives for it.

    Raises FileNotFoundError naming the files that are there.
    """
    return _read(f"{study}_figure_{number}")


def text(study: str) -> pd.DataFrame:
    """The numbers that a paper gives in its text only, gains over its own tables included.

    Raises FileNotFoundError naming the files that are there.
    """
    return _read(f"{study}_text")


def values(study: str, number: int, model: str, variant: str | None = None) -> dict[str, float]:
    """One model's printed figures by metric, of one variant where the table has several of the model.

    Raises KeyError naming the models, or the model's variants, of the table.
    """
    rows = table(study, number)
    chosen = rows[rows["model"] == model]
    if chosen.empty:
        raise KeyError(f"{study} table {number} has no {model!r}; it has {list(rows['model'].unique())}.")
    there = list(chosen["variant"].unique())
    if (
        variant is None
        and chosen["metric"].duplicated().any()
        or variant is not None
        and variant not in there
    ):
        raise KeyError(f"{study} table {number} has {model!r} in the variants {there}; asked: {variant!r}.")
    if variant is not None:
        chosen = chosen[chosen["variant"] == variant]
    return dict(zip(chosen["metric"], chosen["value"], strict=True))


def catalogue() -> pd.DataFrame:
    """All result tables, result figures and texts: study, kind, number, unit, what it shows, rows here.

    A figure of 0 rows has no number that can be read. A text's number is 0.
    """
    frame = pd.read_csv(HERE / "catalogue.csv", keep_default_na=False)
    files = [
        HERE / f"{_name(*row)}.csv" for row in frame[["study", "kind", "number"]].itertuples(index=False)
    ]
    return frame.assign(rows=[len(_read(file.stem)) if file.exists() else 0 for file in files])


def _name(study, kind, number):
    return f"{study}_text" if kind == "text" else f"{study}_{kind}_{number}"


def _read(name):
    file = HERE / f"{name}.csv"
    if not file.exists():
        there = sorted(p.stem for p in HERE.glob("*.csv") if p.stem != "catalogue")
        raise FileNotFoundError(f"no reported {name}; there are {', '.join(there)}.")
    return pd.read_csv(
        file,
        dtype={"model": str, "variant": str, "note": str},
        keep_default_na=False,
        na_values={"value": [""]},
    )
