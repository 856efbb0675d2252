"""What the real runs say, paper by paper: compact tables for the README, made of frozen runs only."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from sernb import frozen, real_domains, real_recognition, real_verification


@dataclass(frozen=True)
class Section:
    """A table of the README: its title, the notebook that shows it at length, how to run it, and what makes it.

    `make` takes the frozen runs by study and gives texts; an empty frame where nothing is frozen.
    """

    title: str
    notebook: str
    options: str
    make: Callable[[dict[str, list]], pd.DataFrame]
    note: str = ""
    verdict: Callable[[dict[str, list]], str] | None = (
        None  # what the numbers say of the paper's claim, computed
    )

    @property
    def command(self) -> str:
        return f"sernb run {self.notebook.rpartition('/')[2].split('_')[0]} {self.options}"


def markdown(notebook: str = "") -> str:
    """The sections that have frozen runs, in Markdown: all of them, or those of a notebook such as "12_cross_corpus"."""
    runs = {}
    for run in frozen.all_runs().values():
        runs.setdefault(run.meta["study"], []).append(run)
    chosen = [s for s in SECTIONS if not notebook or s.notebook.endswith(f"/{notebook}")]
    if not chosen:
        raise ValueError(f"no table of real runs belongs to {notebook!r}; see headlines.SECTIONS.")
    parts = [_section(section, runs, link=not notebook) for section in chosen]
    return "\n\n".join(part for part in parts if part) or ("No real run is frozen yet." if notebook else "")


def _section(section, runs, link):
    frame = section.make(runs)
    if frame.empty:
        return ""
    said = section.verdict(runs) if section.verdict else ""
    name = section.notebook.rpartition("/")[2]
    where = f" ([{name}](notebooks/{section.notebook}.ipynb))" if link else ""
    lines = [f"**{section.title}**{where}. {section.note}".rstrip(), ""]
    lines += ["| " + " | ".join(map(str, frame.columns)) + " |", "|---" * len(frame.columns) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join([*lines, "", *([said, ""] if said else []), f"`{section.command}`"])


_THREE = '-p corpora_seen \'["emodb", "ravdess"]\' --data real --preset reduced'
_NAMED = "UAR / weighted F1. NAMP's margin tightens, as printed; AMProto's relaxes, which is NAMP as the text argues."
SECTIONS = [
    Section("Paper 1: does control control? EMO-DB, ten folds", "1_msac_sernet/11_single_corpus",
            "--preset tuned --data real", real_recognition.control,
            "What is read off the embedding: the study `control` of the same models, as in 12.", verdict=real_recognition.controls),
    Section("Paper 1: across corpora, five classes; EMO-DB and RAVDESS, EMOVO never seen", "1_msac_sernet/12_cross_corpus",
            f"{_THREE} -p unseen emovo -p draws '[0]' -p seeds '[0, 1]'", real_recognition.crossed),
    Section("Paper 4: one attribute and several, three approaches; EMO-DB and RAVDESS, EMOVO never seen",
            "4_attributes_in_the_wild/41_single_attributes",
            f"{_THREE} -p corpora_unseen '[\"emovo\"]' -p seeds '[0, 1, 2]'", real_domains.wild,
            "UAR of three classes; language and corpus coincide here, so there is one of them. Sets of several: 42 with the same options.", real_domains.consistent),
    Section("Paper 5: unseen emotions against neutral, ten enrolled; RAVDESS, six folds",
            "5_enroll_to_verify/51_losses", "--preset reduced --data real -p corpus ravdess -p seeds '[0, 1]'", real_verification.enrolled,
            _NAMED, real_verification.margins),
    Section("Paper 5: enrolled and verified in another corpus, EMO-DB",
            "5_enroll_to_verify/51_losses",
            "--preset reduced --data real -p corpus ravdess -p enrol_corpus emodb -p emotions boredom+disgust -p seeds '[0, 1]'", real_verification.enrolled_across,
            _NAMED, functools.partial(real_verification.margins, across="emodb")),
]  # fmt: skip
