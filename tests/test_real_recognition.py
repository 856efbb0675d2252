"""README tables of papers 1 (detection) and 2: values and verdicts against counts by hand."""

import frozen_runs
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sernb import headlines, ood, paths
from sernb.studies.gmp_atl_config import ROWS

EMODB = {"corpus": "emodb", "classes": "all", "division": "speaker"}
CE, AMS, PSEUDO_CE, PSEUDO_AMS = ROWS


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")


def one_speaker(fold, wrong, angry=12):
    """Twenty utterances of one speaker, 12 of them angry, of which the first `wrong` are taken for neutral."""
    truth = ["anger"] * angry + ["neutral"] * (20 - angry)
    return frozen_runs.predictions({f"emodb/{fold}": (truth, ["neutral"] * wrong + truth[wrong:])}, fold=fold)


def table_3(wrong, folds=range(3)):
    """Runs of Table 3's rows and of the SVM, of so many errors a fold."""
    for name, errors in wrong.items():
        row = ROWS.get(name, {"model": "svm"})
        for fold in folds:
            frame = one_speaker(fold, errors)
            frozen_runs.put("gmp_atl", "reduced", frame, folds=10, fold=fold, **EMODB, **row)


def paper_1(wrong, fold, **labels):
    for variant in ("Base", "Base+MSAC"):
        frame = one_speaker(fold, wrong, **labels)
        frozen_runs.put("msac_sernet", "tuned", frame, folds=10, fold=fold, variant=variant)


def test_rows_are_scored_on_the_folds_that_all_have():
    table_3({CE: 6, AMS: 6, PSEUDO_CE: 2, PSEUDO_AMS: 3, "SVM": 9})
    table_3({CE: 0, "SVM": 0}, folds=[3, 4])  # the other rows have not come so far
    for fold in range(10):
        paper_1(1, fold)
    frozen_runs.put(
        "gmp_atl", "reduced", one_speaker(0, 0), folds=10, **EMODB, gender_weight=0.0
    )  # another setting
    lines, said = frozen_runs.section("22_adaptive_transfer")
    tuned = "MSAC-SERNet (paper 1, tuned): "
    assert [line["model"] for line in lines] == [*ROWS, "emobase + SVM", f"{tuned}Base", f"{tuned}Base+MSAC"]
    assert {line["folds"] for line in lines} == {"3 of 10"}
    for line, wrong in zip(lines, (6, 6, 2, 3, 9, 1, 1), strict=True):
        assert line["UAR"].startswith(f"{100 * (1 - wrong / 12 + 1) / 2:.1f} [")
        assert line["WAR"].startswith(f"{100 * (1 - wrong / 20):.1f} [")
    ps = [line[f"p (McNemar, to {CE})"] for line in lines]
    # 0, 12, 9, 9 and 15 utterances that one of the two gets right, each time the same
    assert ps[:2] == ["–", "1"]
    assert [float(p) for p in ps[2:]] == pytest.approx([2 / 2**n for n in (12, 9, 9, 15, 15)], rel=0.05)
    assert (
        lines[0]["the paper on IEMOCAP, UAR / WAR"] == "78.0 / 75.8"
        and lines[4]["the paper on IEMOCAP, UAR / WAR"] == "–"
    )
    assert "with CE +16.7 / +20.0 points (p 0.00049); with AM-Softmax +12.5 / +15.0 points (p 0.0039)" in said
    assert said.count("shows, at p < 0.05, in 2 of 2.") == 1  # of pseudo-labels
    assert (
        "without pseudo-labels +0.0 / +0.0 points (p 1)" in said and "shows, at p < 0.05, in 0 of 2." in said
    )
    assert "The whole method less the SVM, UAR / WAR: +25.0 / +30.0 points (p 7.6e-06)." in said
    assert headlines.markdown("22_adaptive_transfer").endswith("-p folds '[0, 1, 2]'`")


def test_the_verdict_on_pseudo_labels_follows_the_numbers():
    table_3({CE: 2, AMS: 2, PSEUDO_CE: 6, PSEUDO_AMS: 3})
    _, said = frozen_runs.section("22_adaptive_transfer")
    assert "with CE -16.7 / -20.0 points (p 0.00049)" in said
    assert (
        said.count("shows, at p < 0.05, in 0 of 2.") == 1
        and said.count("shows, at p < 0.05, in 1 of 2.") == 1
    )  # AM-Softmax once helps


def test_paper_1s_rows_need_the_same_utterances_with_the_same_labels():
    table_3({CE: 2}, folds=range(10))
    for fold in range(10):
        paper_1(1, fold, angry=11)
    lines, _ = frozen_runs.section("22_adaptive_transfer")
    assert [line["model"] for line in lines] == [CE] and lines[0]["folds"] == "10 of 10"
    assert "-p folds" not in headlines.markdown("22_adaptive_transfer")


def test_the_classical_baseline_alone_is_no_table_of_paper_2():
    table_3({"SVM": 2})
    assert frozen_runs.section("22_adaptive_transfer") == ([], "")


def scored(seed, apart):
    """Scores of 40 utterances inside and 20 outside of two test speakers, and 30 of others; `apart` by detector."""
    draw = np.random.default_rng(seed)
    outside = np.repeat([0.0, 1.0], [40, 50])
    index = pd.Index([f"u{i}" for i in range(90)], name="utterance")
    frame = pd.DataFrame({
        "speaker": np.where(np.arange(90) < 60, [f"emodb/{i % 2}" for i in range(90)], "emodb/9"), "emotion": "anger",
        "predicted": "anger", "fold": "seed 0", "part": np.where(outside, "OOD", "ID"), "heard": np.arange(90) >= 60,
    }, index)  # fmt: skip
    return frame.assign(
        **{f"d_{d}": (draw.normal(size=90) + a * outside).astype(np.float32) for d, a in apart.items()}
    )


def reliable(variant, seed, frame):
    frozen_runs.put("reliability", "reduced", frame, folds=10, corpus="emodb+ravdess", unseen="emovo", classes="five",
                    variant=variant, seed=seed, extra={"epsilon": 0.0014, "temperature": 1000.0})  # fmt: skip


@pytest.mark.parametrize(
    ("msac", "told"),
    [(2.5, "it helps"), (1.0, "no difference that these draws can tell"), (-0.5, "it hurts")],
)
def test_detection_of_other_emotions(msac, told):
    by_hand = {}
    for variant, apart in (("Base", 1.0), ("Base+MSAC", msac)):
        for seed in (0, 1):
            frame = scored(seed + 10 * (variant != "Base"), {"KNN": apart} | dict.fromkeys(ood.PAPER, apart))
            reliable(variant, seed, frame)
            asked = frame[~frame["heard"]]
            for d in ("KNN", *ood.PAPER):
                found = roc_auc_score(asked["part"] == "OOD", asked[f"d_{d}"])
                by_hand[variant, d] = by_hand.get((variant, d), 0) + 100 * found / 2
    reliable("Base+AGR", 0, scored(0, dict.fromkeys(("KNN", *ood.PAPER), 9.0)))  # one seed only: left out
    lines, said = frozen_runs.section("13_reliability")
    assert [line["detector"] for line in lines] == [*ood.PAPER, "KNN"] and set(lines[0]) == {
        "detector",
        "Base",
        "Base+MSAC",
    }
    for line in lines:
        here = {v: by_hand[v, line["detector"]] for v in ("Base", "Base+MSAC")}
        for variant, value in here.items():
            assert line[variant].startswith("**") == (value == max(here.values()))
            assert line[variant].strip("*").startswith(f"{value:.1f} [")
    assert said.startswith("2 test speakers, 40 utterances of taught emotions and 20 of others. Less Base, ")
    gain = np.mean([by_hand["Base+MSAC", d] - by_hand["Base", d] for d in ood.PAPER])
    assert f"mean of the paper's 5 detectors: Base+MSAC AUROC {gain:+.1f} [" in said and f": {told}." in said
    assert said.endswith("In the paper's Table IX MSAC has the higher AUROC with 4 of 5.")


def test_other_constants_of_odin_are_another_run():
    reliable("Base", 0, scored(0, {"ODIN": 1.0}))
    frame = scored(1, {"ODIN": 1.0})
    frozen_runs.put(
        "reliability", "reduced", frame, folds=10, corpus="emodb+ravdess", unseen="emovo", classes="four"
    )
    lines, said = frozen_runs.section("13_reliability")
    assert len(lines) == 1 and not said.startswith("Base")


def test_the_papers_single_test_speaker_is_scored_here_too():
    """Table VI is of speaker 12 for Base and of 10 for MSAC, by its denominators."""
    for fold, speaker in enumerate(("10", "12")):
        for variant, errors in {"Base": 3, "Base+MSAC": 6}.items():
            truth = ["anger"] * 12 + ["neutral"] * 8
            frame = frozen_runs.predictions(
                {
                    f"emodb/{speaker}": (
                        truth,
                        ["neutral"] * errors * (1 + fold) + truth[errors * (1 + fold) :],
                    )
                },
                fold=fold,
            )
            frozen_runs.put("msac_sernet", "tuned", frame, folds=2, fold=fold, variant=variant)
    lines, _ = frozen_runs.section("11_single_corpus")
    paper, here = "the paper's UAR / WAR, of one speaker", "the same speaker here"
    assert [line[paper] for line in lines] == ["80.5 / 85.7 (12)", "93.2 / 92.1 (10)"]
    assert [line[here] for line in lines] == ["75.0 / 70.0", "75.0 / 70.0"]  # six of twelve angry wrong, both
