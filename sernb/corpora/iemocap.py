"""IEMOCAP (Busso et al. 2008): Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav, English."""

import re
from pathlib import Path

import numpy as np

from . import documents, labels, table

EXPECTED = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
#: The letter after the session only says whose markers the dialogue recorded: the last token names who speaks.
NAME = re.compile(r"(Ses(\d\d)[FM]_\w+)_([FM])\d+", re.IGNORECASE)
TURN = re.compile(r"\[[\d.]+ - [\d.]+\]\s+(\S+)\s+(\S+)\s+\[([-\d.]+),\s*([-\d.]+),\s*([-\d.]+)\]")
VOTE = re.compile(r"C-\w+:([^(]*)")


def read(root: Path):
    """Speaker and session from the name; emotion, agreement and dimensions from dialog/EmoEvaluation/*.txt.

    A turn that its annotators do not agree on (`xxx`) is kept, its emotion missing. `agreement` is the share of all
    annotators, the actors' own judgement included, who named the label. Recordings of whole dialogues (below
    `dialog`) are no utterances.
    """
    root = Path(root).expanduser()
    found = table.files(root, EXPECTED)
    found = [f for f in found if "dialog" not in f.relative_to(root).as_posix().lower().split("/")[:-1]]
    turns = evaluations(root)

    def parse(file):
        match = NAME.fullmatch(file.stem)
        if match is None:
            return None
        turn = turns.get(file.stem.lower())
        if turn is None:
            return "no file of dialog/EmoEvaluation has its label"
        if turn["label"] not in labels.IEMOCAP:
            return f"its label {turn['label']!r} has no entry in labels.IEMOCAP"
        gender = match[3].upper()
        emotion = labels.IEMOCAP[turn["label"]]
        return {
            "utterance": f"iemocap/{file.stem}", "corpus": "iemocap", "speaker": f"iemocap/Ses{match[2]}{gender}",
            "gender": {"F": "female", "M": "male"}[gender], "language": "eng", "emotion": emotion,
            "agreement": share(turn["votes"], emotion), "session": str(int(match[2])), **turn["dimensions"],
        }  # fmt: skip

    there = {file.stem.lower() for file in found}
    absent = [
        (turn["file"], "labelled, but there is no such file") for t, turn in turns.items() if t not in there
    ]
    return table.read(root, EXPECTED, "session, dialogue, speaker and turn", parse, found, absent)


def evaluations(root: Path) -> dict[str, dict]:
    """Label, votes and dimensions of every turn, by its lower-case name.

    Raises FileNotFoundError without a label file. Files of single annotators lie a folder deeper and are not read.
    """
    files = [
        f for f in table.walk(root) if f.parent.name.lower() == "emoevaluation" and f.suffix.lower() == ".txt"
    ]
    turns, turn = {}, None
    for file in files:
        for line in documents.text(file).splitlines():
            if match := TURN.match(line):
                name, dialogue = match[1], match[1].rpartition("_")[0]
                turn = {
                    "label": match[2].lower(), "votes": [],
                    "dimensions": dict(zip(("valence", "activation", "dominance"),
                                           (documents.number(file, said) for said in match.groups()[2:]), strict=True)),
                    "file": file.parents[2] / "sentences" / "wav" / dialogue / f"{name}.wav",
                }  # fmt: skip
                first = turns.setdefault(name.lower(), turn)  # a second copy of the file adds no votes
                if first["label"] != turn["label"]:
                    raise ValueError(
                        f"{file}: {name} is {turn['label']}, but {first['label']} before. Remove one."
                    )
            elif turn and (match := VOTE.match(line)):
                words = [word.strip().lower() for word in match[1].split(";")]
                turn["votes"].append({labels.IEMOCAP_VOTES.get(word, word) for word in words if word})
    if not turns:
        raise FileNotFoundError(
            f"{root}: expected labels such as Session1/dialog/EmoEvaluation/Ses01F_impro01.txt, found {len(files)} "
            "label files and no labelled turn. Pass the folder that holds Session1 to Session5."
        )
    return turns


def share(votes: list[set], emotion: str | None) -> float:
    """Share of annotators one of whose words is the emotion; missing without emotion or votes."""
    return np.mean([emotion in words for words in votes]) if emotion and votes else np.nan
