"""Folds: disjoint for any table, complete, deterministic; a leak is found."""

import pandas as pd
import pytest
from hypothesis import given
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
