"""MSP-Podcast (Lotfian & Busso 2019): Audios/MSP-PODCAST_0001_0008.wav and Labels/labels_consensus.csv, English."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from . import documents, labels, table

EXPECTED = "Audios/MSP-PODCAST_0001_0008.wav"
CONSENSUS = ("labels_consensus.csv", "labels_concensus.csv")  # releases up to 1.9 spell it with a c
DETAILED = ("labels_detailed.csv", "labels_detailed.json")
COLUMNS = {"FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set"}
SPLITS = {"Validation": "Development"}  # older releases


def read(root: Path):
    """All from labels_consensus.csv; agreement from the single votes in labels_detailed (CSV or JSON) beside it.

    Unknown speakers and genders are missing, and so is the emotion that annotators do not agree on (`X`). Audio
    without a row (Test3, whose labels are not published) and rows without audio are left out and named.
    """
    root = Path(root).expanduser()
    found = table.files(root, EXPECTED)
    consensus = documents.needed(root, "Labels/labels_consensus.csv", *CONSENSUS)
    listed = documents.rows(consensus, COLUMNS)
    rows = documents.keyed(consensus, ((Path(row["FileName"]).stem.lower(), row) for row in listed))
    single = votes(consensus.parent)

    def parse(file):
        row = rows.get(file.stem.lower())
        if row is None:
            return f"{consensus.name} has no row for it"
        if row["EmoClass"].strip() not in labels.MSP_PODCAST:
            return f"its label {row['EmoClass']!r} has no entry in labels.MSP_PODCAST"
        speaker, gender, split = (row[name].strip() for name in ("SpkrID", "Gender", "Split_Set"))
        emotion = labels.MSP_PODCAST[row["EmoClass"].strip()]
        voices = single.get(file.stem.lower())
        return {
            "utterance": f"msp_podcast/{file.stem}", "corpus": "msp_podcast",
            "speaker": None if speaker.lower() in ("unknown", "") else f"msp_podcast/{speaker}",
            "gender": None if gender.lower() in ("unknown", "") else gender.lower(), "language": "eng",
            "emotion": emotion, "agreement": np.mean([v == emotion for v in voices]) if emotion and voices else np.nan,
            "split": SPLITS.get(split, split),
            **{name: documents.number(consensus, row[code] or "nan") for name, code in (("activation", "EmoAct"), ("valence", "EmoVal"),
                                                                   ("dominance", "EmoDom"))},
        }  # fmt: skip

    there = {file.stem.lower() for file in found}
    folder = next((file.parent for file in found if file.stem.lower() in rows), found[0].parent)
    absent = [
        (folder / row["FileName"], "listed, but there is no such file")
        for stem, row in rows.items()
        if stem not in there
    ]
    return table.read(root, EXPECTED, "as FileName says", parse, found, absent)


def votes(folder: Path) -> dict[str, list[str]]:
    """What every annotator heard first, by lower-case stem; empty where there is no file of single votes.

    A word that labels.MSP_PODCAST_VOTES does not know is kept: it agrees with no label.
    """
    found, heard = documents.named(folder, *DETAILED), defaultdict(list)
    if not found:
        return heard
    if found[0].suffix.lower() == ".json":
        try:
            pairs = [(name, vote["EmoClass_Major"]) for name, workers in json.loads(documents.text(found[0])).items()
                     for vote in workers.values()]  # fmt: skip
        except (json.JSONDecodeError, AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{found[0]}: expected file: worker: EmoClass_Major in JSON, found other ({error!r})."
            ) from error
    else:
        # one column a field in some releases; in others one column: "WORKER0001; Happy; Happy,Amused; A:5; V:6; D:4;"
        pairs = [(row["FileName"], row.get("EmoClass_Major") or (row.get("EmoDetail") or "").partition(";")[2].partition(";")[0])
                 for row in documents.rows(found[0], {"FileName"})]  # fmt: skip
    for name, word in pairs:
        word = str(word or "").strip().lower()
        word = "other" if word.startswith("other") else word
        heard[Path(name).stem.lower()].append(labels.MSP_PODCAST_VOTES.get(word, word))
    return heard
