"""EMOVO (Costantini et al. 2014): f1/gio-f1-b2.wav, Italian."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "f1/gio-f1-b2.wav"
NAME = re.compile(r"([a-z]{3})-([fm][123])-([a-z]\d)", re.IGNORECASE)


def read(root: Path):
    """Emotion, speaker (whose first letter is the gender) and text from the name."""
    return table.read(Path(root).expanduser(), EXPECTED, "emotion, speaker, text", _parse)


def _parse(file):
    match = NAME.fullmatch(file.stem)
    emotion = match and labels.EMOVO.get(match[1].lower())
    if emotion is None:
        return None
    speaker = match[2].lower()
    return {
        "utterance": f"emovo/{file.stem}", "corpus": "emovo", "speaker": f"emovo/{speaker}",
        "gender": "female" if speaker[0] == "f" else "male", "language": "ita", "emotion": emotion,
    }  # fmt: skip
