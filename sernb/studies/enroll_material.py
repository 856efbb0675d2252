"""What paper 5's study trains and verifies on: classes, folds of all emotions, frames of the input features."""

import functools
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sernb import audio, corpora, features, frame_features, paths, splits
from sernb.corpora import labels
from sernb.studies.material import content

PARTS = 6  # of speakers, in corpora without a protocol of the paper's; RAVDESS: four actors each


@dataclass(frozen=True)
class Material:
    """Everything that a training and its enrolments need, in the order of the pack.

    `table` has every labelled utterance; `emotion` is its class of the pretraining, missing where it is none; `asked`
    the emotion that it is enrolled as or asked for. `folds` divide the utterances with a class, `whole` all of them.
    `elsewhere` are the utterances of the corpus that is only enrolled from and verified in, by fold (enrol, query).
    """

    table: pd.DataFrame
    folds: list[splits.Fold]
    whole: list[splits.Fold]
    packed: audio.Pack
    digest: str
    elsewhere: list[tuple[pd.Index, pd.Index]] | None = None
    unseen: tuple = ()  # no corpus is only tested on the pretraining task

    @property
    def classes(self) -> list[str]:
        return sorted(self.table["emotion"].dropna().unique())

    @property
    def known(self) -> pd.DataFrame:
        """The utterances that the folds of the pretraining divide."""
        return self.table[self.table["emotion"].notna()]

    def pools(self, fold: int) -> tuple[pd.Index, pd.Index]:
        """Utterances to enrol from and to ask: of the validation and test speakers, or of the other corpus."""
        return self.elsewhere[fold] if self.elsewhere else (self.whole[fold].valid, self.whole[fold].test)


def mapping(classes: str) -> dict[str, str]:
    """Emotion → class: a set of labels.CLASSES, or emotions joined by + (happiness takes excitement in).

    Raises ValueError for an unknown set or emotion.
    """
    if classes in labels.CLASSES:
        return labels.CLASSES[classes]
    names = classes.split("+")
    if set(names) - set(labels.VOCABULARY) or len(names) < 2:
        raise ValueError(
            f"classes {classes!r} is unknown; there are {', '.join(labels.CLASSES)}, or two emotions or more joined by +."
        )
    return {name: name for name in names} | ({"excitement": "happiness"} if "happiness" in names else {})


def protocol(table: pd.DataFrame, corpus: str) -> list[splits.Fold]:
    """The corpus's folds: IEMOCAP leave-one-dyad-out; MELD as published, whose speakers overlap, declared; others PARTS
    of speakers, each tests once, the next validates and is enrolled from."""
    if corpus == "iemocap":
        return splits.leave_one_dyad_out(table)
    if corpus == "meld":
        return splits.published(table, shared_speakers=True)
    return splits.speaker_folds(table, seed=0, k=PARTS)


@functools.lru_cache(maxsize=6)
def material(data: str, corpus: str, classes: str, enrol_corpus: str = "", input: str = "") -> Material:
    """The material of a configuration, kept warm between trainings; the content of an input's weights joins its digest.

    Raises ValueError for unknown classes, FileNotFoundError as `inputs` does.
    """
    names, tables = mapping(classes), []
    for name in filter(None, (corpus, enrol_corpus)):
        found = corpora.load(name, data=data)
        found = found[found["emotion"].notna()]
        asked = found["emotion"].map(lambda e: "happiness" if e == "excitement" else e)
        tables.append(found.assign(asked=asked, emotion=found["emotion"].map(names).astype(object)))
    packed = audio.pack(pd.concat(tables))
    table = pd.concat(tables).loc[packed.ids]
    own = table[table.index.isin(tables[0].index)]
    whole = protocol(own, corpus)
    elsewhere = _elsewhere(table, tables[1].index.intersection(table.index), whole) if enrol_corpus else None
    table["emotion"] = table["emotion"].where(table.index.isin(own.index), np.nan)
    lines = content(table, packed, [corpus, enrol_corpus], more=("asked",))
    if input == "vq_wav2vec":
        with open(_weights(), "rb") as f:
            lines.append(hashlib.file_digest(f, "sha256").hexdigest())
    digest = features.hash_of(lines)
    known = table.index[table["emotion"].notna()]
    return Material(table, [_within(f, known) for f in whole], whole, packed, digest, elsewhere)


def _within(fold, ids):
    parts = {part: getattr(fold, part).intersection(ids, sort=False) for part in splits.PARTS}
    return splits.Fold(fold.name, **parts, shared_speakers=fold.shared_speakers)


def _elsewhere(table, ids, folds):
    """Every speaker of the other corpus is asked in one fold; all others are enrolled from."""
    speakers = table.loc[ids, "speaker"]
    if speakers.isna().any() or speakers.nunique() < 2:
        raise ValueError("the corpus to enrol from needs two speakers or more, and one for every utterance.")
    part = speakers.map({name: i % len(folds) for i, name in enumerate(sorted(speakers.unique()))})
    return [(ids[part != i], ids[part == i]) for i in range(len(folds))]


#: Input features by name: a pack → its frames, 100 a second. vq-wav2vec's weights lie where SERNB_VQ_WAV2VEC says.
INPUTS = {
    "emobase": frame_features.emobase,
    "log_mel": frame_features.log_mel,
    "spectrogram": frame_features.spectrogram,
    "vq_wav2vec": lambda packed, cache, device: frame_features.vq_wav2vec(
        packed, cache, _weights(), device=device
    ),
}
WEIGHTS = "SERNB_VQ_WAV2VEC"


def inputs(kind: str, packed: audio.Pack, on) -> frame_features.FramePack:
    """The frames of a pack, cached by its content.

    Raises ValueError for an unknown kind, FileNotFoundError where weights are needed and not there.
    """
    if kind not in INPUTS:
        raise ValueError(f"input {kind!r} is unknown; there are {', '.join(INPUTS)}.")
    return INPUTS[kind](packed, paths.CACHE, device=on)


def _weights() -> str:
    file = os.environ.get(WEIGHTS)
    if not file or not Path(file).is_file():
        raise FileNotFoundError(
            f"vq-wav2vec needs fairseq's published checkpoint (vq-wav2vec.pt or vq-wav2vec_kmeans.pt): set {WEIGHTS} to its "
            f"path, found {file!r}. Without it, take input='emobase'."
        )
    return file
