"""Tables of detection and calibration, by hand."""

import numpy as np
import pandas as pd
import pytest

from sernb import metrics, plots_ood, store, tables_ood


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
