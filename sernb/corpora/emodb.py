"""EMO-DB, the Berlin database of emotional speech (Burkhardt et al. 2005): wav/03a01Fa.wav, German."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "wav/03a01Fa.wav"
MEN = {"03", "10", "11", "12", "15"}
WOMEN = {"08", "09", "13", "14", "16"}
NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])", re.IGNORECASE)


def read(root: Path):
    """Speaker, text, emotion and version from the name; agreement from the listening test `erkennung.txt`."""
    root = Path(root).expanduser()

    def parse(file):
        match = NAME.fullmatch(file.stem)
        emotion = match and labels.EMODB.get(match[3].upper())
        if emotion is None or match[1] not in MEN | WOMEN:
            return None
        return {
            "utterance": f"emodb/{file.stem}", "corpus": "emodb", "speaker": f"emodb/{match[1]}",
            "gender": "male" if match[1] in MEN else "female", "language": "deu", "emotion": emotion,
            "agreement": agreement.get(file.stem.lower()),
        }  # fmt: skip

    agreement = listening_test(root)
    return table.read(root, EXPECTED, "speaker, text, emotion, version", parse)


def listening_test(root: Path) -> dict[str, float]:
    """Share of listeners who recognised the emotion, by lower-case stem; empty where the file is not there.

    Raises ValueError naming the line whose share is not a number.
    """
    found = [p for p in root.iterdir() if p.name.lower() == "erkennung.txt"] if root.is_dir() else []
    shares = {}
    for number, line in enumerate(found[0].read_text(encoding="latin-1").splitlines() if found else (), 1):
        fields = line.split()  # a no-break space separates too
        if len(fields) < 3 or not fields[1].lower().endswith(".wav"):
            continue
        try:
            shares[Path(fields[1]).stem.lower()] = float(fields[2].replace(",", ".")) / 100
        except ValueError:
            raise ValueError(
                f"{found[0]}, line {number}: expected a percentage such as 65,00, found {fields[2]!r}."
            ) from None
    return shares
