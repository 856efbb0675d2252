"""Tables from stored predictions: parts, comparisons, and what they must say about themselves."""

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from sernb import plots, reported, splits, store, tables


def result(fold, right, corpus="x", seed=0, part=None):
    """Twelve utterances of one speaker, the `right` ones recognised; `part` gives some of them another part."""
    truth = np.array(["anger", "joy"] * 6)
    predicted = np.where(right, truth, np.roll(truth, 1))
    frame = pd.DataFrame(
        {"speaker": f"x/{fold}", "emotion": truth, "predicted": predicted, "fold": str(fold)}
    )
    frame.index = pd.Index([f"x/{fold}-{i}" for i in range(12)], name="utterance")
    if part is not None:
        frame["part"] = part
    meta = {"fold": str(fold), "classes": ["anger", "joy"]}
    return store.Result(f"k{fold}{seed}", {"seed": seed, "corpus": corpus}, {}, frame, pd.DataFrame(), meta)


def models(seed, folds=6):
    generator = np.random.default_rng(seed)
    return [result(f, generator.uniform(size=12) < 0.6) for f in range(folds)]


def test_mcnemar_over_pooled_folds_against_statsmodels():
    a, b = models(1), models(2)
    hits = [
        np.concatenate([(r.predictions["emotion"] == r.predictions["predicted"]) for r in m]) for m in (a, b)
    ]
    both = [
        [(hits[0] & hits[1]).sum(), (hits[0] & ~hits[1]).sum()],
        [(~hits[0] & hits[1]).sum(), (~hits[0] & ~hits[1]).sum()],
    ]
    expected = mcnemar(both, exact=True).pvalue
    assert tables.mcnemar(a, b) == pytest.approx(expected)
    assert tables.mcnemar(a, b[::-1]) == pytest.approx(expected)  # utterances are matched, not positions
    rows = tables.recognition("A", a, against=b).set_index("metric")
    assert rows.loc["WAR", "p (McNemar)"] == pytest.approx(expected)
    with pytest.raises(ValueError, match="72 and 60, 60 shared"):
        tables.mcnemar(a, b[:5])


def test_an_utterance_that_several_seeds_tested_is_one_utterance_to_mcnemar():
    """Twelve utterances, A better at five of them: whether one seed says so or ten, p is the binomial's 2 / 2**5."""
    better, worse = np.ones(12, bool), np.arange(12) >= 5
    for seeds in (1, 10):
        a, b = ([result(0, right, seed=s) for s in range(seeds)] for right in (better, worse))
        assert tables.mcnemar(a, b) == pytest.approx(2 / 2**5)
    mixed = [result(0, worse, seed=0), result(0, better, seed=1), result(0, better, seed=2)]
    assert tables.mcnemar(mixed, [result(0, better, seed=s) for s in range(3)]) == pytest.approx(2 / 2**5)
    first, second = ([result(0, right, seed=s) for s, right in enumerate(order)]
                     for order in ((better, worse), (worse, better)))  # fmt: skip
    assert tables.mcnemar(first, second) == 1  # a tie at every utterance


def test_what_was_not_run_says_so_beside_the_papers_number():
    rows = tables.recognition("A", [], {"UAR": 80.0, "WAR": 85.0}).set_index("metric")
    assert (rows["interval"] == "not run").all() and rows.loc["WAR", "reported"] == 85.0
    assert (
        "not run" in tables.show([rows.reset_index(), tables.recognition("B", models(1))], "real").to_html()
    )


def test_an_unseen_corpus_is_pooled_apart():
    part = np.array(["test"] * 6 + ["unseen"] * 6)
    runs = [result(f, np.arange(12) < 6, part=part) for f in range(5)]
    assert len(tables.pool(runs)) == 30 == len(tables.pool(runs, "unseen"))
    assert (tables.by_fold(runs)["WAR"] == 100).all()
    unseen = tables.pool(runs, "unseen")
    assert (unseen["emotion"] != unseen["predicted"]).all()


def test_a_cross_corpus_table_has_held_out_speakers_and_the_unseen_corpus():
    part = np.array(["test"] * 8 + ["unseen"] * 4)
    runs = [result(f, np.arange(12) < 6 + f, corpus="x+y", part=part) for f in range(2)]
    rows = tables.generalisation("A", runs, {"WAR": 50.0}, against=runs).set_index("metric")
    assert list(rows.index) == ["WAR", "UAR", "OOD WAR/UAR"]
    assert rows.loc["WAR", "here"] == 100 * 13 / 16 and rows.loc["WAR", "difference"] == pytest.approx(31.25)
    assert rows.loc["OOD WAR/UAR", "here"] == 0 and (rows["p (McNemar)"] == 1).all()
    assert (rows.loc["WAR", "lowest draw"], rows.loc["WAR", "highest draw"]) == (75.0, 87.5)
    assert list(tables.generalisation("A", [])["interval"]) == ["not run"] * 3
    alone = [result(f, np.arange(12) < 6) for f in range(2)]
    assert list(tables.generalisation("A", alone)["metric"]) == ["WAR", "UAR"]


def test_domains_find_the_papers_cell_whatever_the_order_of_the_attributes():
    printed = reported.table("attributes_in_the_wild", 3)
    rows = tables.domains("MTL", "language+gender+corpus", [], printed).set_index("domain")
    assert rows.loc["TESS", "reported"] == 52.90 and (rows["interval"] == "not run").all()
    single = tables.domains("MTL", "speaker", [], reported.table("attributes_in_the_wild", 2)).set_index(
        "domain"
    )
    assert single.loc["TESS", "reported"] == 52.25 and math.isnan(single.loc["in-domain", "reported"])
    base = tables.domains("baseline", "", [], printed).set_index("domain")
    assert base.loc["TESS", "reported"] == 49.48
    part = np.array(["test"] * 6 + ["unseen"] * 6)
    runs = [result(0, np.arange(12) < 3 + seed, corpus="a+b", seed=seed, part=part) for seed in range(2)]
    for run in runs:
        run.config["unseen"] = "x"
    here = tables.domains("GR", "corpus", runs).set_index("domain")
    assert here.loc["in-domain", "here"] == pytest.approx(100 * (1 / 2 + 2 / 3) / 2, abs=0.01)
    assert here.loc["x", "here"] == 0 and here.loc["x", "trainings"] == 2


def test_draws_of_speakers_may_repeat_an_utterance_and_folds_may_not():
    right = np.ones(12, bool)
    two = [result(0, right, corpus="x+y"), result(0, right, corpus="x+y")]
    two[1].predictions["fold"] = "1"
    assert len(tables.pool(two)) == 24
    with pytest.raises(ValueError, match="tested twice"):
        tables.pool([result(0, right), result(0, right)])


def test_titles_and_tables_declare_what_must_not_be_overlooked():
    index = pd.Index(["a"])
    fold = splits.Fold("f", index, index, index, shared_speakers=True)
    assert plots.marked("MELD", "real") == "MELD"
    assert plots.marked("MELD", splits.declared("real", [fold])) == "MELD (shared speakers)"
    assert plots.marked("MELD", splits.declared("stand-in", [fold])) == "MELD (stand-in, shared speakers)"
    assert splits.declared("real", [splits.Fold("f", index, index, index)]) == "real"
    row = tables.recognition("A", models(1))
    assert "SHARED SPEAKERS" in tables.show([row], "stand-in, shared speakers").to_html()
    assert "stand-in" in tables.show([row], "stand-in").to_html()
    assert math.isnan(row["p (McNemar)"].iloc[0])
