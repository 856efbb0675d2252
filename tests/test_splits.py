"""Folds: disjoint for any table, complete, deterministic; a leak is found."""

import itertools

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sernb import splits


def table(speakers):
    ids = pd.Index([f"c/{i}" for i in range(len(speakers))], name="utterance")
    return pd.DataFrame({"speaker": speakers}, index=ids)


@given(st.lists(st.sampled_from("abcdefg"), min_size=3, max_size=60).filter(lambda x: len(set(x)) >= 3))
def test_every_utterance_is_tested_once_and_no_speaker_is_in_two_parts(speakers):
    t = table(speakers)
    folds = splits.leave_one_speaker_out(t)
    assert sorted(i for fold in folds for i in fold.test) == sorted(t.index)
    for fold in folds:
        who = [set(t.loc[getattr(fold, part), "speaker"]) for part in splits.PARTS]
        assert not who[0] & who[1] and not who[0] & who[2] and not who[1] & who[2]
        assert sum(map(len, (fold.train, fold.valid, fold.test))) == len(t)
    again = splits.leave_one_speaker_out(t)
    assert all(a.train.equals(b.train) and a.name == b.name for a, b in zip(folds, again, strict=True))


def test_a_leak_is_named_and_a_declared_one_passes():
    t = table(list("aabc"))
    parts = pd.Index(["c/0"]), pd.Index(["c/2"]), pd.Index(["c/1", "c/3"])
    with pytest.raises(ValueError, match="speaker 'a' is in train and test"):
        splits.check([splits.Fold("x", *parts)], t)
    proof = splits.proof([splits.Fold("x", *parts, shared_speakers=True)], t)
    assert proof.loc["x", "speakers in two parts"] == 1


def test_the_same_utterance_twice_and_unknown_speakers_are_refused():
    t = table(list("abc"))
    one = pd.Index(["c/0"])
    with pytest.raises(ValueError, match="1 utterances in train and valid"):
        splits.check([splits.Fold("x", one, one, pd.Index(["c/2"]))], t)
    with pytest.raises(ValueError, match="c/1"):
        splits.leave_one_speaker_out(table(["a", None, "b", "c"]))
    with pytest.raises(ValueError, match="3 speakers or more, found 2"):
        splits.leave_one_speaker_out(table(list("aab")))


@st.composite
def tables(draw):
    """Any table: corpora with sessions of one to three speakers, some utterances of unknown speakers."""
    rows = []
    for c, s in itertools.product(range(draw(st.integers(1, 3))), range(draw(st.integers(1, 4)))):
        for speaker in range(draw(st.integers(1, 3))):
            name = f"c{c}/{s}{speaker}"
            rows += [(f"c{c}", f"c{c}/s{s}", name, draw(st.floats(0.5, 20)))] * draw(st.integers(1, 4))
        rows += [(f"c{c}", f"c{c}/s{s}", None, 1.0)] * draw(st.integers(0, 2))
    rows = draw(st.permutations(rows))
    t = pd.DataFrame(rows, columns=["corpus", "session", "speaker", "end"]).assign(start=0.0)
    t.index = pd.Index([f"u{i}" for i in range(len(t))], name="utterance")
    return t


def disjoint(folds, t):
    """An independent look: no utterance and no known speaker in two parts, and what tests or validates is known."""
    for fold in folds:
        for a, b in itertools.combinations(splits.PARTS, 2):
            ids = [set(getattr(fold, part)) for part in (a, b)]
            assert not ids[0] & ids[1]
            assert not set(t.loc[list(ids[0]), "speaker"].dropna()) & set(
                t.loc[list(ids[1]), "speaker"].dropna()
            )
        assert t.loc[[*fold.valid, *fold.test], "speaker"].notna().all()


def same(folds, again):
    return [(f.name, *(list(getattr(f, p)) for p in splits.PARTS)) for f in folds] == [
        (f.name, *(list(getattr(f, p)) for p in splits.PARTS)) for f in again
    ]


@given(tables())
def test_cross_validation_tests_every_utterance_once_for_any_table(t):
    t = t.dropna(subset="speaker")
    for split, column in (
        (splits.leave_one_speaker_out, "speaker"),
        (splits.leave_one_session_out, "session"),
    ):
        if t[column].nunique() < 3:
            with pytest.raises(ValueError, match="3 .* or more"):
                split(t)
            continue
        folds = split(t)
        disjoint(folds, t)
        assert sorted(i for fold in folds for i in fold.test) == sorted(t.index)
        assert all(
            t.loc[fold.test, column].nunique() == 1 == t.loc[fold.valid, column].nunique() for fold in folds
        )
        assert same(folds, split(t))


@given(tables())
def test_a_dyad_tests_and_validates_and_the_others_train(t):
    t = t.dropna(subset="speaker")
    sizes = t.groupby("session")["speaker"].nunique()
    t = t[t["session"].map(sizes) == 2]
    assume(t["session"].nunique() > 1)
    folds = splits.leave_one_dyad_out(t)
    disjoint(folds, t)
    assert sorted(i for fold in folds for i in fold.test) == sorted(t.index)
    for fold in folds:
        pair = set(t.loc[[*fold.test, *fold.valid], "session"])
        assert len(pair) == 1 and not pair & set(t.loc[fold.train, "session"])


@given(tables(), st.integers(0, 5))
def test_held_out_speakers_for_any_table(t, seed):
    fewest = t.dropna(subset="speaker").groupby("corpus")["speaker"].nunique().min()
    if fewest < 3:
        with pytest.raises(ValueError, match="do not fit"):
            splits.held_out_speakers(t, seed)
        return
    folds = splits.held_out_speakers(t, seed)
    disjoint(folds, t)
    assert same(folds, splits.held_out_speakers(t, seed))
    for part in ("valid", "test"):
        who = t.loc[getattr(folds[0], part)].groupby("corpus")["speaker"].nunique()
        assert (who == 1).all() and len(who) == t["corpus"].nunique()
    assert set(t.index[t["speaker"].isna()]) <= set(folds[0].train)


@given(tables(), st.integers(0, 5))
def test_share_of_hours_for_any_table(t, seed):
    try:
        folds = splits.share_of_hours(t, seed, 0.2, 0.2, draws=20)
    except ValueError as error:
        assert "part is empty" in str(error)  # too few speakers to give one to each part
        return
    disjoint(folds, t)
    assert same(folds, splits.share_of_hours(t, seed, 0.2, 0.2, draws=20))
    known = t.dropna(subset="speaker")
    assert set(known.loc[known.index.isin(folds[0].train), "corpus"]) == set(known["corpus"])


def test_share_of_hours_comes_near_where_speakers_allow_it():
    t = table([f"{i:02d}" for i in range(50) for _ in range(3)]).assign(corpus="c", start=0.0, end=2.0)
    (fold,) = splits.share_of_hours(t, 0)
    assert [len(getattr(fold, part)) for part in splits.PARTS] == [120, 15, 15]
    (other,) = splits.share_of_hours(t, 1)
    assert not same([fold], [other])


def test_published_splits_leave_unknown_speakers_out_of_what_is_tested():
    t = table(["a", "b", "c", None, None]).assign(split=["Train", "Development", "Test1", "Test1", "Train"])
    words = {"train": "Train", "valid": "Development", "test": "Test1"}
    with pytest.warns(UserWarning, match="1 utterances of Development and Test1 are left out"):
        (fold,) = splits.published(t, **words)
    assert list(fold.test) == ["c/2"] and list(fold.train) == ["c/0", "c/4"] and not fold.shared_speakers
    assert splits.proof([fold], t)["train, speaker unknown"].item() == 1
    with pytest.raises(ValueError, match=r"lacks \['dev', 'test', 'train'\], found \['Development'"):
        splits.published(t)


def test_a_published_split_that_shares_speakers_has_to_be_declared():
    t = table(list("abaa")).assign(split=["train", "train", "dev", "test"])
    with pytest.raises(ValueError, match="speaker 'a' is in train and valid"):
        splits.published(t)
    (fold,) = splits.published(t, shared_speakers=True)
    assert splits.proof([fold], t)["declared"].item() == "shared speakers"


@given(st.integers(20, 200), st.integers(0, 5))
def test_a_random_split_declares_itself(size, seed):
    t = table(["a", "b"] * (size // 2))
    (fold,) = splits.random(t, seed)
    assert fold.shared_speakers and sorted([*fold.train, *fold.valid, *fold.test]) == sorted(t.index)
    assert len(fold.test) == round(0.15 * len(t)) and same([fold], splits.random(t, seed))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvwxyz")), min_size=1, max_size=80))
def test_folds_of_speakers_of_utterances_and_of_corpora(each):
    corpora = [c for c, _ in each]
    t = table([f"{c}/{s}" for c, s in each]).assign(corpus=corpora, emotion="anger")
    per_corpus = t.groupby("corpus")["speaker"].nunique()
    assume(per_corpus.sum() >= 4)
    for folds in (splits.speaker_folds(t, seed=1, k=4), splits.speaker_folds(t, seed=1, k=3)):
        assert sorted(i for fold in folds for i in fold.test) == sorted(t.index)
        for corpus, n in per_corpus.items():  # every corpus's speakers go round the parts
            tested = [t.loc[f.test[t.loc[f.test, "corpus"] == corpus], "speaker"].nunique() for f in folds]
            assert max(tested) - min(tested) <= 1 and sum(tested) == n
    assert splits.proof(folds, t)["speakers in two parts"].sum() == 0
    assume(len(per_corpus) > 1 and (per_corpus.sum() - per_corpus >= 2).all())
    folds = splits.leave_one_corpus_out(t, seed=1)
    assert [set(t.loc[f.test, "corpus"]) for f in folds] == [{c} for c in sorted(set(corpora))]
    assert all(sum(len(getattr(f, part)) for part in splits.PARTS) == len(t) for f in folds)
    assert all(f.name not in set(t.loc[f.train.append(f.valid), "corpus"]) for f in folds)


def test_utterances_are_dealt_within_speakers():
    t = table([f"{i % 40}" for i in range(600)]).assign(emotion=[f"{i // 40 % 5}" for i in range(600)])
    folds = splits.utterance_folds(t, seed=0)
    assert sorted(i for fold in folds for i in fold.test) == sorted(t.index)
    for fold in folds:
        counts = t.loc[fold.test].value_counts(["speaker", "emotion"])
        expected = t.value_counts(["speaker", "emotion"]) / 5
        assert (counts.sub(expected, fill_value=0).abs() <= 1).all()
        assert (t.loc[fold.test, "speaker"].value_counts() == 3).all()
        assert (
            t.loc[fold.test, "emotion"].value_counts().between(10, 40).all()
        )  # 24 on average, and none all or none
    assert (splits.proof(folds, t)["declared"] == "shared speakers").all()
    other = splits.utterance_folds(t, seed=1)
    assert not folds[0].test.equals(other[0].test)


def test_too_few_speakers_or_corpora_for_folds():
    t = table(list("abcd")).assign(corpus="c")
    with pytest.raises(ValueError, match="4 speakers do not fill 5 parts"):
        splits.speaker_folds(t, seed=0)
    with pytest.raises(ValueError, match="expected 3 parts or more"):
        splits.speaker_folds(t, seed=0, k=2)
    with pytest.raises(ValueError, match="2 corpora or more"):
        splits.leave_one_corpus_out(t, seed=0)
