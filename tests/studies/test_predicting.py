"""A stored model asked about files: the study's own predictions, long files in windows, bad files named."""

import dataclasses
import io
import json

import numpy as np
import pandas as pd
import pytest
import soundfile

from sernb import cli, grid
from sernb.studies import msac_sernet, predicting
from sernb.studies.msac_config import Config


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One quick model in a store of its own."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predicting.paths, "RESULTS", folder)
        return grid.run(msac_sernet, [Config.of("quick", epochs=1)], progress=False)[0]


def test_files_are_predicted_as_the_study_predicted_them(trained, capsys):
    table = msac_sernet.data(Config.of("quick")).table
    names = trained.predictions.index[:5]
    files = table.loc[names, "file"].tolist()
    assert cli.main(["predict", str(trained.path), *files, "--format", "csv"]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert found["file"].tolist() == files and (found["start"] == 0).all()
    own = trained.predictions.loc[names].filter(like="p_")
    np.testing.assert_allclose(found[own.columns], own, atol=1e-3)
    assert found["emotion"].tolist() == trained.predictions.loc[names, "predicted"].tolist()
    usual = predicting.Predictor(trained).usual(trained)
    where = trained.embeddings().index.get_indexer(names)
    np.testing.assert_allclose(
        usual[where], found["score"], atol=0.05
    )  # embedded in fp32 from the same audio


def test_a_study_without_a_recogniser_says_what_to_do_instead(trained):
    result = dataclasses.replace(trained, meta={**trained.meta, "study": "enroll_to_verify"})
    with pytest.raises(ValueError, match="enroll_to_verify: its encoder .* explore.enrol"):
        predicting.Predictor(result)


def test_a_long_file_is_judged_in_windows_and_a_bad_one_named(trained, tmp_path, capsys):
    long, bad = tmp_path / "lang ü.wav", tmp_path / "bad.wav"
    soundfile.write(long, np.random.default_rng(0).normal(0, 0.1, 16000 * 5), 16000)
    bad.write_bytes(b"RIFF no sound")
    arguments = [str(trained.path), str(long), str(bad), "--window", "2", "--hop", "1.5", "--format", "json"]
    assert cli.main(["predict", *arguments]) == 1
    out, err = capsys.readouterr()
    rows = json.loads(out)
    assert [(r["start"], r["end"]) for r in rows] == [(0, 2), (1.5, 3.5), (3, 5)]
    assert str(bad) in err and "Traceback" not in err


def test_the_last_window_ends_with_the_recording():
    assert list(predicting.windows(7.0, 3.0, 3.0)) == [(0, 3), (3, 6), (4, 7)]
    assert list(predicting.windows(2.0, 3.0, 1.0)) == [(0.0, 2.0)]
    with pytest.raises(ValueError, match="above 0"):
        list(predicting.windows(2.0, 3.0, 0.0))


def test_an_unknown_model_is_refused_with_what_to_do(capsys):
    assert cli.main(["predict", "nothing-of-the-kind", "x.wav"]) == 2
    assert "sernb run 11" in capsys.readouterr().err


def test_a_run_without_weights_is_refused(trained, tmp_path, monkeypatch):
    from sernb import store

    monkeypatch.setattr(predicting.paths, "RESULTS", tmp_path)
    bare = store.Result(trained.key, trained.config, {}, trained.predictions, pd.DataFrame(), trained.meta)
    store.write(bare)
    with pytest.raises(ValueError, match="holds no weights"):
        predicting.find(trained.key[:14])
