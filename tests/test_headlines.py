"""The README's tables of real runs: made of frozen predictions, compared with a count by hand."""

import shlex

import numpy as np
import pandas as pd
import pytest

from sernb import cli, frozen, headlines, notebooks, paths, real_runs, store

BASE = {"preset": "tuned", "corpus": "emodb", "variant": "Base", "model": "base"}
CLASSES = ["anger", "neutral"]


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")


def put(study, wrong, fold=0, seed=0, folds=2, parts=("test",), metrics=None, **config):
    """A stored real run: 5 speakers a part, each 4 utterances, the first `wrong` utterances of a part misread."""
    frames = []
    for part in parts:
        truth = np.array(CLASSES * 10)
        guess = truth.copy()
        guess[:wrong] = [CLASSES[t == "anger"] for t in truth[:wrong]]
        place = "emovo" if part == "unseen" else "emodb"
        frame = pd.DataFrame(
            {"speaker": [f"{place}/{fold}{i // 4}" for i in range(20)], "emotion": truth, "predicted": guess}
        )
        frame.index = pd.Index([f"{place}/{fold}-{i}" for i in range(20)], name="utterance")
        frames.append(frame.assign(part=part, fold=str(fold)))
    preset = real_runs.PRESETS[config.get("of", study)][config["preset"]]
    whole = {"data": "real", "fold": fold, "seed": seed, **preset, **config}
    meta = {
        "study": study, "version": 1, "preset": config["preset"], "data": "real", "folds": folds, "fold": str(fold),
        "overrides": preset | {k: v for k, v in config.items() if k not in ("preset", "of", "probe")}, "seconds": 1.0,
        "device": "a machine", "dtype": "float32", "started": 0.0,
    }  # fmt: skip
    key = store.key(study, 1, config["preset"], {"data": "real", **config}, fold, seed, "digest")
    made = store.Result(key, whole, metrics or {}, pd.concat(frames), pd.DataFrame({"epoch": [0]}), meta)
    store.write(made)


def table(title):
    """The lines of one section's table, cells stripped."""
    text = next(t for t in headlines.markdown().split("\n\n**") if title in t)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]


def test_without_frozen_runs_nothing_is_said():
    put("msac_sernet", 0, **BASE)
    assert headlines.markdown() == ""  # it is in the store, but not frozen
    assert headlines.markdown("12_cross_corpus") == "No real run is frozen yet."
    with pytest.raises(ValueError, match="no table of real runs belongs to '99_none'"):
        headlines.markdown("99_none")


def test_control_shows_scores_p_and_what_the_probe_reads():
    for fold in range(2):
        base = {"preset": "tuned", "corpus": "emodb", "fold": fold}
        put("msac_sernet", 6, **base, variant="Base", model="base")
        put("msac_sernet", 1, **base, variant="Base+MSAC", model="base")
        read = {"read_gender": 0.8 + fold / 10, "chance_gender": 0.5}
        put("control", 1, **base, variant="Base+MSAC", of="msac_sernet", probe=0, metrics=read)
    frozen.freeze()
    head, first, second = table("does control control")
    assert first[1] == "Base" and first[2].startswith("70.0 [") and second[2].startswith("95.0 [")
    found = dict(zip(head, second, strict=True))
    assert float(found["p (McNemar, to Base)"]) == pytest.approx(
        2 / 2**10, rel=0.05
    )  # ten discordant, all one way
    assert (
        found["gender read / chance"] == "85.0 / 50.0"
        and dict(zip(head, first, strict=True))["gender read / chance"] == "–"
    )


def test_a_variant_with_folds_missing_is_no_line():
    put("msac_sernet", 1, **BASE)
    frozen.freeze()
    assert headlines.markdown() == ""
    put("msac_sernet", 1, fold=1, **BASE)
    frozen.freeze()
    assert table("does control control")[1][:2] == ["tuned", "Base"]


def test_a_run_older_than_a_field_had_its_default():
    for fold in range(2):
        put(
            "msac_sernet", 6, fold=fold, preset="paper", corpus="emodb", model="base"
        )  # before there were variants
    frozen.freeze()
    assert table("does control control")[1][:2] == ["paper", "Base"]


def test_paper_4_is_compared_with_its_baseline():
    both = {"preset": "reduced", "parts": ("test", "unseen"), "corpus": "emodb+ravdess", "unseen": "emovo"}
    for seed in range(2):
        put("attributes_in_the_wild", 8, **both, seed=seed, approach="baseline", attributes="")
        put("attributes_in_the_wild", 6, **both, seed=seed, approach="GR", attributes="corpus")
    frozen.freeze()
    head, first, second = table("Paper 4")
    assert first[:2] == ["baseline", "none"] and second[:2] == ["GR", "corpus"]
    assert dict(zip(head, second, strict=True))["in-domain, less baseline"] == "+10.0"
    assert dict(zip(head, first, strict=True))["emovo"].startswith("60.0 [")
    assert (
        "GR: 1 of 1 sets beat the baseline everywhere, on average in-domain +10.0 (0 at p < 0.05), emovo +10.0 (0 at p < 0.05)."
        in headlines.markdown()
    )


def test_a_gain_of_paper_4_that_chance_does_not_explain_is_counted():
    both = {"preset": "reduced", "parts": ("test", "unseen"), "corpus": "emodb+ravdess", "unseen": "emovo"}
    put("attributes_in_the_wild", 8, **both, approach="baseline", attributes="")
    put(
        "attributes_in_the_wild", 2, **both, approach="MTL", attributes="corpus"
    )  # six that only it gets right
    put(
        "attributes_in_the_wild", 14, **both, approach="GR", attributes="corpus"
    )  # six that only the baseline does
    frozen.freeze()
    said = headlines.markdown("41_single_attributes")
    assert "MTL: 1 of 1 sets beat the baseline everywhere, on average in-domain +30.0 (1 at p < 0.05)" in said
    assert "GR: 0 of 1 sets beat the baseline everywhere, on average in-domain -30.0 (0 at p < 0.05)" in said


def test_corpora_crossed_hold_every_normalisation():
    for normalisation, wrong in (("train", 8), ("corpus", 2)):
        for variant in ("Base", "Base+MSAC"):
            put("msac_sernet", wrong, preset="reduced", corpus="emodb+ravdess", unseen="emovo", classes="five",
                parts=("test", "unseen"), variant=variant, normalisation=normalisation, model="base")  # fmt: skip
    frozen.freeze()
    lines = [line[:2] + [line[2][:4]] for line in table("across corpora")[1:]]
    transductive = "per corpus (transductive)"
    assert lines == [
        ["Base", "pooled", "60.0"], ["Base+MSAC", "pooled", "60.0"],
        ["Base", transductive, "90.0"], ["Base+MSAC", transductive, "90.0"],
    ]  # fmt: skip


def test_what_control_and_normalisation_gain_across_corpora_is_said():
    wrong = {
        ("train", "Base"): 8,
        ("train", "Base+MSAC"): 2,
        ("corpus", "Base"): 3,
        ("utterance", "Base+MSAC"): 1,
    }
    for (normalisation, variant), errors in wrong.items():
        put("msac_sernet", errors, preset="reduced", corpus="emodb+ravdess", unseen="emovo", classes="five",
            parts=("test", "unseen"), variant=variant, normalisation=normalisation, model="base")  # fmt: skip
    frozen.freeze()
    said = headlines.markdown("12_cross_corpus")
    both = "held-out {0}, unseen {0}".format
    gained = both("+30.0 (p 0.031)")  # six utterances that only MSAC gets right
    assert f"Base+MSAC less Base, UAR: pooled, {gained}. Better at p < 0.05 in 2 of 2." in said
    own = both("+25.0 (p 0.062)")
    assert f"A corpus's own statistics less pooled ones, UAR: Base, {own}." in said


def test_enrolment_is_averaged_over_tasks_draw_by_draw():
    """Two tasks, two draws: 3 of 4 and 4 of 4 right in one task, 2 of 4 and 1 of 4 in the other."""
    right = {"neutral | fear": [[1, 1, 1, 0], [1, 1, 1, 1]], "neutral | calm": [[1, 0, 1, 0], [0, 0, 1, 0]]}
    for loss, turned in (("NAMP", False), ("AProto", True)):
        frames = []
        for task, draws in right.items():
            truth = np.array([False, False, True, True])
            said = np.array([np.where(np.array(d, bool), truth, ~truth) for d in draws])
            said = ~said if turned else said
            target = task.split(" | ")[1]
            frame = pd.DataFrame(
                {"emotion": np.where(truth, target, "neutral"), "d0": said[0], "d1": said[1], "task": task}
            )
            frame["predicted"] = np.where(said[0], target, "neutral")
            frames.append(frame.assign(speaker="r/1", fold="0"))
            frame.index.name = "utterance"
        whole = pd.concat(f.rename(index="r/{}".format) for f in frames)
        config = {**real_runs.PRESETS["enroll_to_verify"]["reduced"], "preset": "reduced", "corpus": "ravdess",
                  "enrol_corpus": "", "loss": loss, "data": "real", "fold": 0, "seed": 0}  # fmt: skip
        meta = {"study": "enroll_to_verify", "version": 1, "preset": "reduced", "data": "real", "folds": 1, "fold": "0",
                "overrides": {}, "seconds": 1.0, "device": "a", "dtype": "float32", "started": 0.0}  # fmt: skip
        key = store.key("enroll_to_verify", 1, "reduced", config, 0, 0, "digest")
        store.write(store.Result(key, config, {}, whole, pd.DataFrame({"epoch": [0]}), meta))
    frozen.freeze()
    head, first, second = table("unseen emotions against neutral")
    assert [first[0], second[0]] == ["AProto", "NAMP"]
    found = dict(zip(head, second, strict=True))
    assert found["neutral or fear"].startswith("87.5 [") and found["neutral or calm"].startswith("37.5 [")
    assert found["mean over tasks"].startswith("62.5 [62.5, 62.5] / ")
    assert "as printed, changes the mean UAR of AProto by +25.0 points, p " in headlines.markdown()


def test_other_settings_and_earlier_presets_are_other_runs():
    for fold in range(2):
        base = {"preset": "tuned", "corpus": "emodb", "fold": fold, "variant": "Base", "model": "base"}
        put("msac_sernet", 6, **base)
        put("msac_sernet", 0, **base, dropout=0.3)
        put("msac_sernet", 0, **base, epochs=99)
    frozen.freeze()
    assert [line[2][:4] for line in table("does control control")[1:]] == ["70.0"]


def test_a_notebook_shows_its_own_sections_without_links():
    put("msac_sernet", 1, preset="tuned", corpus="emodb", variant="Base", model="base", folds=1)
    put("attributes_in_the_wild", 8, preset="reduced", parts=("test", "unseen"), corpus="emodb+ravdess", unseen="emovo",
        approach="baseline", attributes="")  # fmt: skip
    frozen.freeze()
    shown = headlines.markdown("41_single_attributes")
    assert "Paper 4" in shown and "Paper 1" not in shown and "](" not in shown


@pytest.mark.parametrize("section", headlines.SECTIONS, ids=lambda s: s.title)
def test_a_tables_command_is_one_that_its_notebook_understands(section):
    chosen = cli.parser().parse_args(shlex.split(section.command({}))[1:])
    (book,) = notebooks.find(chosen.notebooks)
    assert book.path.with_suffix("").as_posix().endswith(f"notebooks/{section.notebook}")
    given = {name: notebooks.value(text) for name, text in chosen.parameters}
    passed = notebooks.choose(book, given, {"preset": chosen.preset, "data": chosen.data})
    assert passed["data"] == "real" and given.items() <= passed.items()
    name = section.notebook.rpartition("/")[2]
    assert any(f'headlines.markdown("{name}")' in c.source for c in book.read().cells), (
        "the notebook shows it"
    )
