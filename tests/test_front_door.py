"""The README's table is made of frozen runs only, and `sernb results` lists, freezes and imports."""

import numpy as np
import pandas as pd
import pytest

from sernb import cli, front_door, paths, store

CLASSES = ["anger", "neutral", "sadness"]
SPEAKERS = 6


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")


def put(fold, data="real", version=1, seed=0, wrong=2, **overrides):
    """One stored run: speaker `fold` tests with 12 utterances, `wrong` of them misread."""
    truth = np.array(CLASSES * 4)
    guess = truth.copy()
    guess[:wrong] = np.roll(truth, 1)[:wrong]
    frame = pd.DataFrame({"speaker": f"x/{fold}", "emotion": truth, "predicted": guess, "fold": str(fold)})
    frame.index = pd.Index([f"x/{fold}-{i}" for i in range(len(frame))], name="utterance")
    for name in CLASSES:
        frame[f"p_{name}"] = (guess == name).astype(float)
    config = {"model": "base", "data": data, "preset": "paper", "fold": fold, "seed": seed, **overrides}
    meta = {
        "study": "msac_sernet", "version": version, "preset": "paper", "data": data, "folds": SPEAKERS, "fold": str(fold),
        "overrides": overrides, "seconds": 600.0, "device": "a machine", "dtype": "float32", "started": 0.0,
    }  # fmt: skip
    key = store.key("msac_sernet", version, "paper", {**overrides, "data": data}, fold, seed, "digest")
    return store.write(store.Result(key, config, {"uar": 0.5}, frame, pd.DataFrame({"epoch": [0]}), meta))


def first_row():
    return [c.strip() for c in front_door.generated().splitlines()[2].strip("|").split("|")]


def results(*arguments):
    return cli.main(["results", *map(str, arguments)])


def test_without_frozen_runs_it_says_so():
    for fold in range(SPEAKERS):
        put(fold)  # in the store, but not frozen: does not count
    assert first_row()[3:] == ["no frozen run yet", "–", "–"]


def test_numbers_come_from_the_frozen_predictions(capsys):
    for fold in range(SPEAKERS):
        put(fold, wrong=3 if fold == 0 else 0)
        put(fold, data="stand-in", wrong=12)
        put(fold, wrong=12, kernels="light_sernet")  # departs further from the preset: another row's business
    assert results("--freeze") == 0
    score, folds, cost = first_row()[3:]
    assert score.startswith("95.8 [") and "/ 95.8 [" in score  # 69 of 72
    assert folds == "mean 95.8, worst 75.0, best 100.0"
    assert cost == "60 min on a machine"


def test_missing_folds_are_no_result():
    put(0), put(1)
    assert results("--freeze") == 0
    assert first_row()[3] == f"2 of {SPEAKERS} folds frozen"


def test_the_newest_version_and_one_seed_count():
    put(0, version=2), put(0, version=2, seed=1)
    assert [r.config["seed"] for r in front_door.best_group(store.find(), front_door.ROWS[0])] == [0]


def test_the_readme_is_rewritten_between_its_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{front_door.BEGIN}\nold\n{front_door.END}\nafter\n")
    assert front_door.rewrite(readme) and not front_door.rewrite(readme)
    assert front_door.part(readme) == front_door.generated()
    assert readme.read_text().startswith("before\n") and readme.read_text().endswith("\nafter\n")
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="expected one line"):
        front_door.rewrite(readme)


def test_results_are_listed_and_imported(tmp_path, monkeypatch, capsys):
    assert results() == 0
    assert "No results yet" in capsys.readouterr().out
    for fold in (0, 2):
        put(fold, data="stand-in")
    other = paths.RESULTS
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "mine")
    assert results("--import", other) == results("--import", other) == results() == 0
    out = capsys.readouterr().out
    assert "imported 2 new" in out and "imported 0 new" in out
    line = out.splitlines()[-1].split()
    assert line == ["msac_sernet", "1", "paper", "stand-in", "none", "store", "0,2", "0"]


def test_mixed_versions_are_refused(capsys):
    put(0, version=1), put(0, version=2)
    assert results() == 2
    assert "versions [1, 2] would be mixed" in capsys.readouterr().err


def test_models_that_can_be_asked_are_listed(capsys):
    assert results("--models") == 0 and "No trained model yet" in capsys.readouterr().out
    kept = put(0)
    store.write(
        store.Result(f"{kept.key}x", kept.config, {"valid_uar": 0.5}, kept.predictions, kept.curves, kept.meta,
                     new_state={"w": np.zeros(2, np.float32)})
    )  # fmt: skip
    assert results("--models") == 0
    out = capsys.readouterr().out
    assert f"{kept.key}x" in out and len(out.strip().splitlines()) == 1  # the other holds predictions only
