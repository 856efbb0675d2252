"""The explorers without a browser: what a click, a lasso or a menu leads to."""

import types

import numpy as np
import pandas as pd
import pytest
import soundfile

from sernb import audio, explore, metrics, store
from sernb.explore import panel

CLASSES = ["anger", "neutral"]


@pytest.fixture
def material(tmp_path):
    rows = {}
    for i in range(8):
        file = tmp_path / f"ü {i}.wav"
        soundfile.write(file, 0.3 * np.sin(np.arange(8000) * (0.05 + 0.02 * i)), 16000)
        rows[f"mine/{i}"] = {
            "file": str(file), "start": 0.0, "end": 0.5, "corpus": "mine", "speaker": f"mine/{i % 2}", "gender": "female",
            "language": "deu", "emotion": CLASSES[i // 4], "agreement": np.nan, "session": None, "split": None,
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("utterance")
    return types.SimpleNamespace(table=table, packed=audio.pack(table, cache=tmp_path / "cache"))


@pytest.fixture
def result(material):
    return stored(material, wrong=["mine/0", "mine/3", "mine/5"])


def stored(material, wrong, study="some_study"):
    table = material.table
    truth = np.where(table["emotion"] == "anger", 0.9, 0.2)
    p = pd.Series(truth, table.index)
    p[wrong] = 1 - p[wrong] + np.linspace(0, 0.05, len(wrong))
    predictions = pd.DataFrame({
        "speaker": table["speaker"], "emotion": table["emotion"], "predicted": np.where(p > 0.5, *CLASSES), "fold": "0",
        "p_anger": p, "p_neutral": 1 - p,
    })  # fmt: skip
    meta = {"study": study, "data": "stand-in", "classes": CLASSES}
    z = pd.DataFrame(np.random.default_rng(0).normal(size=(8, 5)), table.index)
    return types.SimpleNamespace(
        key="k", predictions=predictions, meta=meta, config={}, embeddings=lambda: z, curves=None, metrics={}
    )


def test_a_clicked_point_is_shown_and_can_be_heard(material, result):
    found = explore.embedding(result, material, scores=pd.Series(range(8), material.table.index, dtype=float))
    assert list(found.hue.options)[:2] == ["emotion", "corpus"] and "score" in found.hue.options
    found.choose(3)
    assert found.chosen == "mine/3" == found.panel.shown
    assert "<audio" in found.panel.player.value and "data:audio" in found.panel.player.value
    assert "predicted: neutral" in found.panel.caption.value
    assert bytes(found.panel.picture.value).startswith(b"\x89PNG")


def test_points_are_coloured_by_what_the_menu_says(material, result):
    found = explore.embedding(result, material, scores=pd.Series(range(8), material.table.index, dtype=float))
    marker = found.figure.data[0].marker
    found.hue.value = "right or wrong"
    wrong = [
        c for c, name in zip(marker.color, material.table.index, strict=True) if name in ("mine/0", "mine/3")
    ]
    assert len(set(wrong)) == 1 and marker.color[1] != wrong[0] and "wrong" in found.legend.value
    found.hue.value = "score"
    assert list(marker.color) == list(range(8)) and marker.showscale


def test_a_lasso_gives_the_table(material, result):
    found = explore.embedding(result, material)
    found.select([1, 2])
    assert list(found.selected.index) == ["mine/1", "mine/2"] and "2 selected" in found.listing.value
    found.select([])
    assert found.selected.empty and found.listing.value == ""


def test_a_frozen_result_says_that_it_has_no_embeddings(material, result):
    result.embeddings = lambda: None
    with pytest.raises(ValueError, match="holds no embeddings"):
        explore.embedding(result, material)


def test_a_cell_of_the_confusion_matrix_opens_with_the_worst_first(material, result):
    found = explore.confusion(result, material)
    found.open_cell("anger", "neutral")
    assert list(found.selected["p_anger"]) == sorted(found.selected["p_anger"])
    assert set(found.selected.index) == {"mine/0", "mine/3"}
    found.picker.list.value = found.selected.index[1]
    assert found.picker.panel.shown == found.picker.chosen == found.selected.index[1]
    assert found.figure.data[0].z[0][1] == 50


def test_folds_that_share_test_utterances_are_refused(material, result):
    with pytest.raises(ValueError, match="share test utterances"):
        explore.confusion([result, result], material)


def test_two_models_are_compared_utterance_by_utterance(material, result):
    other = stored(material, wrong=["mine/5", "mine/6"])
    found = explore.compare(result, other, material, names=("base", "other"))
    assert {k: list(v.index[v]) for k, v in found.kinds.items()} == {
        "only base right": ["mine/6"], "only other right": ["mine/0", "mine/3"], "both wrong": ["mine/5"],
        "both right": ["mine/1", "mine/2", "mine/4", "mine/7"],
    }  # fmt: skip
    right = [(r.predictions["emotion"] == r.predictions["predicted"]).to_numpy() for r in (result, other)]
    assert found.p == metrics.mcnemar(*right)
    found.kind.value = "both wrong"
    assert [value for _, value in found.picker.list.options] == ["mine/5"]


def test_models_without_common_utterances_or_labels_are_not_compared(material, result):
    other = stored(material, wrong=[])
    other.predictions = other.predictions.rename(lambda name: f"{name}x")
    with pytest.raises(ValueError, match="no test utterance in common"):
        explore.compare(result, other, material)
    other = stored(material, wrong=[])
    other.predictions["emotion"] = "fear"
    with pytest.raises(ValueError, match="different labels"):
        explore.compare(result, other, material)


def test_a_corpus_is_filtered_and_counted(material):
    found = explore.corpus(material.table, material.packed)
    assert set(found.filters) == {"speaker", "emotion"}
    found.filters["emotion"].value = "anger"
    found.filters["speaker"].value = "mine/1"
    assert list(found.selected.index) == ["mine/1", "mine/3"]
    assert "2 utterances, 1 speakers" in found.heading.value
    assert list(found.figure.data[0].x) == [2] and list(found.figure.data[0].y) == ["anger"]


def test_names_cannot_smuggle_markup(material):
    table = material.table.rename(index={"mine/0": "mine/<b onload=x>"})
    packed = audio.Pack(
        table.index, *(getattr(material.packed, n) for n in ("samples", "offsets", "peaks", "digests"))
    )
    shown = panel.Panel(table, packed)
    shown.show("mine/<b onload=x>")
    assert "<b onload" not in shown.caption.value


def test_the_material_of_a_stored_result_is_found_by_its_configuration():
    from sernb.explore import lookup
    from sernb.studies import msac_sernet

    config = msac_sernet.Config.of("quick")
    found = msac_sernet.data(config)
    frame = pd.DataFrame({"emotion": found.table["emotion"]})
    result = store.Result(
        "k", vars(config), {}, frame, pd.DataFrame(), {"study": "msac_sernet", "data": "stand-in"}
    )
    assert lookup.material(result) is found
    result.predictions = frame.rename(lambda name: f"{name}x")
    with pytest.raises(ValueError, match="Pass material"):
        lookup.material(result)
