"""Gains over the baseline, by hand, and figures that say what was not run."""

import numpy as np
import pandas as pd

from sernb import plots_domains


def rows():
    frame = pd.DataFrame({
        "approach": ["baseline"] * 2 + ["MTL"] * 2 + ["GR"] * 2, "attributes": ["none"] * 2 + ["corpus"] * 4,
        "domain": ["in-domain", "TESS"] * 3, "here": [50.0, 40.0, 55.0, 38.0, np.nan, np.nan],
    })  # fmt: skip
    return frame


def test_differences_are_within_their_domain():
    found = plots_domains.differences(rows()).set_index("domain")["gain"]
    assert found.to_dict() == {"in-domain": 5.0, "TESS": -2.0}


def test_heat_maps_leave_empty_what_was_not_run():
    fig = plots_domains.combinations(rows(), title="t", data="stand-in")
    texts = [t.get_text() for axes in fig.axes for t in axes.texts]
    assert sorted(texts) == ["+5", "-2"] and fig.get_suptitle() == "t (stand-in)"
    assert len(plots_domains.gains(rows(), title="t", data="real").axes) == 2


def test_adversaries_curves_are_long():
    curves = pd.DataFrame({"epoch": [1, 2], "valid_adversary_gender": [0.7, 0.6], "model": "AD gender"})
    frame = plots_domains.adversary_frame([curves])
    assert list(frame["loss"]) == [0.7, 0.6] and set(frame["attribute"]) == {"gender"}


def test_panels_have_a_legend_only_where_it_is_short():
    points = pd.DataFrame(
        {
            "x": np.arange(12.0),
            "y": np.arange(12.0),
            "speaker": [f"s{i}" for i in range(12)],
            "gender": "female",
        }
    )
    for hue, legends in (("speaker", 0), ("gender", 1)):
        assert len(plots_domains.panels({"a": points}, hue=hue, title="t", data="real").legends) == legends
