"""Standardising contours against the frames themselves; probes that read what is there, and nothing where nothing is."""

import numpy as np
import opensmile
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from sernb import metrics, probes, splits


def corpora(n=12, speakers=5, names=("a", "b"), seed=0):
    """Utterances of a made-up table: every speaker n times, in three emotions."""
    rows = [
        (f"{c}/{s}-{i}", c, c * 3, f"{c}/{s}", "female" if s % 2 else "male", ("anger", "fear", "joy")[i % 3])
        for c in names for s in range(speakers) for i in range(n)
    ]  # fmt: skip
    columns = ["utterance", "corpus", "language", "speaker", "gender", "emotion"]
    return pd.DataFrame(rows, columns=columns).set_index("utterance")


def noise(table, width=30, seed=0):
    names = [f"c{i}_{of}" for i in range(width // 3) for of in ("amean", "max", "stddev")]
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(len(table), width)), table.index, names)


def by_hand(y):
    """emobase's functionals of a contour, as openSMILE's handbook defines them."""
    t = np.arange(len(y))
    slope, start = np.polyfit(t, y, 1)
    error = y - (start + slope * t)
    q1, q2, q3 = np.quantile(y, [0.25, 0.5, 0.75])
    return {
        "max": y.max(), "min": y.min(), "range": np.ptp(y), "amean": y.mean(), "stddev": y.std(),
        "linregc1": slope, "linregc2": start, "linregerrA": np.abs(error).mean(), "linregerrQ": (error**2).mean(),
        "skewness": stats.skew(y), "kurtosis": stats.kurtosis(y, fisher=False),
        "quartile1": q1, "quartile2": q2, "quartile3": q3, "iqr1-2": q2 - q1, "iqr2-3": q3 - q2, "iqr1-3": q3 - q1,
        "maxPos": y.argmax(), "minPos": y.argmin(),
    }  # fmt: skip


def test_contours_are_standardised_as_if_from_the_frames():
    generator = np.random.default_rng(0)
    x = (np.sin(np.arange(24_000) * 0.08) * np.hanning(24_000) + 0.02 * generator.normal(size=24_000)) / 3
    x = x.astype(np.float32)
    taken = opensmile.Smile(opensmile.FeatureSet.emobase, opensmile.FeatureLevel.Functionals)
    framed = opensmile.Smile(opensmile.FeatureSet.emobase, opensmile.FeatureLevel.LowLevelDescriptors)
    functionals = taken.process_signal(x, 16_000).reset_index(drop=True)
    found = probes.standardise(functionals, "utterance").iloc[0]
    frames = framed.process_signal(x, 16_000)[:-3]  # openSMILE takes its functionals without the last three
    assert (
        len(frames.columns) == 26
    )  # the other 26 contours are their slopes, which it does not give by frame
    for contour in frames.columns:
        y = frames[contour].to_numpy(np.float64)
        for name, value in by_hand((y - y.mean()) / y.std()).items():
            assert found[f"{contour}_{name}"] == pytest.approx(value, rel=1e-3, abs=1e-3), (contour, name)
    with pytest.raises(ValueError, match="emobase's functionals, found .'F0'"):
        probes.standardise(pd.DataFrame({"mean_F0": [1.0]}), "utterance")


@pytest.mark.parametrize("over", ["utterance", "speaker", "corpus"])
def test_standardised_functionals_have_no_unit(over):
    table = corpora()
    x = noise(table).abs()
    tiny = x * 1e-9  # emobase's intensities are of this size
    pd.testing.assert_frame_equal(
        probes.standardise(tiny, over, table), probes.standardise(x, over, table), rtol=1e-6
    )


@pytest.mark.parametrize("over", ["speaker", "corpus"])
def test_columns_are_standardised_over_their_group(over):
    table = corpora()
    table.loc[table.index[:7], "speaker"] = np.nan  # these go together, by their corpus
    x = noise(table)
    x["c1_max"] = 5.0
    found = probes.standardise(x, over, table)
    for name, part in x.groupby(table[over].fillna("a")):
        expected = stats.zscore(part.drop(columns="c1_max").to_numpy())
        np.testing.assert_allclose(
            found.loc[part.index].drop(columns="c1_max"), expected, atol=1e-9, err_msg=name
        )
    assert (found["c1_max"] == 0).all() and probes.standardise(x, "none", table) is x
    with pytest.raises(ValueError, match="'session' is unknown"):
        probes.standardise(x, "session", table)


def test_probes_read_what_is_there_and_chance_where_nothing_is():
    table = corpora(n=24)
    x = noise(table)
    x.iloc[:, :9] += 4.0 * (table["corpus"] == "a").to_numpy()[:, None]
    who = pd.factorize(table["speaker"])[0]
    x += 2.0 * np.random.default_rng(1).normal(size=(10, 30))[who] * (np.arange(30) > 9)
    found = probes.readable(x, table, seed=0).set_index(["target", "standardised over"])
    assert list(found.index.unique("target")) == [
        "corpus",
        "gender",
        "speaker",
    ]  # the language is the corpus here
    accuracy = found["balanced accuracy"].unstack("standardised over")
    assert accuracy.loc["corpus", "none"] > 90 and accuracy.loc["speaker", "none"] > 90
    assert accuracy.loc["corpus", "corpus"] < 75 and accuracy.loc["speaker", "speaker"] < 20
    one = found.loc[("speaker", "none")]
    assert one[["classes", "chance", "corpus known", "utterances"]].tolist() == pytest.approx(
        [10, 10, 20, 240]
    )
    wide = probes.wide(found.reset_index())
    assert list(wide.columns) == [*probes.STANDARDISATIONS, "chance", "corpus known"]
    assert wide.loc["speaker", "none"] == one["balanced accuracy"] and list(wide.index) == list(
        accuracy.index
    )
    assert found.loc[("corpus", "none"), ["chance", "corpus known"]].tolist() == [50, 100]


def test_a_machine_sees_nothing_of_what_it_is_asked():
    table = corpora()
    x, labels = noise(table, width=6), table["emotion"].copy()
    labels.iloc[:20] = np.nan
    folds = splits.speaker_folds(table, seed=0)
    found = probes.predict(x, labels, folds)
    assert sorted(found.index) == sorted(labels.dropna().index)
    x.loc[folds[0].test] *= -3  # what is asked of the first fold changes none of its machine
    labels.loc[folds[0].test] = "fear"
    again = probes.predict(x, labels, folds[:1])
    x.loc[folds[0].test] /= -3
    pd.testing.assert_series_equal(probes.predict(x, labels, folds[:1]), found.loc[again.index])


def test_situations_differ_in_what_was_heard_before():
    table = corpora(speakers=6, names=("a", "b", "c"))
    for situation, folds in probes.situations(table, seed=0).items():
        tested = pd.Index(np.concatenate([f.test for f in folds]))
        assert sorted(tested) == sorted(table.index)
        for fold in folds:
            train, test = (table.loc[ids] for ids in (fold.train.append(fold.valid), fold.test))
            assert set(test["speaker"]) <= set(train["speaker"]) or situation != "seen speakers"
            assert not set(test["speaker"]) & set(train["speaker"]) or situation == "seen speakers"
            assert not set(test["corpus"]) & set(train["corpus"]) or situation != "unseen corpus"
            assert set(test["corpus"]) <= set(train["corpus"]) or situation == "unseen corpus"
    assert list(probes.situations(corpora(names=("a",)), seed=0)) == ["seen speakers", "unseen speakers"]


def test_recalls_of_every_corpus_with_their_interval():
    table = corpora()
    x = noise(table)
    x["c0_amean"] += 5.0 * (table["emotion"] == "anger")
    predicted = probes.emotions(x, table, probes.situations(table, seed=0))
    found = probes.recalls(predicted, draws=50, seed=0)
    assert (
        len(found) == 2 * 3 * 4 and (found["unit"] == "speaker").all() and (found["utterances"] == 60).all()
    )
    assert (found["low"] <= found["UAR"]).all() and (found["UAR"] <= found["high"]).all()
    one = predicted[(predicted["corpus"] == "b") & (predicted["situation"] == "unseen corpus")]
    one = one[one["standardised over"] == "corpus"]
    row = found[(found["corpus"] == "b") & (found["situation"] == "unseen corpus")]
    expected = balanced_accuracy_score(one["emotion"], one["predicted"])
    assert row.set_index("standardised over")["UAR"]["corpus"] == pytest.approx(100 * expected)
    assert metrics.uar(one["emotion"], one["predicted"]) > 0.5
    wide = probes.wide(found.sample(frac=1, random_state=0))
    assert list(wide.index.unique("situation")) == list(probes.SITUATIONS)
    assert wide.loc[("unseen corpus", "b"), "corpus"] == pytest.approx(100 * expected)
    table.loc[(table["corpus"] == "a") & (table["emotion"] == "joy"), "emotion"] = "boredom"
    fewer = probes.emotions(x, table, {"unseen corpus": splits.leave_one_corpus_out(table, seed=0)})
    assert set(fewer["emotion"]) == set(fewer["predicted"]) == {"anger", "fear"} and len(fewer) == 80 * 4
    few = probes.recalls(predicted[predicted["speaker"].isin(["a/0", "a/1"])], draws=20, seed=0)
    assert (few["unit"] == "utterance").all()


def test_emotions_in_common():
    table = corpora(names=("a", "b"))
    table.loc[(table["corpus"] == "b") & (table["emotion"] == "fear"), "emotion"] = "boredom"
    table.iloc[0, table.columns.get_loc("emotion")] = np.nan
    assert probes.common_emotions(table) == ["anger", "joy"]
    table.loc[table["corpus"] == "b", "emotion"] = "shame"
    with pytest.raises(
        ValueError, match="share no emotion; expected two or more. They have a: anger, fear, joy; b: shame"
    ):
        probes.common_emotions(table)


def test_attributes_that_are_one_by_two_names_are_found():
    table = pd.DataFrame({
        "corpus": ["a", "a", "b", "b"], "language": ["deu", "deu", "ita", np.nan],
        "gender": ["female", "male", "female", "male"], "speaker": ["a/1", "a/2", "b/1", "b/2"],
    })  # fmt: skip
    assert probes.coinciding(table) == [("corpus", "language")]
    assert probes.coinciding(table.assign(language="deu")) == []
    assert ("gender", "speaker") in probes.coinciding(table.iloc[:2])
