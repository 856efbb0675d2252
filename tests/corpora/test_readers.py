"""Three readers on small made-up folders: what follows the layout is read, all else is named."""

import numpy as np
import pytest
import soundfile

from sernb import corpora

FILES = {
    "emodb": ("wav/03a01Fa.wav", "wav/08b10Wc.wav"),
    "emovo": ("f1/gio-f1-b2.wav", "m3/sor-m3-n5.wav"),
    "ravdess": ("Actor_01/03-01-05-01-02-01-01.wav", "Actor_24/03-01-08-02-01-02-24.wav"),
}
MISNAMED = {
    "emodb": ("03a01Xa", "99a01Fa", "03c01Fa", "3a01Fa", "03a01F", "notes"),
    "emovo": ("joy-f1-b2", "gio-f4-b2", "gio-x1-b2", "gio-f1", "notes"),
    "ravdess": ("03-02-05-01-02-01-01", "01-01-05-01-02-01-01", "03-01-09-01-02-01-01", "03-01-05-01-02-01-25",
                "03-01-05-01-02-01", "03-01-05-01-02-01-00"),
}  # fmt: skip


def tone(file, seconds=0.5, rate=16_000, channels=1, scale=0.1):
    file.parent.mkdir(parents=True, exist_ok=True)
    x = scale * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(file, np.repeat(x[:, None], channels, 1), rate)
    return file


@pytest.fixture(params=FILES)
def small(request, tmp_path):
    """Two good files in the layout of a corpus."""
    for file in FILES[request.param]:
        tone(tmp_path / file)
    return request.param, tmp_path


def test_reads_what_follows_the_layout(small, recwarn):
    name, root = small
    t = corpora.load(name, root)
    expected = {
        "emodb": [("emodb/03", "male", "happiness"), ("emodb/08", "female", "anger")],
        "emovo": [("emovo/f1", "female", "happiness"), ("emovo/m3", "male", "surprise")],
        "ravdess": [("ravdess/01", "male", "anger"), ("ravdess/24", "female", "surprise")],
    }[name]
    assert list(t[["speaker", "gender", "emotion"]].itertuples(index=False, name=None)) == expected
    assert list(t["end"]) == [0.5, 0.5] and t.attrs["left_out"] == [] and not recwarn.list


def test_flac_stereo_capitals_and_hidden_files(small):
    name, root = small
    first, second = (root / file for file in FILES[name])
    second.unlink()
    tone(second.with_name(second.stem.upper() + ".FLAC"), channels=2, rate=48_000)
    (first.parent / f"._{first.name}").write_bytes(b"resource fork")
    tone(root / ".trash" / first.name)
    t = corpora.load(name, root)
    assert len(t) == 2 and t.attrs["left_out"] == []
    assert list(t["end"]) == [0.5, 0.5]


def test_misnamed_files_are_named_and_left_out_never_mislabelled(small):
    name, root = small
    folder = (root / FILES[name][0]).parent
    for stem in MISNAMED[name]:
        tone(folder / f"{stem}.wav")
    with pytest.warns(UserWarning) as warned:
        t = corpora.load(name, root)
    assert len(t) == 2
    assert sorted(str(folder / f"{stem}.wav") for stem in MISNAMED[name]) == [
        f for f, _ in t.attrs["left_out"]
    ]
    assert len(warned) == 1
    assert all(f"{stem}.wav: its name is not" in str(warned[0].message) for stem in MISNAMED[name])


def test_unusable_audio_is_named_and_left_out_in_one_warning(tmp_path):
    tone(tmp_path / "wav/03a01Fa.wav")
    (tmp_path / "wav/03a01Wa.wav").write_bytes(b"RIFF, but no more")
    (tmp_path / "wav/03a01Na.wav").write_bytes(b"")
    tone(tmp_path / "wav/03a01La.wav", seconds=0)
    tone(tmp_path / "wav/03a01Ta.wav", scale=0)
    whole = tone(tmp_path / "wav/03a01Ea.flac", seconds=3).read_bytes()
    (tmp_path / "wav/03a01Ea.flac").write_bytes(whole[: len(whole) // 2])  # its header promises three seconds
    x = np.full(1600, np.nan, dtype="float32")
    soundfile.write(tmp_path / "wav/03a01Aa.wav", x, 16_000, subtype="FLOAT")
    with pytest.warns(UserWarning) as warned:
        t = corpora.load("emodb", tmp_path)
    assert list(t.index) == ["emodb/03a01Fa"]
    reasons = {file[-len("03a01Fa.wav") :].strip("/"): reason for file, reason in t.attrs["left_out"]}
    assert reasons.pop("03a01Wa.wav").startswith("cannot be decoded")
    assert reasons.pop("3a01Ea.flac").startswith("cannot be decoded")
    assert reasons == {
        "03a01Na.wav": "empty", "03a01La.wav": "empty", "03a01Ta.wav": "silent",
        "03a01Aa.wav": "holds samples that are not finite",
    }  # fmt: skip
    assert len(warned) == 1 and str(warned[0].message).startswith("6 files left out: ")
    assert all(file in str(warned[0].message) for file, _ in t.attrs["left_out"])


def test_a_corpus_of_unusable_audio_is_an_empty_table(tmp_path):
    tone(tmp_path / "wav/03a01Fa.wav", scale=0)
    with pytest.warns(UserWarning, match="silent"):
        t = corpora.load("emodb", tmp_path)
    assert t.empty and len(t.attrs["left_out"]) == 1


def test_a_second_copy_is_left_out(small):
    """A download of RAVDESS that is much about holds all its folders twice, one inside the other."""
    name, root = small
    again = tone(root / "zz_again" / FILES[name][0])
    with pytest.warns(UserWarning, match="a second copy of"):
        t = corpora.load(name, root)
    assert len(t) == 2 and t.attrs["left_out"][0][0] == str(again)


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_root_says_what_was_expected_and_what_was_found(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder: expected .*" + FILES[name][0]):
        corpora.load(name, tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{FILES[name][0]}, found an empty folder"):
        corpora.load(name, tmp_path / "empty")
    (tmp_path / "empty" / "notes.txt").write_text("no audio")
    with pytest.raises(FileNotFoundError, match=r"found \['notes.txt'\]"):
        corpora.load(name, tmp_path / "empty")
    tone(tmp_path / "other" / "speech.wav")
    with pytest.raises(FileNotFoundError, match=f"{FILES[name][0]} .* found 1 files .*speech.wav"):
        corpora.load(name, tmp_path / "other")


def test_the_listening_test_is_optional_latin_1_with_decimal_commas(tmp_path):
    tone(tmp_path / "wav/03a01Fa.wav")
    assert corpora.load("emodb", tmp_path)["agreement"].isna().all()
    text = "Nr.\tSatz\terkannt\tnatürlich\r\n3\xa0\xa0\t03a01Fa.wav\t92,50\xa0\t75,00\r\n"
    (tmp_path / "erkennung.txt").write_bytes(text.encode("latin-1"))
    assert corpora.load("emodb", tmp_path).loc["emodb/03a01Fa", "agreement"] == pytest.approx(0.925)
    (tmp_path / "erkennung.txt").write_text("3 03a01Fa.wav viel 75,00\n")
    with pytest.raises(ValueError, match=r"line 1: expected a percentage such as 65,00, found 'viel'"):
        corpora.load("emodb", tmp_path)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match="corpus 'emodbb' is unknown; there are emodb, emovo, ravdess"):
        corpora.load("emodbb")
    with pytest.raises(ValueError, match="data 'fake' is unknown; there are 'real' and 'stand-in'"):
        corpora.load("emodb", data="fake")
    with pytest.raises(ValueError, match="root only goes with data='real'"):
        corpora.load("emodb", tmp_path, data="stand-in")
    assert corpora.names() == [
        "emodb", "emovo", "ravdess", "casia", "tess", "savee", "crema_d", "epst", "iemocap", "msp_podcast", "meld",
    ]  # fmt: skip
