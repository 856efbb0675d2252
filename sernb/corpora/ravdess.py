"""RAVDESS speech (Livingstone & Russo 2018): Actor_01/03-01-05-01-02-01-01.wav, English."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "Actor_01/03-01-05-01-02-01-01.wav"
NAME = re.compile(r"03-01-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


def read(root: Path):
    """Emotion and actor from the name; odd actors are men. Song (channel 02) and video are left out by name."""
    rows, left_out = [], []
    for file in table.files(root, EXPECTED):
        match = NAME.fullmatch(file.stem)
        emotion = match and labels.RAVDESS.get(match[1])
        if emotion is None:
            left_out.append((file, "its name is not audio-only speech as in 03-01-05-01-02-01-01"))
            continue
        actor = match[5]
        rows.append({
            "utterance": f"ravdess/{file.stem}", "file": file, "corpus": "ravdess", "speaker": f"ravdess/{actor}",
            "gender": "male" if int(actor) % 2 else "female", "language": "eng", "emotion": emotion,
        })  # fmt: skip
    return table.build(rows, left_out)
