"""What paper 3's study trains and tests on: corpora joined, each divided by its own protocol, labels swapped if asked."""

import functools

import pandas as pd

from sernb import audio, corpora, features, splits
from sernb.corpora import labels
from sernb.studies.material import Material, content

#: Paper 3, section 5.4: what becomes of the labels of a scrambled corpus.
SWAPPED = {"neutral": "sadness", "sadness": "neutral", "happiness": "anger", "anger": "happiness"}
FOLDS = 5  # at most, of a corpus that the paper does not use


def material(config) -> Material:
    """The corpora of a configuration, kept warm between trainings.

    Fold f joins the f-th fold of every corpus trained on, from the first again where one has fewer. `unseen` are the
    test parts of all folds of the corpora that are only tested on; the table's column `tested` names the fold of its
    own corpus that tests an utterance, so that scores of both can be averaged over the same folds. Raises ValueError
    for a corpus named twice, or one to scramble that is not there.
    """
    return _material(
        config.data, config.corpus, config.unseen, config.classes, config.scrambled, config.crema_d_labels,
        config.crema_d_split,
    )  # fmt: skip


@functools.lru_cache(maxsize=8)
def _material(data, seen, unseen, classes, scrambled, crema_d_labels, crema_d_split):
    seen, unseen = seen.split("+"), [name for name in unseen.split("+") if name]
    names = [*seen, *unseen]
    if len(set(names)) < len(names):
        raise ValueError(f"a corpus is named twice in {seen} and {unseen}.")
    if scrambled and scrambled not in names:
        raise ValueError(f"{scrambled!r} is to be scrambled; expected one of {names}.")
    tables, folds, tested = {}, {}, []
    for name in names:
        table = _classed(corpora.load(name, data=data), name, classes, crema_d_labels)
        if name == scrambled:
            table = table.assign(emotion=table["emotion"].map(SWAPPED))
        folds[name] = protocol(name, table, crema_d_split)
        parts = splits.PARTS if name in seen else ("test",)
        used = {i for fold in folds[name] for part in parts for i in getattr(fold, part)}
        tables[name] = table[table.index.isin(used)]
        tested.append(pd.concat([pd.Series(fold.name, fold.test) for fold in folds[name]]))
    table = pd.concat(tables.values())
    packed = audio.pack(table)
    table = table.loc[packed.ids].assign(tested=pd.concat(tested).reindex(packed.ids))
    joined = [
        _joined([folds[name] for name in seen], i, table) for i in range(max(len(folds[n]) for n in seen))
    ]
    splits.check(joined, table)
    digest = features.hash_of(content(table, packed, names))
    # not by the column `corpus`: that of a user's CSV is another word than the path it is asked for by
    only_tested = table.index.difference(pd.concat([tables[name] for name in seen]).index, sort=False)
    return Material(table, joined, packed, only_tested, table.index[:0], digest)


def _classed(table, name, classes, crema_d_labels):
    """Utterances of the study's classes, `emotion` as the class."""
    if crema_d_labels not in ("heard", "acted"):
        raise ValueError(f"crema_d_labels {crema_d_labels!r} is unknown; there are 'heard' and 'acted'.")
    heard = name == "crema_d" and crema_d_labels == "heard"
    emotion = table["voice_vote" if heard else "emotion"].map(labels.CLASSES[classes])
    if emotion.isna().all():
        raise ValueError(f"{name} has none of the classes {sorted(set(labels.CLASSES[classes].values()))}.")
    return table.assign(published=table["emotion"], emotion=emotion.astype(object))[emotion.notna()]


def protocol(name: str, table: pd.DataFrame, crema_d_split: str = "random") -> list[splits.Fold]:
    """A corpus's folds (section 2.1): MSP-Podcast as published, IEMOCAP by speaker, CREMA-D at random 70/15/15.

    CREMA-D "speakers" has disjoint speakers and the same shares of hours. Other corpora: five folds by speaker, fewer of
    fewer speakers.
    """
    if crema_d_split not in ("random", "speakers"):
        raise ValueError(f"crema_d_split {crema_d_split!r} is unknown; there are 'random' and 'speakers'.")
    if name == "msp_podcast":
        return splits.published(table, "Train", "Development", "Test1")
    if name == "iemocap":
        return splits.leave_one_speaker_out(table)
    if name == "crema_d":
        if crema_d_split == "random":
            return splits.random(table, seed=0)
        return splits.share_of_hours(table, seed=0, valid=0.15, test=0.15)
    return splits.speaker_folds(table, seed=0, k=min(FOLDS, table["speaker"].nunique()))


def _joined(each, number, table):
    chosen = [folds[number % len(folds)] for folds in each]
    parts = {
        part: table.index.intersection([i for fold in chosen for i in getattr(fold, part)], sort=False)
        for part in splits.PARTS
    }
    name = "+".join(dict.fromkeys(fold.name for fold in chosen))
    return splits.Fold(name, **parts, shared_speakers=any(fold.shared_speakers for fold in chosen))
