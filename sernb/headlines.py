"""What the real runs say, paper by paper: compact tables for the README, made of frozen runs only."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from sernb import (
    frozen,
    real_mismatch,
    real_recognition,
    real_runs,
    real_transfer,
    real_verification,
    real_wild,
)


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
    groups: Callable[[dict[str, list]], dict] | None = (
        None  # the runs behind the table, where not all folds need be there
    )

    def command(self, runs: dict[str, list]) -> str:
        """What makes the runs of the table: of all folds, or of those that were run."""
        number = self.notebook.rpartition("/")[2].split("_")[0]
        folds = real_runs.folds(self.groups(runs)) if self.groups else []
        return f"sernb run {number} {self.options}" + (f" -p folds '{folds}'" if folds else "")


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
    return "\n".join([*lines, "", *([said, ""] if said else []), f"`{section.command(runs)}`"])


_THREE = '-p corpora_seen \'["emodb", "ravdess"]\' --data real --preset reduced'
_NAMED = "UAR / weighted F1. NAMP's margin tightens, as printed; AMProto's relaxes, which is NAMP as the text argues."
_LETTERS = '--preset reduced --data real -p tested \'["ravdess", "emodb", "emovo"]\''
_SEEN = f"Weighted F1 / UAR in %, four classes, CNN14 at a quarter of its width from scratch. Seen: held-out speakers of a corpus trained on; unseen: a corpus that was not, whole. One class: more than {100 * real_mismatch.COLLAPSED:.0f} % of what a fold's model says is the same emotion."
SECTIONS = [
    Section("Paper 1: does control control? EMO-DB, ten folds", "1_msac_sernet/11_single_corpus",
            "--preset tuned --data real", real_recognition.control,
            "What is read off the embedding: the study `control` of the same models, as in 12.", verdict=real_recognition.controls),
    Section("Paper 1: across corpora, five classes; EMO-DB and RAVDESS, EMOVO never seen", "1_msac_sernet/12_cross_corpus",
            f"{_THREE} -p unseen emovo -p draws '[0]' -p seeds '[0, 1]'", real_recognition.crossed,
            "Normalised: over which features' mean and deviation are taken.", real_recognition.crosses),
    Section("Paper 1: noticing emotions never taught; EMO-DB and RAVDESS, five classes taught", "1_msac_sernet/13_reliability",
            f"{_THREE} -p unseen emovo -p draws '[0]' -p seeds '[0, 1]' -p variants '[\"Base\", \"Base+AGR\", \"Base+AMTL\", \"Base+MSAC\"]'",
            real_recognition.detected,
            "AUROC / FPR95 in %: boredom, calm, disgust and surprise of the test speakers against their taught emotions. Best AUROC of a line in bold.", real_recognition.detects),
    Section("Paper 2: pseudo-labels and AM-Softmax with a small HuBERT of our own; EMO-DB, seven classes, by speaker", "2_gmp_atl/22_adaptive_transfer",
            "--preset reduced --data real -p corpus emodb -p classes all -p division speaker", real_transfer.transferred,
            "Pre-trained on RAVDESS and EMOVO without labels. MSAC-SERNet's rows are those of 11, tested on the same utterances, but transductive.",
            real_transfer.transfers, real_transfer.table_3),
    Section("Paper 3: augmentation within and across corpora; RAVDESS, EMO-DB, EMOVO", "3_domain_mismatch/32_augmentation",
            f"{_LETTERS} -p sets '[\"A\", \"B\", \"C\", \"F\"]' -p rates '[0.0, 0.5, 1.0]' -p augmented '[\"A\", \"B\", \"C\"]'", real_mismatch.augmented,
            _SEEN, real_mismatch.augments, real_mismatch.figure_2),
    Section("Paper 3: EMO-DB's labels scrambled; RAVDESS, EMO-DB, EMOVO", "3_domain_mismatch/33_label_scrambling",
            f"{_LETTERS} -p sets '[\"B\", \"C\"]' -p rates '[0.0]' -p adversarial '[0.05, 0.1, 0.5]'", real_mismatch.scrambled,
            f"{_SEEN} EMO-DB is scored by the labels it was given, the others by their own.", real_mismatch.scrambling, real_mismatch.figure_3),
    Section("Paper 4: one attribute and several, three approaches; EMO-DB and RAVDESS, EMOVO never seen",
            "4_attributes_in_the_wild/41_single_attributes",
            f"{_THREE} -p corpora_unseen '[\"emovo\"]' -p seeds '[0, 1, 2]'", real_wild.wild,
            "UAR of three classes; language and corpus coincide here, so there is one of them. Sets of several: 42 with the same options.", real_wild.consistent),
    Section("Paper 5: unseen emotions against neutral, ten enrolled; RAVDESS, six folds",
            "5_enroll_to_verify/51_losses", "--preset reduced --data real -p corpus ravdess -p seeds '[0, 1]'", real_verification.enrolled,
            _NAMED, real_verification.margins),
    Section("Paper 5: enrolled and verified in another corpus, EMO-DB",
            "5_enroll_to_verify/51_losses",
            "--preset reduced --data real -p corpus ravdess -p enrol_corpus emodb -p emotions boredom+disgust -p seeds '[0, 1]'", real_verification.enrolled_across,
            _NAMED, functools.partial(real_verification.margins, across="emodb")),
]  # fmt: skip
