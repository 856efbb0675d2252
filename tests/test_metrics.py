"""Scores against scikit-learn and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from sernb import metrics

pairs = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=60)


@given(pairs)
def test_recognition_scores_equal_scikit_learn(found):
    y, p = zip(*found, strict=True)
    classes = sorted(set(y))
    assert metrics.war(y, p) == pytest.approx(reference.accuracy_score(y, p))
    recall = reference.recall_score(y, p, labels=classes, average="macro", zero_division=0)
    assert metrics.uar(y, p) == pytest.approx(recall)
    assert metrics.wf1(y, p) == pytest.approx(reference.f1_score(y, p, average="weighted", zero_division=0))
    matrix = metrics.confusion(y, p, list("abcd"))
    assert (matrix.to_numpy() == reference.confusion_matrix(y, p, labels=list("abcd"))).all()


scores = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=40)


@given(scores, scores)
def test_auroc_equals_scikit_learn_and_fpr95_its_definition(inside, outside):
    y = [0] * len(inside) + [1] * len(outside)
    assert metrics.auroc(inside, outside) == pytest.approx(reference.roc_auc_score(y, inside + outside))
    accepted = min(t for t in inside if np.mean(np.array(inside) <= t) >= 0.95)
    assert metrics.fpr95(inside, outside) == pytest.approx(np.mean(np.array(outside) <= accepted))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_mcnemar_equals_statsmodels(found):
    a, b = map(np.array, zip(*found, strict=True))
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    assert metrics.mcnemar(a, b) == pytest.approx(mcnemar(table, exact=True).pvalue)


def test_bootstrap_draws_whole_speakers():
    frame = pd.DataFrame({"speaker": np.repeat(list("abcde"), 30), "hit": np.repeat([0, 0, 1, 1, 1], 30)})
    low, high = metrics.bootstrap(frame, lambda f: f["hit"].mean())
    assert low <= 0.2 and high == 1.0  # five speakers: wide
    low, high = metrics.bootstrap(frame, lambda f: f["hit"].mean(), unit="utterance")
    assert 0.5 < low < 0.6 < high < 0.7  # 150 utterances: narrow, and wrong about speakers
    with pytest.raises(ValueError, match="5 speakers or more, found 2"):
        metrics.bootstrap(frame[frame["speaker"] < "c"], lambda f: f["hit"].mean())


def test_calibration_error_and_lengths():
    assert metrics.ece([0.95, 0.95, 0.55, 0.55], [1, 1, 1, 0]) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="differ in length: 3 != 4"):
        metrics.war([1, 2, 3], [1, 2, 3, 4])


@pytest.mark.parametrize("unit", ["speaker", "utterance"])
@pytest.mark.parametrize("score", [metrics.uar, metrics.war, metrics.wf1])
def test_intervals_by_counting_are_the_bootstraps(score, unit):
    draw = np.random.default_rng(3)
    truth = draw.choice(["anger", "fear", "neutral"], 60, p=[0.6, 0.1, 0.3])
    guess = np.where(draw.random(60) < 0.5, truth, draw.choice(["anger", "boredom", "neutral"], 60))
    frame = pd.DataFrame(
        {"speaker": draw.integers(0, 7, 60).astype(str), "emotion": truth, "predicted": guess}
    )
    slow = metrics.bootstrap(
        frame, lambda f: score(f["emotion"], f["predicted"]), unit, n=300, seed=5, level=0.9
    )
    assert metrics.interval(frame, score, unit, n=300, seed=5, level=0.9) == pytest.approx(slow, abs=1e-12)


def test_intervals_by_counting_refuse_what_they_cannot_do():
    frame = pd.DataFrame({"speaker": ["a", "b"], "emotion": ["x", "y"], "predicted": ["x", "y"]})
    with pytest.raises(ValueError, match="5 speakers"):
        metrics.interval(frame, metrics.uar)
    with pytest.raises(ValueError, match="use bootstrap"):
        metrics.interval(frame, max, "utterance")


@pytest.mark.parametrize("unit", ["speaker", "utterance"])
def test_judging_an_utterance_again_makes_no_second_utterance(unit):
    """Three seeds that agree say no more than one: the interval is that of a single one, not narrower."""
    draw = np.random.default_rng(0)
    once = pd.DataFrame(
        {"speaker": np.repeat(list("abcdef"), 10), "emotion": "anger",
         "predicted": draw.choice(["anger", "fear"], 60)},
        index=pd.Index([f"u{i}" for i in range(60)], name="utterance"),
    )  # fmt: skip
    thrice = pd.concat([once] * 3)
    expected = metrics.interval(once, metrics.war, unit, n=200)
    assert metrics.interval(thrice, metrics.war, unit, n=200) == pytest.approx(expected)
    slow = metrics.bootstrap(thrice, lambda f: metrics.war(f["emotion"], f["predicted"]), unit, n=200)
    assert slow == pytest.approx(expected)


def test_a_speaker_bootstrap_refuses_rows_without_a_speaker():
    frame = pd.DataFrame({"speaker": [*"abcde", None], "emotion": "x", "predicted": "x"})
    for call in (metrics.interval, metrics.bootstrap):
        with pytest.raises(ValueError, match="1 of 6 have none"):
            call(frame, metrics.war)
