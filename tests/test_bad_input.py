"""Bad input: whatever lies in a file or stands on the command line, it is read right or named; never a bare traceback."""

import csv
import io
import json
import os
import random
import struct
import warnings

import hypothesis
import nbformat
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from damage import NAMED, SECONDS, mutated, tone
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from sernb import audio, cli, corpora, notebooks, paths, store, training
from sernb.corpora import table


@pytest.mark.parametrize(
    ("rate", "channels", "how"),
    [
        (16_000, 1, {"subtype": "PCM_U8"}), (16_000, 1, {"subtype": "PCM_24"}), (44_100, 2, {"subtype": "FLOAT"}),
        (48_000, 1, {"subtype": "DOUBLE"}), (96_000, 1, {"subtype": "PCM_16"}), (16_000, 6, {"subtype": "PCM_16"}),
        (8_000, 1, {"subtype": "ULAW"}), (22_050, 1, {"format": "FLAC"}), (24_414, 1, {"format": "AIFF"}),
    ],
    ids=str,
)  # fmt: skip
def test_every_kind_of_audio_is_the_same_sound(rate, channels, how, tmp_path):
    file = tone(tmp_path / "a.wav", rate, channels, **how)
    assert table.inspect(str(file)) == (pytest.approx(SECONDS, abs=1e-4), None)
    x = audio.decode(str(file))
    assert len(x) == pytest.approx(SECONDS * audio.RATE, abs=2)
    spectrum = np.abs(np.fft.rfft(x))
    assert np.fft.rfftfreq(len(x), 1 / audio.RATE)[spectrum.argmax()] == pytest.approx(220, abs=4)
    assert np.abs(x[800:-800]).max() == pytest.approx(0.3, abs=0.02)


def lying(seconds):
    """A WAV file whose header promises another length than there is."""
    memory = io.BytesIO()
    soundfile.write(memory, np.full(4000, 0.2), 16_000, format="WAV", subtype="PCM_16")
    content = bytearray(memory.getvalue())
    content[40:44] = struct.pack("<I", round(seconds * 32_000))
    return bytes(content)


@pytest.mark.parametrize(
    "name", ["one two.wav", "Ärger über Öl.wav", "a\nb.wav", "🙂.wav", "-p.wav", "%s{}.wav"]
)
def test_names_are_names(name, tmp_path):
    file = tone(tmp_path / name)
    pd.DataFrame({"file": [name], "speaker": "a", "emotion": "fear"}).to_csv(
        tmp_path / "mine.csv", index=False
    )
    t = corpora.read_table(tmp_path / "mine.csv")
    assert list(t["file"]) == [str(file)] and list(t["emotion"]) == ["fear"]
    assert len(audio.pack(t, cache=tmp_path / "cache").ids) == 1


@pytest.mark.filterwarnings("ignore:.*left out")
def test_every_unusable_file_is_named_with_its_reason(tmp_path):
    wav = tmp_path / "wav"
    whole = tone(wav / "03a01Fa.wav").read_bytes()
    (wav / "03a01Wa.wav").write_bytes(b"")
    (wav / "03a01La.wav").write_bytes(whole[:20])
    (wav / "03a01Ea.wav").write_bytes(b"\0" * 4096)
    tone(wav / "03a01Aa.wav", seconds=0)
    tone(wav / "03a02Fa.wav", seconds=1 / 16_000)  # one sample, and that is zero
    nan = np.full(4000, 0.1, "float32")
    nan[7] = np.nan
    soundfile.write(wav / "03a02Wa.wav", nan, 16_000, subtype="FLOAT")
    (wav / "03a02Na.wav").symlink_to(wav / "03a02Na.wav")
    (wav / "loop").symlink_to(wav)
    (wav / "03a02Ta.wav").mkdir()
    t = corpora.load("emodb", tmp_path)
    assert list(t.index) == ["emodb/03a01Fa"] and t["emotion"].iloc[0] == "happiness"
    reasons = {file.rsplit("/", 1)[1]: reason for file, reason in t.attrs["left_out"]}
    assert reasons.pop("03a01La.wav").startswith("cannot be decoded")
    assert reasons.pop("03a01Ea.wav").startswith("cannot be decoded")
    assert reasons == {
        "03a01Wa.wav": "empty", "03a01Aa.wav": "empty", "03a02Fa.wav": "silent",
        "03a02Wa.wav": "holds samples that are not finite", "03a02Na.wav": "there is no such file",
    }  # fmt: skip


@pytest.mark.parametrize("seconds", [0.1, 0.25, 60, 120_000], ids=str)
def test_a_lying_header_gives_the_samples_that_are_there_or_a_reason(seconds, tmp_path):
    (tmp_path / "a.wav").write_bytes(lying(seconds))
    duration, reason = table.inspect(str(tmp_path / "a.wav"))
    assert reason or duration == pytest.approx(min(seconds, 0.25))


def test_300_damaged_recordings(tmp_path):
    draw, kinds = random.Random(0), ("a.wav", "b.flac", "c.aiff")
    contents = [tone(tmp_path / name, seconds=0.1).read_bytes() for name in kinds]
    for i in range(300):
        file = tmp_path / f"{i}.wav"
        file.write_bytes(mutated(contents[i % 3], draw))
        duration, reason = table.inspect(str(file))
        assert (reason is None) == np.isfinite(duration)
        try:
            x = audio.decode(str(file))
        except (ValueError, OSError, soundfile.LibsndfileError) as error:  # a pack leaves these out by name
            assert str(error)
        else:
            assert np.isfinite(x).all() and len(x)


# Label files

FIELDS = ["file", "speaker", "emotion", "start", "end", "gender", "agreement", "corpus", "utterance"]
CELL = st.one_of(
    st.sampled_from(["", "one.wav", "two.wav", "none.wav", "fear", "NA", "nan", "0", "0.1", "-1", "1e9", "female", "a/b", "ü", "\0"]),
    st.text(max_size=6),
)  # fmt: skip


@hypothesis.settings(
    max_examples=150, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], deadline=None
)
@hypothesis.given(
    st.lists(st.sampled_from(FIELDS), unique=True).map(lambda more: list(dict.fromkeys([*FIELDS[:3], *more]))),
    st.lists(st.lists(CELL, min_size=9, max_size=9), max_size=4), st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]),
)  # fmt: skip
def test_150_tables(tmp_path, monkeypatch, columns, rows, encoding):
    monkeypatch.setattr(
        table, "inspect", lambda file: (SECONDS, None if "none" not in file else "no such file")
    )
    file, memory = tmp_path / "mine.csv", io.StringIO(newline="")
    writer = csv.DictWriter(memory, columns, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    rows = [dict(zip(columns, row, strict=False)) for row in rows]
    writer.writerows(rows)
    file.write_bytes(memory.getvalue().encode(encoding, "replace"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = corpora.read_table(file)
        except NAMED as error:
            assert str(file) in str(error)
            return
    table.check(found)
    said = (
        {(row["speaker"].rpartition("/")[2], row["emotion"]) for row in rows} if encoding == "utf-8" else None
    )
    for speaker, emotion in zip(found["speaker"].fillna(""), found["emotion"].fillna(""), strict=True):
        assert said is None or (speaker.rpartition("/")[2], emotion) in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no table can be read"), (b"file,speaker,emotion\n", "not one line under it"), (b"\0\0\0", "lacks the columns"),
        ("file,speaker,emotion\na.wav,J\xfcrgen,fear\n".encode("latin-1"), "is not in UTF-8 .*Save it as UTF-8"),
        ("file,speaker,emotion\na.wav,a,fear\n".encode("utf-16"), "is not in UTF-8"),
        (b"file,speaker,emotion,start\na.wav,a,fear,soon\n", "no table can be read from it: could not convert"),
        (b"file,speaker,emotion\na\0.wav,a,fear\n", "line 2: .* cannot be a file's name"),
        (b"file,speaker,emotion\n~nobody-here/a.wav,a,fear\n", "line 2: '~nobody-here/a.wav' cannot be a file's name"),
        (b'file,speaker,emotion\n"a.wav,a,fear\n', "no table can be read from it|no file"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said_with_its_name(content, message, tmp_path):
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s)mine.csv.*({message})"):
        corpora.read_table(tmp_path / "mine.csv")


def test_a_speaker_called_na_is_a_speaker(tmp_path):
    tone(tmp_path / "a.wav")
    (tmp_path / "mine.csv").write_text("file,speaker,emotion\na.wav,NA,None\n")
    t = corpora.read_table(tmp_path / "mine.csv")
    assert list(t["speaker"]) == ["mine/NA"] and list(t["emotion"]) == ["None"]


# Checkpoints and results


class Evil:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def fit(checkpoint):
    torch.manual_seed(0)
    model, x = torch.nn.Linear(4, 1), torch.ones(2, 4)
    training.fit(
        model, lambda batch, generator: model(batch["x"]).square().mean(), lambda generator: [{"x": x, "utterances": "ab"}],
        training.FitConfig(2, checkpoint_every=0), seed=0, steps_per_epoch=1, checkpoint=checkpoint, progress=False,
    )  # fmt: skip
    return model.state_dict()


@pytest.mark.filterwarnings("ignore:.*(starts anew|pickle protocol)")
def test_60_damaged_checkpoints_and_no_pickle_is_executed(tmp_path):
    file, draw, expected = tmp_path / "a.pt", random.Random(0), fit(None)
    fit(file)
    content = file.read_bytes()
    for _ in range(60):
        file.write_bytes(mutated(content, draw))
        state = fit(file)
        assert all(torch.equal(state[name], expected[name]) for name in expected)
    torch.save({"model": Evil(str(tmp_path / "evil"))}, file)
    with pytest.warns(UserWarning, match="the checkpoint is damaged"):
        fit(file)
    assert not (tmp_path / "evil").exists()


def test_60_damaged_results(tmp_path):
    import tiny_study

    run, draw = store.write(tiny_study.run(tiny_study.Config())), random.Random(0)
    contents = {file: file.read_bytes() for file in run.path.iterdir()}
    for _ in range(60):
        file = draw.choice(list(contents))
        file.write_bytes(mutated(contents[file], draw))
        if file.read_bytes() != contents[file]:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                found = store.read(run.key)
            if found is None:
                assert run.key in str(said[0].message)
            else:  # checksums.json says the same in other bytes
                assert file.name == "checksums.json" and found.metrics == run.metrics
        file.write_bytes(contents[file])
    (run.path / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(store.Damaged, match="model.safetensors: the weights are damaged"):
        run.state()


# The command line


def said(arguments, capsys):
    """The exit status of a command that must not raise; what is wrong is printed."""
    try:
        status = cli.main(arguments)
    except SystemExit as stop:  # argparse's own
        status = stop.code
    error = capsys.readouterr().err
    assert status in (0, 1, 2) and "Traceback" not in error and (status == 0 or error)
    return status


WORD = st.one_of(
    st.sampled_from(["11", "-p", "folds", "[0]", "{[]: 1}", "(" * 500, "--cluster", "tcp://", "slurm", "\0", "a" * 5000, "..", "/",
                     "--out", "--import", "/dev/null", "--preset", "paper", "corpora", "check", "emodb", "nothing"]),
    st.text(max_size=8),
)  # fmt: skip


@hypothesis.settings(
    max_examples=150, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], deadline=None
)
@hypothesis.given(
    st.sampled_from([["run"], ["corpora"], ["corpora", "check"], ["results"], []]), st.lists(WORD, max_size=4)
)
def test_150_command_lines(tmp_path, monkeypatch, capsys, start, words):
    monkeypatch.setattr(
        notebooks, "execute", lambda notebook, values, file: notebooks.Outcome(notebook, file, 0.0)
    )
    monkeypatch.setattr(paths, "DATA", tmp_path)
    words = [word for word in words if word not in ("--readme", "--freeze", "--save")]
    hypothesis.assume(not {"-h", "--help"} & set(words))
    said([*start, *words], capsys)


def test_60_damaged_notebooks(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        notebooks, "execute", lambda notebook, values, file: notebooks.Outcome(notebook, file, 0.0)
    )
    cell = new_code_cell('preset = "quick"\nfolds = [0, 1]', metadata={"tags": ["parameters"]})
    content = nbformat.writes(new_notebook(cells=[cell])).encode()
    file, draw = tmp_path / "a.ipynb", random.Random(0)
    for other in (
        [],
        {},
        {"cells": 3},
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]},
        "text",
        None,
    ):
        file.write_text(json.dumps(other))
        assert said(["run", str(file), "--out", str(tmp_path / "out")], capsys) == 2
    for _ in range(60):
        file.write_bytes(mutated(content, draw))
        said(["run", str(file), "-p", "folds", "[1]", "--out", str(tmp_path / "out")], capsys)
