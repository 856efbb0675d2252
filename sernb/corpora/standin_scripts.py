"""Who says what in a stand-in: acted grids of texts and emotions, two-person dialogues, podcasts, scenes of a series.

Texts are drawn independently of emotions everywhere. Emotions that people act or feel off a stage are rarely pure:
another one shines through, and how much decides how well the annotators agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

#: What an emotion is mixed with and taken for.
NEAR = {
    "neutral": ("sadness", "frustration", "happiness"),
    "anger": ("frustration", "disgust", "contempt"),
    "happiness": ("excitement", "neutral", "surprise"),
    "excitement": ("happiness", "surprise"),
    "sadness": ("neutral", "frustration", "fear"),
    "frustration": ("anger", "neutral", "sadness"),
    "surprise": ("excitement", "happiness", "fear"),
    "fear": ("surprise", "sadness"),
    "disgust": ("contempt", "anger", "frustration"),
    "contempt": ("disgust", "neutral"),
    "other": ("neutral", "happiness"),
}


@dataclass(frozen=True)
class Line:
    """One utterance to be spoken."""

    speaker: str
    file: str  # below the root; several lines may share one recording
    code: str  # the corpus's own label
    emotion: str  # the rule of prosody.py it is spoken by
    text: int  # its number in the plan
    mixed: str | None = None  # an emotion that shines through
    share: float = 1.0  # the weight of `emotion` beside `mixed`


def acted(plan, speaker: str, generator: np.random.Generator) -> Iterator[Line]:
    """Every emotion on texts drawn anew for it. Lines are drawn while they are spoken, from the speaker's generator."""
    for code, emotion in plan.codes.items():
        texts = generator.permutation(len(plan.texts))[: plan.counts[code]]
        for take, text in enumerate(sorted(int(text) for text in texts)):
            file = plan.name(speaker, code, text, take)
            if plan.weakest == 1 or emotion == "neutral":
                yield Line(speaker, file, code, emotion, text)
            else:
                share = generator.uniform(plan.weakest, 1)
                yield Line(speaker, file, code, emotion, text, "neutral", share)


def dialogues(plan, generator: np.random.Generator) -> dict[str, list[Line]]:
    """IEMOCAP: in each session a woman and a man improvise four dialogues and play four written ones."""
    lines = {}
    for speaker, _ in plan.speakers:
        codes = _dealt(plan.counts, generator)
        turns = -(-len(codes) // len(plan.dialogues))
        lines[speaker] = []
        for i, code in enumerate(codes):
            dialogue, turn = divmod(i, turns)
            title, letter = plan.dialogues[dialogue], speaker[-1]
            name = f"{speaker[:-1]}{title}"
            # A written dialogue has the same words in every session, as its authors wished.
            fixed = (7 * dialogue + 2 * turn + (letter == "M")) % len(plan.texts)
            text = fixed if "script" in title else int(generator.integers(len(plan.texts)))
            file = f"Session{int(speaker[3:5])}/sentences/wav/{name}/{name}_{letter}{turn:03d}.wav"
            lines[speaker].append(_felt(plan, speaker, file, code, text, generator))
    return lines


def podcasts(plan, generator: np.random.Generator) -> dict[str, list[Line]]:
    """MSP-Podcast: a podcast per speaker, its segments numbered with gaps; what is rare is rare for everyone."""
    lines = {}
    for podcast, (speaker, _) in enumerate(plan.speakers, 1):
        known = not speaker.startswith("Unknown")
        rare = generator.permutation(plan.rare)[: 2 if known else 1]
        counts = plan.counts if known else dict.fromkeys("NHA", 1)
        codes = _dealt({**counts, **dict.fromkeys(rare.tolist(), 1)}, generator)
        segments = np.sort(generator.permutation(400)[: len(codes)])
        lines[speaker] = [
            _felt(
                plan, speaker, f"Audios/MSP-PODCAST_{podcast:04d}_{segment:04d}.wav", code,
                int(generator.integers(len(plan.texts))), generator,
            )
            for code, segment in zip(codes, segments, strict=True)
        ]  # fmt: skip
    return lines


def scenes(plan, generator: np.random.Generator) -> dict[str, list[Line]]:
    """MELD: scenes of six to ten lines among two to four of the cast; the same cast in training, validation, test."""
    lines = {speaker: [] for speaker, _ in plan.speakers}
    cast, guests = list(lines)[: plan.cast], list(lines)[plan.cast :]
    for split, folder in plan.folders.items():
        codes, scene = _dealt(plan.counts[split], generator), 0
        while codes:
            present = list(generator.permutation(cast)[: generator.integers(2, 5)])
            for turn in range(generator.integers(6, 11)):
                if not codes:
                    break
                visitor = generator.uniform() < 0.1
                speaker = str(generator.choice(guests) if visitor else present[turn % len(present)])
                file = f"{folder}/dia{scene}_utt{turn}.wav"
                text = int(generator.integers(len(plan.texts)))
                lines[speaker].append(_felt(plan, speaker, file, codes.pop(), text, generator))
            scene += 1
    return lines


def _dealt(counts, generator):
    codes = [code for code, count in counts.items() for _ in range(count)]
    return [codes[i] for i in generator.permutation(len(codes))]


def _felt(plan, speaker, file, code, text, generator):
    """A line with another emotion in it; about half and half where the label says that nobody agreed."""
    agreed = plan.codes[code] is not None
    emotions = [e for e in dict.fromkeys(plan.codes.values()) if e]
    emotion = plan.codes[code] if agreed else str(generator.choice(emotions))
    near = [e for e in NEAR[emotion] if e in emotions]
    share = generator.uniform(0.6, 1.0) if agreed else generator.uniform(0.45, 0.55)
    return Line(speaker, file, code, emotion, text, str(generator.choice(near)), share)
