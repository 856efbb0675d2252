"""MELD (Poria et al. 2019): train/train_splits/dia0_utt0.mp4 and train_sent_emo.csv, English."""

import re
from pathlib import Path

from . import documents, labels, table

EXPECTED = "train/train_splits/dia0_utt0.mp4"
SPLITS = ("train", "dev", "test")
COLUMNS = {"Speaker", "Emotion", "Dialogue_ID", "Utterance_ID"}
NAME = re.compile(r"dia(\d+)_utt(\d+)", re.IGNORECASE)
STRAY = "final_videos_test"  # clips of another cut that the download carries beside the test split's own
#: Of the main cast. Others are named by the scripts, and their gender is published nowhere.
GENDERS = {
    "Chandler": "male", "Joey": "male", "Ross": "male", "Monica": "female", "Phoebe": "female", "Rachel": "female",
}  # fmt: skip


def read(root: Path):
    """Emotion and speaker from {train,dev,test}_sent_emo.csv; the split from the nearest folder that names one.

    The three splits number their dialogues anew, so an utterance is `meld/split/dia0_utt0`, its session split/dialogue.
    Audio extracted to a clip's name goes before the clip itself.
    """
    root = Path(root).expanduser()
    found = table.files(root, EXPECTED, table.AUDIO | {".mp4"})
    found = [file for file in found if not file.stem.lower().startswith(STRAY)]
    keyed = {file: (split_of(file.relative_to(root)), NAME.fullmatch(file.stem)) for file in found}
    keys = {
        file: (split, *map(int, match.groups())) for file, (split, match) in keyed.items() if split and match
    }
    heard = {key for file, key in keys.items() if file.suffix.lower() != ".mp4"}
    found = [file for file in found if file.suffix.lower() != ".mp4" or keys.get(file) not in heard]
    rows = {split: annotations(root, split) for split in SPLITS}
    if not any(rows.values()):
        documents.needed(root, "train_sent_emo.csv (and dev, test)", *(f"{s}_sent_emo.csv" for s in SPLITS))

    def parse(file):
        if NAME.fullmatch(file.stem) is None:
            return None
        if file not in keys:
            return "no folder above it says whether it is of train, dev or test"
        split, dialogue, turn = keys[file]
        row = rows[split].get((dialogue, turn))
        if row is None:
            return f"{split}_sent_emo.csv has no row for it"
        emotion = labels.MELD.get(row["Emotion"].strip().lower())
        if emotion is None:
            return f"its label {row['Emotion']!r} has no entry in labels.MELD"
        speaker = row["Speaker"].strip()
        return {
            "utterance": f"meld/{split}/dia{dialogue}_utt{turn}", "corpus": "meld",
            "speaker": f"meld/{speaker}" if speaker else None, "gender": GENDERS.get(speaker), "language": "eng",
            "emotion": emotion, "session": f"{split}/{dialogue}", "split": split,
        }  # fmt: skip

    absent = []
    for split in SPLITS:
        first = next((f for f in found if f in keys and keys[f][0] == split), root / split / "dia.mp4")
        absent += [
            (first.with_name(f"dia{d}_utt{u}{first.suffix}"), "listed, but there is no such file")
            for d, u in rows[split].keys() - {key[1:] for key in keys.values() if key[0] == split}
        ]
    return table.read(root, EXPECTED, "dialogue and utterance", parse, found, absent)


def split_of(file: Path) -> str | None:
    """The split that the nearest folder above names, as in `output_repeated_splits_test`; None where two are named."""
    for folder in reversed(file.parts[:-1]):
        if said := [split for split in SPLITS if split in folder.lower()]:
            return said[0] if len(said) == 1 else None
    return None


def annotations(root: Path, split: str) -> dict[tuple[int, int], dict]:
    """A split's rows by dialogue and utterance; empty without its CSV."""
    found = documents.named(root, f"{split}_sent_emo.csv")
    if not found:
        return {}
    names = ("Dialogue_ID", "Utterance_ID")
    rows = documents.rows(found[0], COLUMNS)
    keys = [tuple(documents.number(found[0], row[name], int) for name in names) for row in rows]
    documents.keyed(found[0], zip(keys, ((row["Emotion"], row["Speaker"]) for row in rows), strict=True))
    return dict(zip(keys, rows, strict=True))
