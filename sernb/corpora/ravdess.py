"""RAVDESS speech (Livingstone & Russo 2018): Actor_01/03-01-05-01-02-01-01.wav, English."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "Actor_01/03-01-05-01-02-01-01.wav"
NAME = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")


def read(root: Path):
    """Emotion and actor from the name; odd actors are men. Song (channel 02) and video are left out by name."""
    return table.read(Path(root).expanduser(), EXPECTED, "audio-only speech", _parse)


def _parse(file):
    match = NAME.fullmatch(file.stem)
    if match is None:
        return None
    actor = match[5]
    return {
        "utterance": f"ravdess/{file.stem}", "corpus": "ravdess", "speaker": f"ravdess/{actor}",
        "gender": "male" if int(actor) % 2 else "female", "language": "eng", "emotion": labels.RAVDESS[match[1]],
    }  # fmt: skip
