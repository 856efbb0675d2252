"""Tables of detection and calibration, by hand."""

import numpy as np
import pandas as pd
import pytest

from sernb import metrics, ood, plots_ood, store, tables_ood


def result(seed, speakers=6):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "speaker": [f"x/{i % speakers}" for i in range(60)], "emotion": "anger", "predicted": "anger", "fold": "f",
        "part": ["ID"] * 30 + ["OOD"] * 30, "heard": [False] * 45 + [True] * 15,
        "d_ReAct": generator.normal(size=60) + np.repeat([0.0, 1.0], 30),
    })  # fmt: skip
    return store.Result(f"k{seed}", {}, {}, frame, pd.DataFrame(), {})


def test_detection_is_the_mean_over_draws_with_the_papers_number_beside_it():
    printed = pd.DataFrame({
        "model": ["A", "A", "B"], "metric": ["AUROC", "FPR95", "AUROC"], "value": [55.0, 90.0, 1.0],
        "variant": ["ReACT"] * 3,
    })  # fmt: skip
    runs = [result(0), result(1)]
    rows = tables_ood.detection("A", runs, printed, n=100).set_index("metric")
    by_hand = [metrics.auroc(r.predictions["d_ReAct"][:30], r.predictions["d_ReAct"][30:45]) for r in runs]
    assert rows.loc["AUROC", "here"] == pytest.approx(100 * np.mean(by_hand))
    assert rows.loc["AUROC", "difference"] == pytest.approx(100 * np.mean(by_hand) - 55)
    everyone = [metrics.fpr95(r.predictions["d_ReAct"][:30], r.predictions["d_ReAct"][30:]) for r in runs]
    assert rows.loc["FPR95", "everyone, as published"] == pytest.approx(100 * np.mean(everyone))
    low, high = (float(x) for x in rows.loc["AUROC", "interval"].split(" (")[0].split(" … "))
    assert low < rows.loc["AUROC", "here"] < high and rows.loc["AUROC", "interval"].endswith("(speakers)")
    few = tables_ood.detection("A", [result(0, speakers=2)], printed, n=50)
    assert few["interval"].str.endswith("(utterances)").all()


def test_detectors_stand_in_the_papers_order():
    frame = pd.DataFrame(columns=["d_KNN", *(f"d_{name}" for name in reversed(ood.PAPER)), "d_ViM"])
    assert tables_ood.detectors(frame) == [*ood.PAPER, "KNN", "ViM"]


@pytest.mark.parametrize("unit", ["speaker", "utterance"])
def test_samples_score_as_the_utterances_written_out_would(unit):
    generator = np.random.default_rng(3)
    scores, inside = generator.normal(size=50).round(1), np.arange(50) < 30  # rounded: ties
    draw = tables_ood._speakers if unit == "speaker" else tables_ood._utterances
    times = draw((np.arange(50) % 7).astype(str), inside, 20, generator)
    assert times.shape == (20, 50)
    if unit == "utterance":
        assert (times[:, inside].sum(1) == 30).all() and (times[:, ~inside].sum(1) == 20).all()
    else:
        assert all(len(set(row[np.arange(50) % 7 == s])) == 1 for row in times for s in range(7))
    for row, (fpr95, auroc) in zip(
        times.astype(int), tables_ood._resampled(scores, inside, times), strict=True
    ):
        a, b = (np.repeat(scores[side], row[side]) for side in (inside, ~inside))
        assert (fpr95, auroc) == pytest.approx((metrics.fpr95(a, b), metrics.auroc(a, b)))


def test_a_second_seed_on_the_same_utterances_is_no_second_sample():
    one, twice = (
        tables_ood.bootstrap(runs, ["ReAct"], 100) for runs in ([result(0)], [result(0), result(0)])
    )
    pd.testing.assert_frame_equal(one, twice)
    other = result(0)
    other.predictions = other.predictions.assign(fold="g")  # another draw of speakers
    wide, narrow = (
        tables_ood.bootstrap(runs, ["ReAct"], 100)["ReAct", "AUROC"].std()
        for runs in ([result(0)], [result(0), other])
    )
    assert narrow < 0.85 * wide


def test_calibration_by_hand():
    pooled = pd.DataFrame({"emotion": list("aabb"), "predicted": list("abbb"), "p_a": [0.95, 0.35, 0.05, 0.45],
                           "p_b": [0.05, 0.65, 0.95, 0.55]})  # fmt: skip
    frame = tables_ood.calibration(pooled).set_index("bin")
    assert frame["utterances"].to_dict() == {5: 1, 6: 1, 9: 2}
    assert frame.loc[6, "correct"] == 0 and frame.loc[9, "correct"] == 1
    assert tables_ood.calibration_error(pooled) == pytest.approx((0.45 + 0.65 + 2 * 0.05) / 4)


def test_figures_say_what_they_are():
    fig = plots_ood.heat(
        pd.DataFrame({"A": [50.0]}, index=["ODIN"]), label="AUROC / %", title="t", data="stand-in"
    )
    assert fig.axes[0].get_title() == "t (stand-in)"
    points = pd.DataFrame({"x": [0, 1], "y": [0, 1], "emotion": ["anger", "boredom"], "part": ["ID", "OOD"]})
    fig = plots_ood.scatters(
        {"a": points, "b": points, "c": points}, hue="emotion", style="part", title="t", data="real"
    )
    assert len(fig.axes) == 3 and fig.get_suptitle() == "t"
