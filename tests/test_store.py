"""The store: whole or not at all, damage found, versions apart, frozen runs come back."""

import os
import signal
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest

from sernb import frozen, grid, paths, store, tables


def result(fold=0, version=1, data="real", speakers="ab", **config):
    ids = pd.Index([f"c/{fold}{s}{i}" for s in speakers for i in range(4)], name="utterance")
    generator = np.random.default_rng(fold)
    p = generator.uniform(size=len(ids))
    frame = pd.DataFrame(
        {"speaker": [i[3] for i in ids], "emotion": ["anger", "fear"] * (len(ids) // 2)}, ids
    )
    frame = frame.assign(
        predicted=np.where(p > 0.5, "anger", "fear"), fold=str(fold), p_anger=p, p_fear=1 - p
    )
    key = store.key("study", version, "paper", config, fold, 0, "digest")
    meta = {
        "study": "study",
        "version": version,
        "preset": "paper",
        "data": data,
        "fold": str(fold),
        "folds": 3,
    }
    meta |= {"seconds": 1.0, "shared_speakers": False, "classes": ["anger", "fear"]}
    curves = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.123456789, 0.1]})
    config = {"fold": fold, "seed": 0, "corpus": "c", "normalisation": "train", **config}
    state = {"w": np.arange(4, dtype=np.float32)}
    return store.Result(key, config, {"uar": 0.5}, frame, curves, meta, None, state, frame[["p_anger"]])


def test_what_is_written_is_read():
    written = store.write(result())
    back = store.read(written.key)
    pd.testing.assert_frame_equal(back.predictions, result().predictions)
    assert back.metrics == {"uar": 0.5} and back.config["corpus"] == "c" and "commit" in back.meta
    np.testing.assert_array_equal(back.state()["w"], np.arange(4))
    assert list(back.embeddings()) == ["p_anger"]
    assert store.read("nothing-like-it") is None


def test_the_key_names_everything_that_may_change_a_result():
    base = ("study", 1, "paper", {"width": 0.5}, 0, 0, "digest")
    changed = [("s", 2, "quick", {"width": 0.25}, 1, 1, "other")[i] for i in range(7)]
    keys = {store.key(*base)} | {store.key(*[*base[:i], changed[i], *base[i + 1 :]]) for i in range(7)}
    assert len(keys | {store.key(*base, source="mine")}) == 9


def test_a_killed_writer_leaves_nothing():
    script = (
        "import os, signal, sys; sys.path.insert(0, 'tests')\n"
        "from sernb import store; import test_store\n"
        "store._sync = lambda folder: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.write(test_store.result())"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=paths.ROOT, env=os.environ, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert any(p.name.startswith(".writing-") for p in (paths.RESULTS / "study").iterdir())
    assert store.read(result().key) is None and store.find() == []
    assert store.write(result()) and len(store.find()) == 1


def test_damage_is_named_and_counts_as_missing():
    run = store.write(result())
    (run.path / "metrics.json").write_text('{"uar": 0.99}')
    with pytest.warns(UserWarning, match=r"metrics.json does not match its checksum"):
        assert store.read(run.key) is None


def test_versions_are_not_mixed():
    store.write(result()), store.write(result(version=2))
    with pytest.raises(ValueError, match=r"versions \[1, 2\] would be mixed"):
        store.find("study")
    assert [r.meta["version"] for r in store.find("study", version=2)] == [2]


def test_frozen_runs_come_back_and_are_never_dropped(monkeypatch, tmp_path):
    for fold in (0, 1):
        store.write(result(fold))
    store.write(result(2, data="stand-in"))
    frozen.freeze()
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "another machine")
    back = store.read(result(1).key)
    expected = result(1).predictions
    np.testing.assert_allclose(back.predictions["p_anger"], expected["p_anger"], atol=1e-3)
    assert (back.predictions["predicted"] == expected["predicted"]).all() and back.embeddings() is None
    assert back.curves["train_loss"].iloc[0] == pytest.approx(0.123456789, rel=1e-4)
    with pytest.raises(FileNotFoundError, match="no weights are stored"):
        back.state()
    store.write(result(2))
    frozen.freeze()
    assert {r.meta["fold"] for r in frozen.all_runs().values()} == {"0", "1", "2"}
    before = (paths.FIGURES / "real" / "runs" / "study.parquet").read_bytes()
    frozen.freeze()
    assert (paths.FIGURES / "real" / "runs" / "study.parquet").read_bytes() == before


def test_import_merges_another_machines_store(monkeypatch, tmp_path):
    there = paths.RESULTS
    store.write(result(0)), store.write(result(1))
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "here")
    store.write(result(1))
    assert frozen.import_(there) == 1 and len(store.find()) == 2
    with pytest.raises(FileNotFoundError, match="expected a result store"):
        frozen.import_(tmp_path / "nowhere")


def study(fails=()):
    made = []

    def run(config, progress=True):
        made.append(config)
        if config in fails:
            raise ValueError(f"no luck with {config}")
        return result(config)

    return types.SimpleNamespace(NAME="study", run=run, key=lambda c: result(c).key, made=made)


def test_a_grid_computes_what_is_missing_in_order():
    store.write(result(1))
    job = study()
    found = grid.run(job, [2, 1, 0], progress=False)
    assert job.made == [2, 0] and [r.meta["fold"] for r in found] == ["2", "1", "0"]
    grid.run(job, [0, 1, 2], progress=False)
    assert job.made == [2, 0]


def test_a_failure_is_listed_and_stops_no_other():
    job = study(fails=(1,))
    with pytest.raises(grid.GridError, match=r"1 of 3 .* failed:\n.*ValueError: no luck with 1"):
        grid.run(job, [0, 1, 2], progress=False)
    assert len(store.find()) == 2
    with pytest.raises(ValueError, match="cluster 'moon' is unknown"):
        grid.run(job, [0], "moon")


def test_tables_are_computed_from_predictions():
    runs = [store.write(result(f, speakers="abcdef")) for f in (0, 1)]
    table = tables.recognition("Base", runs, {"UAR": 80.0, "WAR": 85.0}).set_index("metric")
    pooled = tables.pool(runs)
    assert table.loc["WAR", "here"] == pytest.approx(100 * (pooled["emotion"] == pooled["predicted"]).mean())
    assert table.loc["UAR", "difference"] == pytest.approx(table.loc["UAR", "here"] - 80)
    assert "speakers" in table.loc["UAR", "interval"]
    assert "2 of 3 folds" in tables.protocol(runs, of=3)
    with pytest.raises(ValueError, match="tested twice"):
        tables.pool([runs[0], runs[0]])
