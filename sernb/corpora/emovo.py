"""EMOVO (Costantini et al. 2014): f1/gio-f1-b2.wav, Italian."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "f1/gio-f1-b2.wav"
NAME = re.compile(r"([a-z]{3})-([fm]\d)-([a-z]+\d+)", re.IGNORECASE)


def read(root: Path):
    """Emotion, speaker (whose first letter is the gender) and text from the name."""
    rows, left_out = [], []
    for file in table.files(root, EXPECTED):
        match = NAME.fullmatch(file.stem)
        emotion = match and labels.EMOVO.get(match[1].lower())
        if emotion is None:
            left_out.append((file, "its name is not emotion, speaker, text as in gio-f1-b2"))
            continue
        speaker = match[2].lower()
        rows.append({
            "utterance": f"emovo/{file.stem}", "file": file, "corpus": "emovo", "speaker": f"emovo/{speaker}",
            "gender": "female" if speaker[0] == "f" else "male", "language": "ita", "emotion": emotion,
        })  # fmt: skip
    return table.build(rows, left_out)
