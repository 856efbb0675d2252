"""The promises of a table, and a user's own corpus by one CSV."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from sernb import corpora
from sernb.corpora import table


@pytest.fixture
def own(tmp_path):
    """Writes audio and a CSV of rows; returns the CSV."""

    def write(text, names=("one", "two"), seconds=1.0):
        generator = np.random.default_rng(0)
        for name in names:
            soundfile.write(tmp_path / f"{name}.wav", generator.normal(0, 0.1, round(seconds * 8000)), 8000)
        csv = tmp_path / "mine.csv"
        csv.write_text(text, encoding="utf-8")
        return csv

    return write


def test_the_least_csv(own, monkeypatch, tmp_path):
    csv = own("file,speaker,emotion\none.wav,03,anger\ntwo.wav,b,neutral\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # files are relative to the CSV, not to the caller
    t = corpora.read_table(csv)
    assert list(t.columns) == table.COLUMNS and list(t.index) == ["mine/one", "mine/two"]
    assert list(t["speaker"]) == ["mine/03", "mine/b"]  # a number stays as it was written
    assert list(t["end"]) == [1.0, 1.0] and (t["start"] == 0).all()
    assert t[["gender", "language", "agreement", "session", "split"]].isna().all(axis=None)
    assert t.attrs == {"left_out": [], "data": "real"}


def test_segments_of_one_file_and_own_columns(own):
    csv = own(
        "file,speaker,emotion,start,end,corpus,valence\none.wav,a,anger,0,0.4,talk,2\none.wav,a,fear,0.4,0.9,talk,3\n"
    )
    t = corpora.read_table(csv)
    assert list(t.index) == ["talk/one@0.0", "talk/one@0.4"] and set(t["speaker"]) == {"talk/a"}
    assert list(t["end"] - t["start"]) == pytest.approx([0.4, 0.5])
    assert list(t.columns) == [*table.COLUMNS, "valence"] and list(t["valence"]) == [2, 3]


def test_a_missing_file_is_named_and_left_out(own):
    with pytest.warns(UserWarning, match="1 files left out: .*three.wav: there is no such file"):
        t = corpora.read_table(own("file,speaker,emotion\none.wav,a,anger\nthree.wav,a,fear\n"))
    assert list(t.index) == ["mine/one"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,who\none.wav,a\n", r"lacks the columns \['emotion', 'speaker'\], found \['file', 'who'\]"),
        ("file,speaker,emotion\none.wav,a,fear\n,a,fear\n", "line 3 names no file"),
        ("file,speaker,emotion\none.wav,a,fear\none.wav,a,anger\n", "repeated: .*mine/one"),
        ("file,speaker,emotion,gender\none.wav,a,fear,F\n", "gender is 'female', 'male' or missing, found"),
        ("file,speaker,emotion,agreement\none.wav,a,fear,80\n", "agreement is a share in 0…1, found 80"),
        ("file,speaker,emotion,start,end\none.wav,a,fear,0.5,0.2\n", "its end is not after its start"),
    ],
)
def test_what_a_csv_lacks_is_said(own, text, message):
    with pytest.raises(ValueError, match=message):
        corpora.read_table(own(text))


def test_corpora_are_concatenated_by_pandas(own):
    csv = own("file,speaker,emotion\none.wav,a,anger\ntwo.wav,b,neutral\n")
    first = corpora.read_table(csv)
    other = csv.rename(csv.with_name("other.csv"))
    both = pd.concat([first, corpora.read_table(other)])
    table.check(both)
    assert both["speaker"].nunique() == 4
    with pytest.raises(ValueError, match="unique index"):
        table.check(pd.concat([first, first]))


def test_check_refuses_a_speaker_in_two_corpora_and_missing_columns(own):
    t = corpora.read_table(own("file,speaker,emotion\none.wav,a,anger\ntwo.wav,a,neutral\n"))
    with pytest.raises(ValueError, match="speaker 'mine/a' is in more than one corpus"):
        table.check(t.assign(corpus=["mine", "yours"]))
    with pytest.raises(ValueError, match=r"lacks the columns \['emotion'\]"):
        table.check(t.drop(columns="emotion"))
    with pytest.raises(ValueError, match="has no file"):
        table.check(t.assign(file=np.nan))


def test_a_warning_of_many_files_is_one(own, recwarn):
    rows = "".join(f"missing{i}.wav,a,fear\n" for i in range(40))
    t = corpora.read_table(own("file,speaker,emotion\none.wav,a,anger\n" + rows))
    assert len(recwarn.list) == 1 and len(t.attrs["left_out"]) == 40


def test_several_corpora_and_ones_own(own, monkeypatch, tmp_path):
    csv = own("file,speaker,emotion\none.wav,03,anger\ntwo.wav,b,neutral\n")
    alone = corpora.several([], csv)
    assert list(alone.index) == ["mine/one", "mine/two"] and alone.attrs == {"data": "real"}
    for file in ("emodb/wav/03a01Fa.wav", "emovo/f1/gio-f1-b2.wav", "emovo/f1/gio-f1-b3.wav"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((tmp_path / "one.wav").read_bytes())
    monkeypatch.setattr(corpora.paths, "DATA", tmp_path)
    t = corpora.several(["emovo", "emodb"], csv)
    assert list(t["corpus"]) == ["emovo", "emovo", "emodb", "mine", "mine"] and t.attrs == {"data": "real"}
    few = corpora.several(["emovo", "emodb"], csv, most=1)
    assert list(few["corpus"]) == ["emovo", "emodb", "mine"]
    assert few.equals(corpora.several(["emovo", "emodb"], csv, most=1))
    with pytest.raises(FileNotFoundError, match="no folder ravdess, tess below"):
        corpora.several(["ravdess", "emodb", "tess"])
    with pytest.raises(ValueError, match="'emdb' is unknown"):
        corpora.several(["emdb"])
    with pytest.raises(ValueError, match="holds recordings: expected data='real'"):
        corpora.several(["emodb"], csv, data="stand-in")
    with pytest.raises(ValueError, match="the name of a corpus or a csv"):
        corpora.several([])
