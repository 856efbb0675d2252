"""Levels against their definition, examples and clips, and maps that keep what is apart apart."""

import io
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
import soundfile

from sernb import audio, overview


def packed(*waves):
    lengths = [len(x) for x in waves]
    return audio.Pack(
        ids=pd.Index([f"x/{i}" for i in range(len(waves))], name="utterance"),
        samples=np.concatenate([audio.to_int16(x) for x in waves]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        peaks=np.array([np.abs(x).max() for x in waves], np.float32),
        digests=np.array([str(i) for i in range(len(waves))]),
    )


def rows(*each):
    columns = ["utterance", "corpus", "language", "speaker", "gender", "emotion", "end"]
    table = pd.DataFrame(each, columns=columns).set_index("utterance")
    return table.assign(start=0.0, level=-20.0, peak=-3.0, floor=-60.0)


def test_levels_of_a_sine_and_its_pause():
    sine = 0.5 * np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000)
    quiet = 0.001 * np.sin(2 * np.pi * 200 * np.arange(4000) / 16_000)
    found = overview.levels(packed(sine, np.concatenate([sine, quiet]), np.zeros(100) + 0.25))
    half = 20 * np.log10(0.5)
    np.testing.assert_allclose(found.loc["x/0"], [half - 3.0103, half, half - 3.0103], atol=0.01)
    energy = (0.125 * 16_000 + 0.5e-6 * 4000) / 20_000
    np.testing.assert_allclose(found.loc["x/1", "level"], 10 * np.log10(energy), atol=0.01)
    np.testing.assert_allclose(found.loc["x/1", "floor"], -60 - 3.01, atol=0.3)
    np.testing.assert_allclose(found.loc["x/2"], 20 * np.log10(0.25), atol=0.01)  # shorter than a frame
    silent = overview.levels(packed(np.concatenate([sine, np.zeros(16_000)])))
    assert silent.loc["x/0", "floor"] == pytest.approx(20 * np.log10(1 / 32768))


def test_summary_counts_by_hand():
    table = rows(
        ("b/1", "b", "eng", "b/x", "female", "anger", 1.0),
        ("b/2", "b", "eng", "b/x", "female", "anger", 2.0),
        ("b/3", "b", "eng", "b/y", "male", "sadness", 6.0),
        ("b/4", "b", "eng", "b/y", "male", "anger", 3.0),
        ("a/1", "a", np.nan, np.nan, np.nan, np.nan, 3.0),
        ("a/2", "a", np.nan, "a/z", np.nan, "fear", 3.0),
    )
    found = overview.summary(table)
    assert list(found.index) == ["b", "a"]
    assert found.loc["b", ["women", "men", "gender unknown", "emotions"]].tolist() == [1, 1, 0, 2]
    assert found.loc["b", ["minutes", "seconds", "rarest / %", "commonest / %"]].tolist() == [
        0.2,
        2.5,
        25,
        75,
    ]
    assert found.loc["a", ["women", "men", "gender unknown", "emotions"]].tolist() == [0, 0, 1, 1]


def test_examples_one_corpus_a_language_and_typical():
    table = rows(
        *[(f"a/{i}", "a", "deu", "a/m", "male", "anger", 2.0) for i in range(3)],
        *[(f"a/w{i}", "a", "deu", "a/w", "female", "anger", s) for i, s in enumerate([9.0, 1.0, 4.0])],
        ("b/1", "b", "deu", "b/1", "female", "anger", 1.0),
        ("c/1", "c", "ita", "c/1", "male", "anger", 1.0),
        ("c/2", "c", "ita", "c/1", "male", "boredom", 1.0),
    )
    two = overview.examples(table, ["boredom", "anger"], corpora=2)
    assert two.to_dict() == {"a": {"anger": "a/w2"}, "c": {"anger": "c/1"}}
    assert list(overview.examples(table, ["anger"]).columns) == ["a", "c", "b"]


def test_speech_is_what_is_heard_and_players_play_it():
    sine = 0.01 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000)
    x = np.concatenate([np.zeros(4800), sine, np.zeros(3200)])
    found = overview.speech(x, 16_000)
    np.testing.assert_allclose(found, 50 * sine, atol=1e-6)
    assert len(overview.speech(x, 16_000, 0.1)) == 1600
    html = overview.players(pd.DataFrame({"emodb": [found]}, ["anger"]), 16_000)
    coded = html.split("base64,")[1].split('"')[0]
    heard, rate = soundfile.read(io.BytesIO(b64decode(coded)))
    assert rate == 16_000 and len(coded) < 8000
    assert np.argmax(np.abs(np.fft.rfft(heard[:8000]))) == pytest.approx(220, abs=2)  # bins of 2 Hz


@pytest.mark.parametrize("method", ["t-SNE", pytest.param("UMAP", marks=pytest.mark.slow)])
def test_maps_keep_groups_apart(method):
    generator = np.random.default_rng(0)
    labels = pd.Series(np.repeat(["a", "b", "c"], 30))
    x = generator.normal(size=(90, 60)) + 20 * np.eye(3).repeat(20, axis=1)[labels.factorize()[0]]
    xy = overview.in_two_dimensions(x, method, seed=0)
    assert xy.shape == (90, 2)
    assert overview.same_neighbours(xy, labels)[0] > 0.95
    np.testing.assert_array_equal(xy, overview.in_two_dimensions(x, method, seed=0))
    with pytest.raises(ValueError, match="'PCA' is unknown"):
        overview.in_two_dimensions(x, "PCA", 0)


def test_same_neighbours_by_counting():
    generator = np.random.default_rng(0)
    x, labels = generator.normal(size=(40, 5)), pd.Series(generator.choice(["a", "b"], 40))
    labels[3] = np.nan
    shares = []
    for i in set(range(40)) - {3}:
        others = sorted(set(range(40)) - {3, i}, key=lambda j: np.sum((x[i] - x[j]) ** 2))
        shares.append(np.mean([labels[j] == labels[i] for j in others[:4]]))
    found, chance = overview.same_neighbours(x, labels, k=4)
    assert found == pytest.approx(np.mean(shares))
    known = labels.dropna().to_numpy()
    pairs = [known[i] == known[j] for i in range(39) for j in range(39) if i != j]
    assert chance == pytest.approx(np.mean(pairs))
