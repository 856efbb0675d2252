"""Enrolment and verification: against scikit-learn's distances, what is refused, the speed, a user's three lines."""

import time
import types

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_distances

from sernb import enroll, episodes


def test_many_draws_are_one_after_the_other_by_scikit_learn():
    generator = np.random.default_rng(0)
    pool, queries = generator.normal(size=(60, 8)), generator.normal(size=(25, 8))
    candidates = {"neutral": range(0, 25), "fear": range(25, 60)}
    rows = enroll.draw(candidates, 10, 30, generator)
    found = enroll.verify(
        torch.tensor(pool), rows, torch.tensor(queries), most=100
    )  # several groups of draws
    for draw, predicted in zip(rows, found, strict=True):
        centres = np.stack([pool[of].mean(0) for of in draw])
        np.testing.assert_array_equal(predicted, cosine_distances(queries, centres).argmin(1))
    distances = enroll.distances(enroll.prototypes(torch.tensor(pool), rows), torch.tensor(queries))
    assert distances.shape == (30, 25, 2) and (distances >= 0).all() and (distances <= 2).all()
    np.testing.assert_allclose(distances[-1], cosine_distances(queries, centres), atol=1e-6)


@given(n=st.integers(1, 12), draws=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_draw_takes_n_of_each_class_and_none_twice(n, draws, seed):
    candidates = {"neutral": list(range(5, 17)), "fear": list(range(40, 90))}
    rows = enroll.draw(candidates, n, draws, np.random.default_rng(seed))
    assert rows.shape == (draws, 2, n)
    for draw in rows:
        for chosen, of in zip(draw, candidates.values(), strict=True):
            assert len(set(chosen)) == n and set(chosen) <= set(of)
    again = enroll.draw(candidates, n, draws, np.random.default_rng(seed))
    np.testing.assert_array_equal(rows, again)


def test_every_candidate_is_drawn_equally_often():
    rows = enroll.draw({"fear": range(20)}, 5, 4000, np.random.default_rng(1))
    share = np.bincount(rows.ravel(), minlength=20) / 4000
    np.testing.assert_allclose(share, 0.25, atol=0.03)


def test_too_few_candidates_are_named():
    with pytest.raises(ValueError, match="10 utterances of 'fear' are to be enrolled, there are 4"):
        enroll.draw({"neutral": range(50), "fear": range(4)}, 10, 2, np.random.default_rng(0))


def test_a_query_and_an_undeclared_test_speaker_are_not_enrolled():
    table = pd.DataFrame({"speaker": ["x/1", "x/1", "x/2", "x/2", None]}, index=list("abcde"))
    enroll.check(table, ["a", "b", "e"], ["c", "d"])
    with pytest.raises(ValueError, match="1 utterances are enrolled and also queries, e.g. 'b'"):
        enroll.check(table, ["a", "b"], ["b", "c"], shared_speakers=True)
    with pytest.raises(ValueError, match="1 speakers are enrolled from and also asked, e.g. 'x/1'"):
        enroll.check(table, ["a"], ["b", "c"])
    enroll.check(table, ["a"], ["b", "c"], shared_speakers=True)


def test_ten_thousand_draws_of_a_whole_fold_are_quick():
    """IEMOCAP's largest fold has some 200 candidates and 400 queries of 512 numbers; 2 s on two idle cores.

    User time, so that a busy machine does not fail it.
    """
    generator = np.random.default_rng(0)
    pool, queries = torch.randn(400, 512), torch.randn(400, 512)
    started = time.process_time()
    rows = enroll.draw({"neutral": range(200), "fear": range(200, 400)}, 10, 10_000, generator)
    found = enroll.verify(pool, rows, queries)
    assert found.shape == (10_000, 400)
    assert time.process_time() - started < 4.0  # of both cores together


class Loudness:
    """An encoder to check by hand: an embedding on the circle, its angle 90° times the root mean square."""

    def __call__(self, files):
        level = torch.tensor([float(np.sqrt((soundfile.read(f)[0] ** 2).mean())) for f in files])
        return torch.stack([torch.cos(level * torch.pi / 2), torch.sin(level * torch.pi / 2)], 1)


@pytest.fixture
def recordings(tmp_path):
    """Two folders of files and a query: `quiet` at 0.1, `loud` at 0.9, `call` at 0.8."""
    for folder, level in (("quiet", 0.1), ("loud", 0.9)):
        (tmp_path / folder).mkdir()
        for i in range(3):
            samples = np.full(160 + i, level)
            soundfile.write(tmp_path / folder / f"{i}.wav", samples, 16_000, subtype="FLOAT")
        (tmp_path / folder / "notes.txt").write_text("no audio")
    soundfile.write(tmp_path / "call.wav", np.full(200, 0.8), 16_000, subtype="FLOAT")
    return types.SimpleNamespace(path=tmp_path, call=tmp_path / "call.wav")


def test_three_lines_for_a_user(recordings):
    verifier = enroll.Verifier(Loudness())
    assert [verifier.enrol(name, recordings.path / name) for name in ("quiet", "loud")] == [3, 3]
    found = verifier.verify(recordings.call)
    assert list(found.index) == ["loud", "quiet"]
    angle = np.pi / 2 * np.array([0.9 - 0.8, 0.8 - 0.1])
    np.testing.assert_allclose(found, 1 - np.cos(angle), atol=1e-5)


def test_what_a_verifier_refuses(recordings):
    verifier = enroll.Verifier(Loudness())
    with pytest.raises(FileNotFoundError, match="expected .flac or .wav files to enrol, found none"):
        verifier.enrol("loud", [])
    verifier.enrol("loud", recordings.path / "loud")
    with pytest.raises(ValueError, match="two enrolled classes"):
        verifier.verify(recordings.call)
    copy = recordings.path / "copy.wav"
    copy.write_bytes((recordings.path / "loud" / "1.wav").read_bytes())
    with pytest.raises(ValueError, match="is enrolled as 'loud' and cannot be 'quiet' too"):
        verifier.enrol("quiet", [copy])
    verifier.enrol("quiet", recordings.path / "quiet")
    with pytest.raises(ValueError, match="was enrolled as 'loud'"):
        verifier.verify(copy)


def test_episodes_have_n_of_every_class_and_none_twice():
    codes = torch.tensor([0] * 12 + [1] * 30 + [-1] * 5 + [2] * 11)
    assert episodes.per_epoch(53, 10, 3) == 1 and episodes.per_epoch(5531, 10, 4) == 138
    found = list(episodes.episodes(codes, 10, 40, torch.Generator().manual_seed(0)))
    for rows in found:
        assert len(rows.unique()) == 30 and codes[rows].bincount().tolist() == [10, 10, 10]
    assert len(torch.cat(found).unique()) == 53  # all of them, in time
    again = list(episodes.episodes(codes, 10, 40, torch.Generator().manual_seed(0)))
    assert all((a == b).all() for a, b in zip(found, again, strict=True))
    with pytest.raises(ValueError, match="class 2 has 11 training utterances; an episode needs 12"):
        next(episodes.episodes(codes, 12, 1, torch.Generator()))
