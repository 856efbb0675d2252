"""Reliability on a stand-in: who is compared with whom, and what the detectors are allowed to see."""

import dataclasses
import types

import numpy as np
import pandas as pd
import pytest

from sernb import grid, metrics, ood, tables_ood
from sernb.studies import msac_sernet, reliability
from sernb.studies.msac_config import Config


@pytest.fixture(scope="module")
def trained():
    return Config.of("quick", classes="five", epochs=2)


def test_scores_of_every_detector(trained):
    config = reliability.Config(trained)
    found = grid.run(reliability, [config], progress=False)[0]
    frame, material = found.predictions, msac_sernet.data(trained)
    fold = material.folds[0]
    inside, outside = frame[frame["part"] == "ID"], frame[frame["part"] == "OOD"]
    assert list(inside.index) == list(fold.test) and not inside["heard"].any()
    assert (
        set(outside["emotion"])
        == {"boredom", "disgust"}
        == set(material.table["published"]) - set(material.classes)
    )
    here = set(material.table.loc[fold.test, "speaker"])
    assert set(outside.loc[~outside["heard"], "speaker"]) == here and not here & set(
        outside.loc[outside["heard"], "speaker"]
    )
    assert np.isfinite(frame[[f"d_{d}" for d in reliability.DETECTORS]]).all(axis=None)
    near = outside[~outside["heard"]]
    for name in ("MaxLogit", "rODIN"):
        column = f"d_{name}"
        assert found.metrics[f"AUROC_{name}"] == pytest.approx(metrics.auroc(inside[column], near[column]))
        assert found.metrics[f"FPR95_{name}_everyone"] == pytest.approx(
            metrics.fpr95(inside[column], outside[column])
        )
    assert list(found.embeddings().index) == list(frame.index[~frame["heard"]])
    # the same model, the same answers: what was stored with the training is what the detectors looked at
    stored = grid.run(msac_sernet, [trained], progress=False)[0].predictions
    assert (stored["predicted"] == inside["predicted"]).all()


def test_other_is_no_emotion_and_iemocaps_are_the_papers():
    labels = ["frustration", "fear", "surprise", "disgust", "other"]
    ids = pd.Index([f"u{i}" for i in range(5)])
    material = types.SimpleNamespace(table=pd.DataFrame({"published": labels}, ids), others=ids)
    assert list(reliability.outside(material, "iemocap")) == ["u0", "u1", "u2"]
    assert list(reliability.outside(material, "emodb+iemocap")) == ["u0", "u1", "u2", "u3"]


def test_the_perturbation_is_small_and_in_the_right_direction(trained):
    runs = grid.run(
        reliability,
        [reliability.Config(trained, epsilon=e, temperature=1.0) for e in (0.0, 0.01)],
        progress=False,
    )
    still, moved = (r.predictions for r in runs)
    assert (still["d_ODIN"] == still["d_rODIN"]).all()
    np.testing.assert_allclose(still["d_ODIN"], still["d_max softmax"], atol=1e-4)
    assert (moved["d_ODIN"] <= still["d_ODIN"] + 1e-4).mean() > 0.9 and (
        moved["d_rODIN"] >= still["d_rODIN"] - 1e-4
    ).mean() > 0.9
    assert runs[0].key != runs[1].key


def test_what_cannot_be_asked_is_refused(trained):
    for change, message in (
        ({"loss": "softmax"}, "AM-Softmax"),
        ({"model": "svm"}, "AM-Softmax"),
        ({"classes": "all"}, "no other emotion"),
    ):
        with pytest.raises(ValueError, match=message):
            reliability.run(reliability.Config(dataclasses.replace(trained, **change)), progress=False)


def test_detection_compares_the_right_utterances():
    frame = pd.DataFrame({
        "part": ["ID"] * 4 + ["OOD"] * 4, "heard": [False] * 6 + [True] * 2, "d_x": [1.0, 2, 3, 4, 0, 5, 6, 7],
    })  # fmt: skip
    assert tables_ood.detected(frame, "x") == {"AUROC": 0.5, "FPR95": 0.5}
    assert tables_ood.detected(frame, "x", everyone=True) == {"AUROC": 0.75, "FPR95": 0.25}
    assert all(np.isnan(v) for v in tables_ood.detected(frame[frame["part"] == "ID"], "x").values())
    assert set(ood.PAPER) < set(reliability.DETECTORS)
