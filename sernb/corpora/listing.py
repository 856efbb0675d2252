"""What `sernb corpora` and `sernb corpora check` print.

The listing counts files by their names and decodes none: it must answer at once where a corpus lasts for hundreds of
hours. Beside the count stand the published numbers; `check` is what decodes every file and compares.
"""

import textwrap

from sernb import paths

from . import checking
from .catalogue import CATALOGUE, LANGUAGES, STUDIES
from .published import QUANTITIES, Corpus

WIDTH, LABEL = 110, 12


def catalogue() -> str:
    """All corpora: where each lies, what is published of it, its licence, how to get it, what it is needed for."""
    found = {name: _found(name) for name in CATALOGUE}
    there = sum(files > 0 for files, _ in found.values())
    head = f"{there} of {len(CATALOGUE)} corpora have audio below {paths.DATA} (SERNB_DATA)."
    return "\n\n".join([head, *(_entry(name, found[name][1]) for name in CATALOGUE)])


def checked(name: str) -> tuple[int, str]:
    """The exit status of `sernb corpora check` and what it prints: 0 where all agrees, 1 with every deviation.

    Raises what checking.check raises.
    """
    deviations, remarks = checking.check(name)
    corpus, where = CATALOGUE[name], f"{name} in {paths.DATA / name}"
    if deviations:
        points = f"{len(deviations)} point{'s' * (len(deviations) > 1)}"
        lines = [f"{where} deviates from what is published in {points}:", *(f"  {d}" for d in deviations)]
    else:
        lines = [f"{where} agrees with what is published.", _line("published", published(corpus))]
        lines += [_line("classes", classes(corpus))]
    lines += [_line("remark", remark) for remark in remarks]
    return int(bool(deviations)), "\n".join([*lines, _line("sources", "; ".join(corpus.sources))])


def published(corpus: Corpus) -> str:
    """The published numbers in words; what is unknown is said to be so."""
    said = [f"{_number(corpus.facts[what].value)} {what}" for what in QUANTITIES if what in corpus.facts]
    said += [f"{what} unknown" for what in corpus.unknown]
    return f"{LANGUAGES[corpus.language]}, {', '.join(said)}"


def classes(corpus: Corpus) -> str:
    """The emotions with their published numbers of utterances; where there is no number, that is said."""
    numbers = corpus.classes
    if not any(numbers.values()):
        return f"{len(numbers)}: {', '.join(numbers)}; how many of each is unknown"
    said = [f"{emotion} {'(number unknown)' if n is None else n}" for emotion, n in numbers.items()]
    return f"{len(numbers)}: {', '.join(said)}"


def _found(name) -> tuple[int, str]:
    """How many files of audio there are, and in words what there is."""
    root = paths.DATA / name
    if not root.is_dir():
        return 0, f"no: there is no {root}"
    if files := len(checking.audio(name, root)):
        return files, f"{files} audio files in {root}; to compare them: sernb corpora check {name}"
    labels = ", ".join(checking.label_files(name, root))
    return 0, f"labels only, no audio, in {root}: {labels}" if labels else f"no audio in {root}"


def _entry(name: str, found: str) -> str:
    corpus = CATALOGUE[name]
    lines = [("found", found), ("published", published(corpus)), ("classes", classes(corpus))]
    lines += [("licence", corpus.licence), ("obtain", corpus.obtain)]
    lines += [("note", corpus.note)] if corpus.note else []
    lines += [(f"paper {number}", f"{STUDIES[number]}: {use}") for number, use in corpus.needed.items()]
    if idle := [f"paper {number}" for number in STUDIES if number not in corpus.needed]:
        lines.append(("not needed", f"by {', '.join(idle)}"))
    return "\n".join([f"{name}: {corpus.title}", *(_line(*line) for line in lines)])


def _number(value) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")


def _line(label, text) -> str:
    """A labelled text, wrapped, addresses and file names kept whole."""
    first, rest = f"  {label:<{LABEL}}", " " * (LABEL + 2)
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
