"""What a study of recognition trains on: one corpus or several, their classes, folds and packed audio."""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sernb import audio, corpora, features, splits
from sernb.corpora import labels
from sernb.corpora.table import COLUMNS

DRAWS = 10  # draws of speakers that a study of several corpora may ask for
#: How several corpora are divided, drawn by seed: one speaker of each to validate and one to test, or shares of hours.
SEVERAL = {"held-out speakers": splits.held_out_speakers, "share of hours": splits.share_of_hours}
#: What a user's CSV may say of an utterance beyond its speaker, emotion and audio.
MENDED = [column for column in COLUMNS if column not in ("file", "start", "end", "speaker", "emotion")]
#: Who is left out of one corpus.
SINGLE = {"speaker": splits.leave_one_speaker_out, "session": splits.leave_one_session_out}


@dataclass(frozen=True)
class Material:
    """Everything that a training needs, in the order of the pack.

    `table` has every packed utterance; `emotion` is its class, missing where it is none of the study's, and
    `published` the corpus's own. `folds` speak of those with a class; `unseen` are the utterances, with a class, of
    the corpus that is only tested on; `others` those of no class, of the seen corpora.
    """

    table: pd.DataFrame
    folds: list[splits.Fold]
    packed: audio.Pack
    unseen: pd.Index
    others: pd.Index
    digest: str

    @property
    def classes(self) -> list[str]:
        return sorted(self.table["emotion"].dropna().unique())

    @property
    def controllable(self) -> set[str]:
        """Attributes of which the corpora know two values or more: there is something to control."""
        return {a for a in ("speaker", "gender", "language", "corpus") if self.known[a].nunique() > 1}

    @property
    def known(self) -> pd.DataFrame:
        """The utterances that the folds divide."""
        return self.table[self.table["emotion"].notna() & ~self.table.index.isin(self.unseen)]


def material(config, several: str = "held-out speakers", single: str = "speaker") -> Material:
    """The corpora of a configuration (fields data, corpus, unseen, classes), kept warm between trainings.

    One corpus is divided by leaving one `single` out (see SINGLE), several by a protocol of SEVERAL. Raises ValueError
    for an unknown set of classes, one corpus named twice, or a corpus without any of the classes.
    """
    return _material(config.data, config.corpus, config.unseen, config.classes, several, single)


@functools.lru_cache(maxsize=4)
def _material(data, seen, unseen, classes, several, single):
    tested = unseen.split("+") if unseen else []
    names = [*seen.split("+"), *tested]
    if len(set(names)) < len(names):
        raise ValueError(f"a corpus is named twice in {seen!r} and {unseen!r}.")
    if classes != "all" and classes not in labels.CLASSES:
        raise ValueError(f"classes {classes!r} is unknown; there are all, {', '.join(labels.CLASSES)}.")
    tables = {name: _classed(corpora.load(name, data=data), classes, name) for name in names}
    table = pd.concat(tables.values())
    packed = audio.pack(table)
    table = table.loc[packed.ids]
    # not by the column `corpus`: that of a user's CSV is another word than the path it is asked for by
    new = pd.Series(
        table.index.isin(table.index[:0].append([tables[name].index for name in tested])), table.index
    )
    none = table["emotion"].isna()
    known = table[~none & ~new]
    if "+" in seen:
        folds = [SEVERAL[several](known, seed)[0] for seed in range(DRAWS)]
    else:
        folds = SINGLE[single](known)
    digest = features.hash_of(content(table, packed, names))
    return Material(table, folds, packed, table.index[new & ~none], table.index[~new & none], digest)


def content(
    table: pd.DataFrame, packed: audio.Pack, names: list[str], more: tuple[str, ...] = ()
) -> list[str]:
    """A line per utterance of what a training sees of it, for the store's key: who, what, its audio; and columns `more`.

    Where one of the corpora `names` is a user's CSV, all that a user can mend joins: after a corrected gender or session
    the key is another one. A published corpus's are its reader's.
    """
    own = MENDED if any(name.endswith(".csv") for name in names) else ()
    columns = [table[column] for column in ("speaker", "emotion", *more, *own)]
    return ["\t".join(map(str, line)) for line in zip(table.index, *columns, packed.digests, strict=True)]


def _classed(table, classes, name):
    """The table with `emotion` as the class and `published` as the corpus's own label; unlabelled ones left out."""
    table = table[table["emotion"].notna()]
    mapped = table["emotion"] if classes == "all" else table["emotion"].map(labels.CLASSES[classes])
    if mapped.isna().all():
        raise ValueError(f"{name} has none of the classes {sorted(set(labels.CLASSES[classes].values()))}.")
    return table.assign(
        published=table["emotion"], emotion=mapped.astype(object).where(mapped.notna(), np.nan)
    )
