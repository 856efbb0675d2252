"""Protocols as folds of (train, valid, test), and the proof that no speaker is in two of them."""

import warnings
from dataclasses import dataclass

import numpy as np
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
    return _leave_one_out(table, "speaker")


def leave_one_session_out(table: pd.DataFrame) -> list[Fold]:
    """Each session (all its speakers) tests once; the next one (sorted, cyclic) validates; the others train.

    Raises ValueError for fewer than three sessions, an utterance without one, or a speaker in two of them.
    """
    return _leave_one_out(table, "session")


def _leave_one_out(table, column):
    names = _named(table, column)
    if len(names) < 3:
        raise ValueError(f"leave-one-{column}-out needs 3 {column}s or more, found {len(names)}: {names}.")
    following = names[1:] + names[:1]
    folds = [
        _fold(table, table[column], [test], [valid]) for test, valid in zip(names, following, strict=True)
    ]
    return _checked(folds, table)


def leave_one_dyad_out(table: pd.DataFrame) -> list[Fold]:
    """Each speaker tests once and the other speaker of the session validates; the other sessions train.

    Paper 5's protocol for IEMOCAP: the validation speaker is also the one enrolled from. Raises ValueError where a
    session has another number of speakers than two.
    """
    _named(table, "speaker")
    folds = []
    for session in _named(table, "session"):
        pair = sorted(table.loc[table["session"] == session, "speaker"].unique())
        if len(pair) != 2:
            raise ValueError(
                f"leave-one-dyad-out: session {session!r} has {len(pair)} speakers, not 2: {pair}."
            )
        folds += [_fold(table, table["speaker"], [test], [valid]) for test, valid in (pair, pair[::-1])]
    return _checked(folds, table)


def held_out_speakers(table: pd.DataFrame, seed: int, valid: int = 1, test: int = 1) -> list[Fold]:
    """One fold: of each corpus `valid` speakers validate and `test` speakers test, drawn by seed; the others train.

    Utterances without a speaker train. Raises ValueError for a corpus that would have no speaker left to train on.
    """
    generator, drawn = np.random.default_rng(seed), {"valid": [], "test": []}
    for corpus, speakers in _by_corpus(table):
        if len(speakers) <= valid + test:
            raise ValueError(
                f"{corpus} has {len(speakers)} speakers: {valid} to validate, {test} to test and at least one to "
                "train do not fit. Leave the corpus out, or hold out fewer."
            )
        order = generator.permutation(speakers)
        drawn["test"] += list(order[:test])
        drawn["valid"] += list(order[test : test + valid])
    return _checked([_fold(table, table["speaker"], drawn["test"], drawn["valid"], f"seed {seed}")], table)


def share_of_hours(
    table: pd.DataFrame, seed: int, valid: float = 0.1, test: float = 0.1, draws: int = 200
) -> list[Fold]:
    """One fold with disjoint speakers whose parts come near to shares of the pooled hours (paper 4: 80/10/10).

    Each corpus keeps at least one speaker to train on; utterances without a speaker train. Of `draws` random orders
    of the speakers, filled up greedily, the one whose hours come nearest is taken.
    """
    hours = (table["end"] - table["start"]).groupby(table["speaker"]).sum() / 3600
    whole = (table["end"] - table["start"]).sum() / 3600
    corpora = {speaker: corpus for corpus, speakers in _by_corpus(table) for speaker in speakers}
    generator, best = np.random.default_rng(seed), None
    for _ in range(draws):
        order = list(generator.permutation(list(corpora)))
        parts, off = _fill(order, hours, corpora, {"test": test * whole, "valid": valid * whole})
        if best is None or off < best[1]:
            best = parts, off
    parts = best[0]
    return _checked([_fold(table, table["speaker"], parts["test"], parts["valid"], f"seed {seed}")], table)


def _fill(order, hours, corpora, wanted):
    """Speakers per part, taken in `order` wherever they bring its hours nearer, and how far the hours are off."""
    left = pd.Series(corpora).value_counts().to_dict()
    parts, filled = {part: [] for part in wanted}, dict.fromkeys(wanted, 0.0)
    for speaker in order:
        if left[corpora[speaker]] == 1:
            continue
        for part, hours_wanted in wanted.items():
            if abs(filled[part] + hours[speaker] - hours_wanted) < abs(filled[part] - hours_wanted):
                parts[part].append(speaker)
                filled[part] += hours[speaker]
                left[corpora[speaker]] -= 1
                break
    return parts, sum(abs(filled[part] - wanted[part]) for part in wanted)


def published(
    table: pd.DataFrame, train="train", valid="dev", test="test", shared_speakers: bool = False
) -> list[Fold]:
    """One fold by the corpus's own `split` column; `train`, `valid`, `test` are its words there.

    A corpus whose split shares speakers by design (MELD) is declared so by `shared_speakers`. An utterance without a
    speaker cannot be proved disjoint: outside training it is left out, with a warning that counts them.
    """
    words = {"train": train, "valid": valid, "test": test}
    missing = set(words.values()) - set(table["split"].dropna())
    if missing:
        raise ValueError(
            f"the table's split column lacks {sorted(missing)}, found {sorted(table['split'].dropna().unique())}."
        )
    unknown = table["speaker"].isna() & table["split"].isin([valid, test])
    if unknown.any() and not shared_speakers:
        warnings.warn(
            f"{unknown.sum()} utterances of {valid} and {test} are left out: their speaker is unknown.",
            stacklevel=2,
        )
        table = table[~unknown]
    parts = {part: table.index[table["split"] == word] for part, word in words.items()}
    return _checked([Fold("published", **parts, shared_speakers=shared_speakers)], table)


def random(table: pd.DataFrame, seed: int, valid: float = 0.15, test: float = 0.15) -> list[Fold]:
    """One fold of utterances drawn by seed, whoever speaks them: a *declared* leak (paper 3's CREMA-D, 70/15/15)."""
    order = np.random.default_rng(seed).permutation(len(table))
    first, second = round(test * len(table)), round((test + valid) * len(table))
    cut = {"test": order[:first], "valid": order[first:second], "train": order[second:]}
    parts = {part: table.index[np.sort(rows)] for part, rows in cut.items()}
    return _checked([Fold(f"seed {seed}", **parts, shared_speakers=True)], table)


def speaker_folds(table: pd.DataFrame, seed: int, k: int = 5) -> list[Fold]:
    """k folds: every corpus's speakers are dealt onto k parts by seed; each part tests once, the next validates.

    Utterances without a speaker train. Raises ValueError where there are fewer than k speakers or k is below three.
    """
    if k < 3:
        raise ValueError(f"k = {k}: expected 3 parts or more, to train, to validate and to test.")
    generator = np.random.default_rng(seed)
    dealt = [speaker for _, names in _by_corpus(table) for speaker in generator.permutation(names)]
    if len(dealt) < k:
        raise ValueError(f"{len(dealt)} speakers do not fill {k} parts; take a smaller k.")
    parts = [dealt[i::k] for i in range(k)]
    speakers = table["speaker"]
    folds = [_fold(table, speakers, parts[i], parts[(i + 1) % k], f"part {i + 1}") for i in range(k)]
    return _checked(folds, table)


def leave_one_corpus_out(table: pd.DataFrame, seed: int, k: int = 5) -> list[Fold]:
    """Each corpus tests once; every k-th speaker of the others, dealt by seed, validates; the rest train.

    Raises ValueError for fewer than two corpora, or where the others have fewer than two speakers.
    """
    corpora = _named(table, "corpus")
    if len(corpora) < 2:
        raise ValueError(f"leave-one-corpus-out needs 2 corpora or more, found {corpora}.")
    generator, folds = np.random.default_rng(seed), []
    for corpus in corpora:
        tests = table["corpus"] == corpus
        dealt = [s for _, names in _by_corpus(table[~tests]) for s in generator.permutation(names)]
        valid = table["speaker"].isin(dealt[::k] if len(dealt) > 1 else [])
        index = table.index
        folds.append(Fold(corpus, index[~tests & ~valid], index[valid], index[tests]))
    return _checked(folds, table)


def utterance_folds(table: pd.DataFrame, seed: int, k: int = 5) -> list[Fold]:
    """k folds of utterances, dealt by seed within each speaker, emotion by emotion: a *declared* leak of speakers."""
    generator = np.random.default_rng(seed)
    shuffled = table.iloc[generator.permutation(len(table))][["speaker", "emotion"]]
    dealt = shuffled.sort_values(["speaker", "emotion"], kind="stable")
    turn = dealt.groupby("speaker", dropna=False).cumcount()
    # Every speaker begins with another part, else the first emotion of each would be in the first part.
    start = dealt["speaker"].map({name: generator.integers(k) for name in dealt["speaker"].unique()})
    part = ((turn + start) % k).reindex(table.index).to_numpy()
    folds = [
        Fold(
            f"part {i + 1}",
            table.index[(part != i) & (part != (i + 1) % k)],
            table.index[part == (i + 1) % k],
            table.index[part == i],
            shared_speakers=True,
        )
        for i in range(k)
    ]
    return _checked(folds, table)


def _named(table, column):
    """The sorted names of a column; ValueError where an utterance has none."""
    unknown = table.index[table[column].isna()]
    if len(unknown):
        raise ValueError(
            f"leave-one-{column}-out needs a {column} for every utterance: {len(unknown)} have none, e.g. "
            f"{unknown[0]!r}. Drop them or use a split that keeps them in training."
        )
    return sorted(table[column].unique())


def _by_corpus(table):
    known = table.dropna(subset="speaker")
    return [(corpus, sorted(part["speaker"].unique())) for corpus, part in known.groupby("corpus")]


def _fold(table, names, test, valid, name=None):
    """A fold by the names in a column; all that neither test nor validate train."""
    tests, validates = names.isin(test), names.isin(valid)
    name = name or "+".join(str(x).split("/")[-1] for x in test)
    index = table.index
    return Fold(name, index[~tests & ~validates], index[validates], index[tests])


def _checked(folds, table):
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


def declared(data: str, folds: list[Fold]) -> str:
    """`data` for the titles of figures and tables: "real" or "stand-in", with "shared speakers" where a fold has them."""
    return f"{data}, shared speakers" if any(fold.shared_speakers for fold in folds) else data


def proof(folds: list[Fold], table: pd.DataFrame) -> pd.DataFrame:
    """The leak check as a table a reader can see: per fold, utterances and speakers per part, and what is shared."""
    check(folds, table)
    rows = []
    for fold in folds:
        who = {part: _speakers(table, getattr(fold, part)) for part in PARTS}
        shared = (who["train"] & who["valid"]) | (who["train"] & who["test"]) | (who["valid"] & who["test"])
        counts = {part: len(getattr(fold, part)) for part in PARTS}
        names = {f"{part} speakers": len(who[part]) for part in PARTS}
        unknown = int(table.loc[fold.train, "speaker"].isna().sum())
        rows.append({
            "fold": fold.name, **counts, **names, "train, speaker unknown": unknown,
            "speakers in two parts": len(shared), "declared": "shared speakers" if fold.shared_speakers else "",
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("fold")


def _speakers(table: pd.DataFrame, ids: pd.Index) -> set:
    return set(table.loc[ids, "speaker"].dropna())
