"""Protocols as folds of (train, valid, test), and the proof that no speaker is in two of them."""

from dataclasses import dataclass

import pandas as pd

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Fold:
    """One split of a table: utterance ids to train on, to choose by, and to report.

    `shared_speakers` declares a split that shares speakers by design; it shows in every title drawn from it.
    """

    name: str
    train: pd.Index
    valid: pd.Index
    test: pd.Index
    shared_speakers: bool = False


def leave_one_speaker_out(table: pd.DataFrame) -> list[Fold]:
    """Each speaker tests once; the next one (sorted, cyclic) validates; the others train.

    Raises ValueError for fewer than three speakers or an utterance without a speaker.
    """
    if table["speaker"].isna().any():
        unknown = table.index[table["speaker"].isna()]
        raise ValueError(
            f"leave-one-speaker-out needs a speaker for every utterance: {len(unknown)} have none, e.g. "
            f"{unknown[0]!r}. Drop them or use a split that keeps unknown speakers in training."
        )
    speakers = sorted(table["speaker"].unique())
    if len(speakers) < 3:
        raise ValueError(
            f"leave-one-speaker-out needs 3 speakers or more, found {len(speakers)}: {speakers}."
        )
    folds = []
    for i, tested in enumerate(speakers):
        validating = speakers[(i + 1) % len(speakers)]
        test, valid = table["speaker"] == tested, table["speaker"] == validating
        name = str(tested).split("/")[-1]
        folds.append(Fold(name, table.index[~test & ~valid], table.index[valid], table.index[test]))
    check(folds, table)
    return folds


def check(folds: list[Fold], table: pd.DataFrame) -> None:
    """Raise ValueError if a fold is empty somewhere, or has an utterance or an undeclared speaker in two parts."""
    for fold in folds:
        parts = {part: getattr(fold, part) for part in PARTS}
        for part, ids in parts.items():
            if len(ids) == 0:
                raise ValueError(f"fold {fold.name!r}: the {part} part is empty.")
            if not ids.is_unique:
                raise ValueError(f"fold {fold.name!r}: the {part} part repeats {ids[ids.duplicated()][0]!r}.")
        for a, b in (("train", "valid"), ("train", "test"), ("valid", "test")):
            both = parts[a].intersection(parts[b])
            if len(both):
                raise ValueError(
                    f"fold {fold.name!r}: {len(both)} utterances in {a} and {b}, e.g. {both[0]!r}."
                )
            shared = _speakers(table, parts[a]) & _speakers(table, parts[b])
            if shared and not fold.shared_speakers:
                raise ValueError(
                    f"fold {fold.name!r}: speaker {min(shared)!r} is in {a} and {b} ({len(shared)} shared). "
                    "Use a speaker-disjoint split, or declare shared_speakers=True."
                )


def proof(folds: list[Fold], table: pd.DataFrame) -> pd.DataFrame:
    """The leak check as a table a reader can see: per fold, utterances and speakers per part, and what is shared."""
    check(folds, table)
    rows = []
    for fold in folds:
        who = {part: _speakers(table, getattr(fold, part)) for part in PARTS}
        shared = (who["train"] & who["valid"]) | (who["train"] & who["test"]) | (who["valid"] & who["test"])
        counts = {part: len(getattr(fold, part)) for part in PARTS}
        names = {f"{part} speakers": len(who[part]) for part in PARTS}
        rows.append({"fold": fold.name, **counts, **names, "speakers in two parts": len(shared)})
    return pd.DataFrame(rows).set_index("fold")


def _speakers(table: pd.DataFrame, ids: pd.Index) -> set:
    return set(table.loc[ids, "speaker"].dropna())
