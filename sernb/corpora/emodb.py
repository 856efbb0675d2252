"""EMO-DB, the Berlin database of emotional speech (Burkhardt et al. 2005): wav/03a01Fa.wav, German."""

import re
from pathlib import Path

from . import labels, table

EXPECTED = "wav/03a01Fa.wav"
MEN = {"03", "10", "11", "12", "15"}
NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z]?)", re.IGNORECASE)


def read(root: Path):
    """Speaker, text, emotion and version from the name; agreement from the listening test `erkennung.txt`."""
    files, agreement = table.files(root, EXPECTED), listening_test(Path(root))
    rows, left_out = [], []
    for file in files:
        match = NAME.fullmatch(file.stem)
        emotion = match and labels.EMODB.get(match[3].upper())
        if emotion is None:
            left_out.append((file, "its name is not speaker, text, emotion, version as in 03a01Fa"))
            continue
        speaker = match[1]
        rows.append({
            "utterance": f"emodb/{file.stem}", "file": file, "corpus": "emodb", "speaker": f"emodb/{speaker}",
            "gender": "male" if speaker in MEN else "female", "language": "deu", "emotion": emotion,
            "agreement": agreement.get(file.stem.lower()),
        })  # fmt: skip
    return table.build(rows, left_out)


def listening_test(root: Path) -> dict[str, float]:
    """Share of listeners who recognised the emotion, by lower-case stem; empty where the file is not there."""
    found = [p for p in root.iterdir() if p.name.lower() == "erkennung.txt"]
    shares = {}
    for line in found[0].read_text(encoding="latin-1").splitlines() if found else ():
        fields = line.replace("\xa0", " ").split()
        if len(fields) >= 3 and fields[1].lower().endswith(".wav"):
            shares[Path(fields[1]).stem.lower()] = float(fields[2].replace(",", ".")) / 100
    return shares
