"""TESS, the Toronto emotional speech set (Pichora-Fuller & Dupuis 2010): OAF_back_angry.wav, English."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "OAF_back_angry.wav"
#: `OA_bite_neutral.wav`, one file of the download, is OAF's.
NAME = re.compile(r"(OAF?|YAF)_([^_]+)_([a-z]+)", re.IGNORECASE)


def read(root: Path):
    """Speaker (an older and a younger woman) and emotion from the name, whatever the folders are called."""
    return table.read(Path(root).expanduser(), EXPECTED, "speaker_word_emotion", _parse)


def _parse(file):
    match = NAME.fullmatch(file.stem)
    emotion = match and labels.TESS.get(match[3].lower())
    if emotion is None:
        return None
    speaker = "YAF" if match[1].upper() == "YAF" else "OAF"
    return {
        "utterance": f"tess/{speaker}_{match[2]}_{match[3].lower()}", "corpus": "tess", "speaker": f"tess/{speaker}",
        "gender": "female", "language": "eng", "emotion": emotion,
    }  # fmt: skip
