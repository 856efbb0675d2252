"""A download against the published numbers of the catalogue: every deviation by name."""

import re
import warnings
from collections import Counter
from pathlib import Path

import pandas as pd

from sernb import corpora, paths

from . import documents, table
from .catalogue import CATALOGUE
from .published import Corpus, Counts, Flaw


def audio(name: str, root: Path) -> list[Path]:
    """The files below a corpus's root that look like its audio, by their names alone."""
    return [file for file in table.walk(root) if file.suffix.lower() in CATALOGUE[name].endings]


def label_files(name: str, root: Path) -> list[str]:
    """The names of a corpus's label files below its root."""
    wanted = CATALOGUE[name].label_files
    return [file.name for file in documents.named(root, *wanted)] if wanted else []


def check(name: str) -> tuple[list[str], list[str]]:
    """Deviations of the folder `name` below SERNB_DATA from what is published, and remarks that are none.

    Every file is decoded. Raises ValueError for an unknown name, FileNotFoundError where there is no such folder or
    nothing in it follows the corpus's layout.
    """
    if name not in CATALOGUE:
        raise ValueError(f"corpus {name!r} is unknown; there are {', '.join(CATALOGUE)}.")
    corpus, root = CATALOGUE[name], paths.DATA / name
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} is no folder: {name} is not there to be checked. To obtain it, {corpus.obtain}. Put it there, or "
            "set SERNB_DATA to the folder that holds the corpora."
        )
    if not audio(name, root):
        labels = ", ".join(label_files(name, root))
        return [f"no audio, {f'label files only: {labels}' if labels else 'not one file of it'}"], []
    with warnings.catch_warnings():  # what is left out is among the deviations
        warnings.filterwarnings("ignore", message=r"\d+ files left out")
        return compare(corpus, corpora.load(name), root)


def compare(corpus: Corpus, found: pd.DataFrame, root: Path) -> tuple[list[str], list[str]]:
    """Deviations of a corpus's table from its published numbers, and remarks: known flaws, what cannot be checked."""
    deviations, flaws, remarks = [], [], []
    for file, reason in found.attrs["left_out"]:
        short = Path(file).relative_to(root).as_posix() if Path(file).is_relative_to(root) else file
        flaw = next((f for f in corpus.flaws if re.search(rf"{f.file}$", short, re.IGNORECASE)), None)
        if flaw is None:
            deviations.append(f"left out: {short}: {reason}")
        else:
            flaws.append(flaw)
            remarks.append(f"left out as it must be: {short}: {reason} ({flaw.source})")
    numbers = _quantities(corpus, found, flaws)
    numbers += [line for counts in corpus.counts for line in _counted(counts, found, flaws)]
    unknown = corpus.unknown + [
        f"how often {emotion}" for emotion, number in corpus.classes.items() if number is None
    ]
    if unknown:
        remarks.append(f"number unknown, so not checked: {', '.join(unknown)}")
    return numbers + deviations, remarks


def measured(found: pd.DataFrame) -> dict[str, float]:
    """A table's `published.QUANTITIES`."""
    return {
        "utterances": len(found),
        "recordings": found["file"].nunique(),
        "speakers": found["speaker"].nunique(),
        "women": found.loc[found["gender"] == "female", "speaker"].nunique(),
        "hours": (found["end"] - found["start"]).sum() / 3600,
    }


def _quantities(corpus, found, flaws: list[Flaw]) -> list[str]:
    here, lines = measured(found), []
    for what, fact in corpus.facts.items():
        expected = fact.value - len(flaws) * (what == "utterances")
        if abs(here[what] - expected) > fact.within:
            lines.append(_differs(what, here[what], expected))
    return lines


def _counted(counts: Counts, found, flaws) -> list[str]:
    """A line for every number that differs; a speaker who is absent altogether is named once, by the speakers alone."""
    part = found if counts.of is None else found[found["emotion"].isin(counts.of)]
    columns = list(counts.by)
    here = Counter(part[columns].dropna().itertuples(index=False, name=None))
    less = Counter(tuple(flaw.row.get(column) for column in columns) for flaw in flaws)
    present = set(found["speaker"].dropna())
    lines = []
    for key in sorted(counts.numbers.keys() | here.keys()):
        expected = counts.numbers.get(key, 0)
        names = dict(zip(columns, key, strict=True))
        if len(columns) > 1 and "speaker" in names and names["speaker"] not in present:
            continue
        if expected is None:
            if not here[key]:
                lines.append(f"{_what(names, counts.of)}: found none, expected some")
        elif here[key] != expected - less[key]:
            lines.append(_differs(_what(names, counts.of), here[key], expected - less[key]))
    return lines


def _what(names, of) -> str:
    said = ", ".join(
        value if column in ("emotion", "speaker") else f"{column} {value}" for column, value in names.items()
    )
    return f"{said}, {' + '.join(of)}" if of else said


def _differs(what, here, expected) -> str:
    if isinstance(here, float):
        return f"{what}: found {here:.3f}, expected {expected:.3f}"
    off = here - expected
    return f"{what}: found {here}, expected {expected}: {abs(off)} {'more' if off > 0 else 'missing'}"
