"""Figures of acoustic conditions draw what they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from sernb import plots_acoustics

matplotlib.use("Agg")
QUANTITIES = ["T60 / s", "C50 / dB"]


@pytest.fixture
def examined():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"SNR / dB": generator.uniform(15, 40, 200)})
    for quantity, offset in zip(QUANTITIES, (0.1, -1.0), strict=True):
        frame[f"true {quantity}"] = generator.uniform(0, 1, 200)
        frame[f"found {quantity}"] = frame[f"true {quantity}"] + offset
    return frame


def test_errors_are_bias_and_root_mean_square_by_noise(examined):
    table = plots_acoustics.errors_frame(examined, QUANTITIES, [15, 20, 30, 40])
    assert len(table) == 6 and table["windows"].sum() == 400
    assert table.loc[table["quantity"] == "T60 / s", "bias"].tolist() == pytest.approx([0.1] * 3)
    assert table.loc[table["quantity"] == "C50 / dB", "RMSE"].tolist() == pytest.approx([1.0] * 3)
    fig = plots_acoustics.errors(table, title="errors", data="stand-in")
    lines = {line.get_label(): line for line in fig.axes[1].lines}
    assert lines["bias"].get_ydata() == pytest.approx([-1.0] * 3)
    assert "stand-in" in fig.get_suptitle()


def test_estimates_over_truth(examined):
    fig = plots_acoustics.against_truth(examined, QUANTITIES, title="t", data="stand-in")
    points = fig.axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(points, examined[["true T60 / s", "found T60 / s"]])
    assert fig.axes[0].get_xlabel() == "true T60 / s" and "1.000" in fig.axes[1].get_title()


def test_distributions_have_a_row_a_kind_and_a_column_a_quantity():
    frame = pd.DataFrame({
        "corpus": ["a", "b"] * 20, "audio": ["raw"] * 20 + ["augmented"] * 20,
        "MOS": np.tile([1.0, 3.0], 20), "C50 / dB": np.linspace(0, 30, 40),
    })  # fmt: skip
    fig = plots_acoustics.distributions(frame, ["MOS", "C50 / dB"], title="t", data="stand-in")
    assert len(fig.axes) == 4
    means = [line.get_xdata()[0] for line in fig.axes[0].lines if line.get_linestyle() == "--"]
    assert means == [1.0, 3.0], "a dashed line at each corpus's mean"
    assert fig.axes[0].get_ylabel().startswith("raw") and fig.axes[2].get_ylabel().startswith("augmented")


def test_decays():
    h = {"dry": np.exp(-np.arange(100.0)), "live": np.exp(-np.arange(200.0) / 9)}
    fig = plots_acoustics.decays(
        h, {k: 20 * np.log10(v) for k, v in h.items()}, 1000, title="t", data="stand-in"
    )
    assert fig.axes[1].lines[1].get_xdata()[-1] == pytest.approx(0.199)


def test_distances_are_bars_and_chance_a_line():
    frame = pd.DataFrame({
        "quantity": ["MOS", "MOS"], "audio": ["raw", "augmented"], "distance": [0.8, 0.3], "by chance": [0.1, 0.2],
    })  # fmt: skip
    axes = plots_acoustics.apart(frame, title="t", data="stand-in").axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.8, 0.3]
    assert [line.get_ydata()[0] for line in axes.lines] == [0.1, 0.2]
