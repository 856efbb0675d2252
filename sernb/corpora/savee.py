"""SAVEE (Haq & Jackson 2009): AudioData/DC/a01.wav, or all in one folder as DC_a01.wav, English."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "AudioData/DC/a01.wav"
SPEAKERS = {"DC", "JE", "JK", "KL"}
NAME = re.compile(r"(?:([a-z]{2})_)?([a-z]{1,2})(\d\d)", re.IGNORECASE)


def read(root: Path):
    """Emotion from the name, the speaker (four men) from its prefix or from the folder."""
    return table.read(Path(root).expanduser(), EXPECTED, "speaker, emotion, sentence", _parse)


def _parse(file):
    match = NAME.fullmatch(file.stem)
    emotion = match and labels.SAVEE.get(match[2].lower())
    speaker = match and (match[1] or file.parent.name).upper()
    if emotion is None or speaker not in SPEAKERS:
        return None
    return {
        "utterance": f"savee/{speaker}_{match[2].lower()}{match[3]}", "corpus": "savee", "speaker": f"savee/{speaker}",
        "gender": "male", "language": "eng", "emotion": emotion,
    }  # fmt: skip
