"""The published recordings, against counts that public sources agree on."""

import os

import pytest

from sernb import corpora, paths
from sernb.corpora import labels, table

pytestmark = pytest.mark.real_speech

EMODB = {
    "anger": 127,
    "boredom": 81,
    "disgust": 46,
    "fear": 69,
    "happiness": 71,
    "sadness": 62,
    "neutral": 79,
}
RAVDESS = dict.fromkeys(labels.RAVDESS.values(), 192) | {"neutral": 96}
SHAPES = {  # utterances by emotion, speakers, women, language
    "emodb": (EMODB, 10, 5, "deu"),
    "emovo": (dict.fromkeys(labels.EMOVO.values(), 84), 6, 3, "ita"),
    "ravdess": (RAVDESS, 24, 12, "eng"),
}


@pytest.fixture(params=SHAPES)
def loaded(request, real):
    real(request.param)
    return request.param, corpora.load(request.param)


def test_counts_speakers_genders_and_language(loaded):
    name, t = loaded
    emotions, speakers, women, language = SHAPES[name]
    assert t["emotion"].value_counts().to_dict() == emotions
    assert t["speaker"].nunique() == speakers
    assert t.loc[t["gender"] == "female", "speaker"].nunique() == women
    assert (t.groupby("speaker")["gender"].nunique() == 1).all()
    assert set(t["language"]) == {language} and set(t["corpus"]) == {name}
    assert t.attrs == {"left_out": [], "data": "real"}


def test_columns_ids_and_times(loaded):
    name, t = loaded
    assert list(t.columns) == table.COLUMNS and t.index.name == "utterance" and t.index.is_unique
    assert t.index.str.startswith(f"{name}/").all() and t["speaker"].str.startswith(f"{name}/").all()
    assert all(os.path.isabs(file) for file in t["file"])
    assert (t["start"] == 0).all() and t["end"].between(0.5, 15).all()
    table.check(t)


def test_emodb_men_and_the_listening_test(real):
    real("emodb")
    t = corpora.load("emodb")
    men = t.loc[t["gender"] == "male", "speaker"].unique()
    assert set(men) == {f"emodb/{s}" for s in ("03", "10", "11", "12", "15")}
    assert t.loc["emodb/03a01Fa", "agreement"] == pytest.approx(0.90)  # line 3 of erkennung.txt: 90,00
    assert t["agreement"].notna().all() and t["agreement"].min() >= 0.8  # what was published passed 80 %


def test_emodb_without_the_listening_test(real, tmp_path):
    (tmp_path / "wav").symlink_to(real("emodb") / "wav")
    (tmp_path / "few").mkdir()
    for file in sorted((tmp_path / "wav").iterdir())[:3]:
        (tmp_path / "few" / file.name).symlink_to(file)
    assert corpora.load("emodb", tmp_path / "few")["agreement"].isna().all()


def test_the_folder_of_another_corpus_is_refused(real):
    with pytest.raises(
        FileNotFoundError, match=r"expected audio such as wav/03a01Fa\.wav .* found 588 files"
    ):
        corpora.load("emodb", real("emovo"))


def test_a_skip_is_a_failure_where_data_is_required(real, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    monkeypatch.setenv("SERNB_REQUIRE_DATA", "0")
    with pytest.raises(pytest.skip.Exception, match="needs the recordings of emodb in"):
        real("emodb")
    monkeypatch.setenv("SERNB_REQUIRE_DATA", "1")
    with pytest.raises(pytest.fail.Exception, match="SERNB_REQUIRE_DATA=1 forbids to skip"):
        real("emodb")
