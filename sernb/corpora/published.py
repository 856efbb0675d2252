"""What can be published of a corpus: numbers, breakdowns and flaws, each with its source."""

from dataclasses import dataclass, field
from typing import NamedTuple

from . import table

#: What a corpus can publish one number of. Recordings are files, of which one may hold many utterances.
QUANTITIES = ("utterances", "recordings", "hours", "speakers", "women")


class Fact(NamedTuple):
    """A published number, where it is from, and how far a download may be off it (a source rounds)."""

    value: float
    source: str
    within: float = 0


@dataclass(frozen=True)
class Counts:
    """Published numbers of utterances by the values of some columns of a table.

    None: the value is published, how often it occurs is not known. `of` restricts the counts to some emotions.
    """

    by: tuple[str, ...]
    numbers: dict[tuple[str, ...], int | None]
    source: str
    of: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Flaw:
    """A file of the published download that is unusable itself: counts that include it are one less where it is.

    `file`: a pattern of the end of its path; `row`: what the utterance would be in a table.
    """

    file: str
    row: dict[str, str]
    source: str


@dataclass(frozen=True)
class Corpus:
    """A corpus as published. `needed`: what for, by the number of the paper; `language`: ISO 639-3."""

    title: str
    language: str
    licence: str
    obtain: str
    needed: dict[int, str]
    facts: dict[str, Fact]
    counts: tuple[Counts, ...]
    flaws: tuple[Flaw, ...] = ()
    label_files: tuple[str, ...] = ()  # tables of labels beside the audio, in lower case
    endings: set[str] = field(default_factory=lambda: table.AUDIO)  # of what is audio
    note: str = ""

    @property
    def classes(self) -> dict[str, int | None]:
        """Emotions and how many utterances of each are published, None where no number is."""
        counts = next(c for c in self.counts if c.by == ("emotion",))
        return {emotion: number for (emotion,), number in counts.numbers.items()}

    @property
    def unknown(self) -> list[str]:
        """What a reader would look for and no source at hand gives."""
        return [what for what in ("utterances", "hours", "speakers") if what not in self.facts]

    @property
    def sources(self) -> list[str]:
        """Where the published numbers are from, each source once."""
        return list(dict.fromkeys(x.source for x in (*self.facts.values(), *self.counts)))


def by_emotion(numbers: dict[str, int | None], source: str) -> Counts:
    return Counts(("emotion",), {(emotion,): number for emotion, number in numbers.items()}, source)


def crossed(speakers: list[str], each: dict[str, int], source: str, but: dict | None = None) -> tuple:
    """Counts of a corpus whose speakers all speak the same: by emotion, by speaker, by both.

    `each`: utterances of one speaker by emotion; `but`: the exceptions, by (speaker, emotion).
    """
    cells = {(speaker, emotion): n for speaker in speakers for emotion, n in each.items()} | (but or {})
    emotions, by_speaker = dict.fromkeys(((e,) for e in each), 0), dict.fromkeys(((s,) for s in speakers), 0)
    for (speaker, emotion), n in cells.items():
        emotions[emotion,] += n
        by_speaker[speaker,] += n
    return (
        Counts(("emotion",), emotions, source),
        Counts(("speaker",), by_speaker, source),
        Counts(("speaker", "emotion"), cells, source),
    )
