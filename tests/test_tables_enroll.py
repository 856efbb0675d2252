"""Tables of verification: every draw's scores against scikit-learn's, the interval, McNemar, figures' axes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score
from statsmodels.stats.contingency_tables import mcnemar

from sernb import plots, plots_enroll, tables_enroll

DRAWS = 25


def verifications(seed=0, right=0.7, queries=60):
    """A frame as studies.verification gives it; `right` of the answers are."""
    generator = np.random.default_rng(seed)
    truth = np.array(["neutral"] * (queries // 3) + ["fear"] * (queries - queries // 3))
    said = (generator.random((queries, DRAWS)) < right) == (truth == "fear")[:, None]
    frame = pd.DataFrame(
        {"speaker": "x/1", "emotion": truth, "task": "neutral | fear", "fold": "1", "seed": 0}
    )
    frame["predicted"] = np.where(2 * said.sum(1) > DRAWS, "fear", "neutral")
    frame.index = pd.Index([f"x/{i}" for i in range(queries)], name="utterance")
    return frame.join(pd.DataFrame(said, frame.index).add_prefix("d"))


def test_every_draw_is_judged_as_by_scikit_learn():
    frame = verifications()
    found = tables_enroll.draws(frame)
    assert len(found) == DRAWS
    for i in range(DRAWS):
        said = np.where(frame[f"d{i}"], "fear", "neutral")
        assert found["UAR"][i] == pytest.approx(100 * balanced_accuracy_score(frame["emotion"], said))
        assert found["F1"][i] == pytest.approx(100 * f1_score(frame["emotion"], said, average="weighted"))


def test_rows_hold_mean_interval_and_p():
    good, poor = verifications(right=0.9), verifications(1, right=0.55)
    rows = tables_enroll.verification("NAMP", good, {"UAR": 71.9, "F1": 70.9}, {"SM": poor}).set_index(
        "metric"
    )
    values = tables_enroll.draws(good)
    low, high = np.quantile(values["UAR"], [0.025, 0.975])
    assert rows.loc["UAR", "here"] == pytest.approx(values["UAR"].mean())
    assert rows.loc["UAR", "interval"] == f"{low:.1f} … {high:.1f} (25 draws)"
    assert rows.loc["F1", "difference"] == pytest.approx(values["F1"].mean() - 70.9)
    a, b = (f["emotion"] == f["predicted"] for f in (good, poor))
    expected = mcnemar(pd.crosstab(a, b), exact=True).pvalue
    assert rows.loc["UAR", "p (SM)"] == pytest.approx(expected) and expected < 0.05
    absent = tables_enroll.verification("All", None, {"UAR": 70.0}, task="neutral | fear")
    assert list(absent["interval"]) == ["not run"] * 2


def test_printed_figures_are_found_by_corpus_and_task():
    assert tables_enroll.printed(4, "NAMP", "iemocap", "frustration") == {"F1": 70.9, "UAR": 71.9}
    assert tables_enroll.printed(4, "Prior", "meld", "pretraining") == {"UAR": 40.3}
    assert tables_enroll.printed(6, "NAMP", "iemocap", "frustration", "sad") == {"F1": 80.1, "UAR": 82.0}
    assert tables_enroll.printed(4, "NAMP", "ravdess", "fear") == {}


def test_two_seeds_are_more_draws_not_more_queries():
    two = pd.concat([verifications(), verifications(1).assign(seed=1)])
    found = tables_enroll.draws(two)
    assert len(found) == 2 * DRAWS
    pd.testing.assert_series_equal(found["UAR"][:DRAWS], tables_enroll.draws(verifications())["UAR"])


def test_mixed_tasks_and_repeated_queries_are_refused():
    frame = verifications()
    with pytest.raises(ValueError, match="task by task"):
        tables_enroll.draws(pd.concat([frame, frame.assign(task="neutral | disgust")]))
    with pytest.raises(ValueError, match="asked twice by seed 0"):
        tables_enroll.draws(pd.concat([frame, frame]))
    with pytest.raises(ValueError, match="the same queries"):
        tables_enroll.mcnemar(frame, frame[1:])


def test_the_pretraining_rows():
    frame = verifications()
    rows = tables_enroll.recognised("NAMP", [frame], {"UAR": 62.3}).set_index("metric")
    expected = 100 * f1_score(frame["emotion"], frame["predicted"], average="weighted")
    assert rows.loc["F1", "here"] == pytest.approx(expected) and "utterances" in rows.loc["UAR", "interval"]


def test_figures_say_stand_in_and_name_their_axes():
    frame = tables_enroll.summary(
        verifications(), task="neutral | fear", reading="tightening", margin=-0.3, enrolled=10
    )
    title = {"title": "A title", "data": "stand-in"}
    swept = pd.concat([frame, frame.assign(margin=0.0), frame.assign(reading="relaxing")])
    figures = [plots_enroll.margins(swept, **title), plots_enroll.numbers(frame, reported={1: 59.2}, **title),
               plots_enroll.bars(frame.assign(group="confident", reported=72.1), by="group", reported=True, **title)]  # fmt: skip
    for fig in figures:
        texts = [fig.get_suptitle(), *(axes.get_title() for axes in fig.axes)]
        assert any("stand-in" in text for text in texts)
        assert any("UAR" in axes.get_ylabel() for axes in fig.axes)


def test_learning_curves_have_a_line_a_model():
    curves = pd.DataFrame({"model": ["a", "a", "b", "b"], "fold": "1", "epoch": [1, 2, 1, 2], "training loss": 1.0,
                           "validation UAR / %": [50.0, 60.0, 40.0, 45.0]})  # fmt: skip
    fig = plots_enroll.curves(curves, title="A title", data="stand-in")
    assert [line.get_label() for line in fig.axes[1].lines] == ["a", "b"]
    assert list(fig.axes[1].lines[0].get_ydata()) == [50.0, 60.0] and "stand-in" in fig.get_suptitle()


def test_the_polar_histograms_are_shares_of_each_truth():
    angles = pd.DataFrame({"model": "NAMP", "emotion": "fear", "truth": ["target"] * 3 + ["neutral"],
                           "angle": [1.0, 2.0, 175.0, 5.0]})  # fmt: skip
    fig = plots_enroll.polar(angles, title="A title", data="stand-in", bins=18)
    bars = [bar for bar in fig.axes[0].patches if bar.get_height() > 0]
    assert sorted(bar.get_height() ** 2 for bar in bars) == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert "stand-in" in fig.get_suptitle()


def test_what_was_placed_by_hand_stays_when_a_figure_is_saved_again(tmp_path):
    plots.style()  # whose layout engine would move it
    angles = pd.DataFrame(
        {"model": "NAMP", "emotion": "fear", "truth": ["target", "neutral"], "angle": [1.0, 5.0]}
    )
    fig = plots_enroll.polar(angles, title="A title", data="stand-in")
    before = fig.axes[0].get_position().bounds
    for _ in range(2):
        fig.savefig(tmp_path / "figure.png")
    assert fig.axes[0].get_position().bounds == before


def test_a_query_judged_by_several_seeds_counts_once():
    good, poor = verifications(right=0.9), verifications(1, right=0.55)
    three = [pd.concat([f.assign(seed=s) for s in range(3)]) for f in (good, poor)]
    assert tables_enroll.mcnemar(*three) == pytest.approx(tables_enroll.mcnemar(good, poor))
