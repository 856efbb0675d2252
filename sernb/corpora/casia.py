"""CASIA, the Chinese emotional corpus of the Academy of Sciences: wangzhe/angry/201.wav, Mandarin."""

from pathlib import Path

from . import labels, table

EXPECTED = "wangzhe/angry/201.wav"
#: As the folders are spelt (`liuchanhg`, too), with their genders.
SPEAKERS = {"liuchanhg": "female", "zhaoquanyin": "female", "wangzhe": "male", "ZhaoZuoxiang": "male"}
_SPELT = {name.lower(): name for name in SPEAKERS}


def read(root: Path):
    """Speaker and emotion from the two folders above a file; its name is the number of the sentence."""
    return table.read(Path(root).expanduser(), EXPECTED, "a number in speaker/emotion", _parse)


def _parse(file):
    speaker = _SPELT.get(file.parent.parent.name.lower())
    word = file.parent.name.lower()
    if speaker is None or word not in labels.CASIA or not file.stem.isdecimal():
        return None
    return {
        "utterance": f"casia/{speaker}/{word}/{file.stem}", "corpus": "casia", "speaker": f"casia/{speaker}",
        "gender": SPEAKERS[speaker], "language": "cmn", "emotion": labels.CASIA[word],
    }  # fmt: skip
