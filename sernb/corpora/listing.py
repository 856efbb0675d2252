"""What `sernb corpora` and `sernb corpora check` print.

The listing counts files by their names and decodes none: it must answer at once where a corpus lasts for hundreds of
hours. Beside the count stand the published numbers, and `check` is what decodes every file and compares.
"""

import textwrap

from sernb import paths

from . import checking
from .catalogue import CATALOGUE, LANGUAGES, STUDIES, Corpus


def catalogue() -> str:
    """All corpora: where each lies, what is published of it, its licence, how to get it, what it is needed for."""
    states = {name: _state(name) for name in CATALOGUE}
    heard = sum(audio for audio, _ in states.values())
    parts = [f"{heard} of {len(CATALOGUE)} corpora have audio below {paths.DATA} (SERNB_DATA).\n"]
    parts += [_entry(name, corpus, states[name][1]) for name, corpus in CATALOGUE.items()]
    return "\n".join(parts)


def _state(name) -> tuple[bool, str]:
    """Whether a corpus's audio is there, and in words what is."""
    root = paths.DATA / name
    if not root.is_dir():
        return False, f"not found ({root})"
    files = checking.audio(name, root)
    if files:
        return True, f"{len(files)} audio files in {root}; to validate them: sernb corpora check {name}"
    labels = checking.label_files(name, root)
    return (
        False,
        f"labels only, no audio, in {root}: {', '.join(labels)}" if labels else f"no audio in {root}",
    )


def _entry(name: str, corpus: Corpus, state: str) -> str:
    lines = {"found": state, "published": published(corpus), "classes": classes(corpus), "licence": corpus.licence,
             "obtain": corpus.obtain}  # fmt: skip
    if corpus.note:
        lines["note"] = corpus.note
    for number, study in STUDIES.items():
        lines[f"paper {number}"] = (
            f"{study}: {corpus.needed[number]}" if number in corpus.needed else "not needed"
        )
    return "\n".join([f"{name}: {corpus.title}", *(_line(*line) for line in lines.items()), ""])


def published(corpus: Corpus) -> str:
    """The published numbers in words; what is not published is said to be so."""
    said = []
    for what in ("utterances", "recordings", "hours", "speakers"):
        if what in corpus.facts:
            said.append(f"{_number(corpus.facts[what].value)} {what}")
        elif what != "recordings":
            said.append(f"{what} not published")
    if "women" in corpus.facts:
        said[-1] += f" ({corpus.facts['women'].value} women)"
    return f"{', '.join(said)}; {LANGUAGES[corpus.language]}"


def classes(corpus: Corpus) -> str:
    numbered = [emotion if n is None else f"{emotion} {n}" for emotion, n in corpus.classes.items()]
    unknown = "" if any(corpus.classes.values()) else "; how many of each is not published"
    return f"{len(numbered)}: {', '.join(numbered)}{unknown}"


def checked(name: str) -> tuple[int, str]:
    """The exit status of `sernb corpora check` and what it prints: 0 where all agrees, 1 with every deviation.

    Raises what checking.check raises.
    """
    deviations, remarks = checking.check(name)
    corpus, root = CATALOGUE[name], paths.DATA / name
    if deviations:
        head = f"{name} in {root} deviates from what is published, {len(deviations)} times:"
    else:
        head = f"{name} in {root} agrees with what is published: {published(corpus)}; {classes(corpus)}."
    tail = [*remarks, f"published numbers: {'; '.join(corpus.sources)}"]
    return int(bool(deviations)), "\n".join([head, *(f"  {line}" for line in deviations), *tail])


def _number(value) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")


def _line(label, text) -> str:
    return textwrap.fill(f"{label:<11}{text}", 110, initial_indent="  ", subsequent_indent=" " * 13,
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip
