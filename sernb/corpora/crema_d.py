"""CREMA-D (Cao et al. 2014): AudioWAV/1001_DFA_ANG_XX.wav, English."""

import re
from pathlib import Path

import numpy as np

from . import documents, labels, table

EXPECTED = "AudioWAV/1001_DFA_ANG_XX.wav"
#: `1040_ITH_SAD_X.wav` is published so; its label file spells it `1040_ITH_SAD_XX`.
NAME = re.compile(r"(1\d{3})_([A-Z]{3})_([A-Z]{3})_(XX?|LO|MD|HI)", re.IGNORECASE)


def read(root: Path):
    """`emotion` is what was acted, from the name; `voice_vote` what listeners to the voice alone heard most often.

    Sex is from VideoDemographics.csv, the vote from summaryTable.csv; where a file or an entry is not there, and
    where votes are tied, the column is missing.
    """
    root = Path(root).expanduser()

    def parse(file):
        match = NAME.fullmatch(file.stem)
        emotion = match and labels.CREMA_D.get(match[3].upper())
        if emotion is None:
            return None
        name = (
            "_".join(match.groups()[:3]).upper()
            + "_"
            + match[4].upper().replace("XX", "X").replace("X", "XX")
        )
        return {
            "utterance": f"crema_d/{name}", "corpus": "crema_d", "speaker": f"crema_d/{match[1]}",
            "gender": sexes.get(match[1]), "language": "eng", "emotion": emotion,
            "voice_vote": votes.get(name, np.nan),
        }  # fmt: skip

    sexes, votes = demographics(root), voice_votes(root)
    return table.read(root, EXPECTED, "actor_sentence_emotion_level", parse)


def demographics(root: Path) -> dict[str, str]:
    """Sex by actor; empty without VideoDemographics.csv."""
    found = documents.named(root, "videodemographics.csv")
    rows = documents.rows(found[0], {"ActorID", "Sex"}) if found else []
    return {row["ActorID"].strip(): row["Sex"].strip().lower() for row in rows}


def voice_votes(root: Path) -> dict[str, str]:
    """The emotion that most listeners heard, by file stem; empty without summaryTable.csv. A tie gives none."""
    found = documents.named(root, "summarytable.csv")
    votes = []
    for row in documents.rows(found[0], {"FileName", "VoiceVote"}) if found else []:
        letters = row["VoiceVote"].strip().split(":")
        strange = set(letters) - set(labels.CREMA_D_VOTES)
        if strange:
            raise ValueError(
                f"{found[0]}: {row['FileName']} has the vote {row['VoiceVote']!r}; expected letters of "
                f"{''.join(labels.CREMA_D_VOTES)}. Give it an entry in labels.CREMA_D_VOTES."
            )
        if len(letters) == 1:
            votes.append((row["FileName"].strip().upper(), labels.CREMA_D_VOTES[letters[0]]))
    return documents.keyed(found[0], votes) if found else {}
