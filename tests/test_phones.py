"""The stand-ins' phones: the same speech is spoken again, and its phones lie where its sounds do."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from sernb import audio, corpora, metrics, paths
from sernb.corpora import standin, standin_phones

#: Speaks the stand-in with phoneme events on, and writes it where it is told.
AGAIN = """
import sys, pathlib
from sernb.corpora import prosody, standin, standin_phones
prosody.Synthesiser = standin_phones.Annotator
standin.speak("savee", 0, pathlib.Path(sys.argv[1]))
"""


def test_events_do_not_change_the_speech(tmp_path):
    root = standin.make("savee")
    subprocess.run([sys.executable, "-c", AGAIN, str(tmp_path)], check=True, cwd=paths.ROOT)
    files = sorted(p.relative_to(root) for p in root.rglob("*.wav"))
    assert files
    for file in files:
        both = [hashlib.sha256(Path(at / file).read_bytes()).hexdigest() for at in (root, tmp_path)]
        assert both[0] == both[1], file


@pytest.fixture(scope="module")
def spoken():
    return standin_phones.load("savee"), corpora.load("savee", data="stand-in")


def test_every_utterance_has_its_phones_in_order_and_inside(spoken):
    phones, table = spoken
    assert set(phones.index) == set(table.index)
    length = (table["end"] - table["start"]).reindex(phones.index)
    assert (phones["end"] > phones["start"]).all() and (phones["end"] <= length + 1e-3).all()
    same = phones.index[1:] == phones.index[:-1]
    gaps = phones["start"].to_numpy()[1:] - phones["end"].to_numpy()[:-1]
    np.testing.assert_allclose(gaps[same], 0, atol=1e-6)
    assert phones["end"].groupby(level=0).last().corr(table["end"] - table["start"]) > 0.95


def test_hissing_phones_hiss(spoken):
    """The share of energy above 4 kHz at the middle of /s/ is far above that of vowels: events are not displaced."""
    phones, table = spoken
    packed, shares = audio.pack(table), {"s": [], "a": []}
    for row in phones.itertuples():
        name = row.phone.strip("',:")
        kind = "s" if name == "s" else "a" if name[:1] in "aAeEiIoOuU3V" else None
        if kind and row.end - row.start > 0.05:
            at = round((row.start + row.end) / 2 * packed.rate)
            x = packed.utterance(row.Index)[max(0, at - 200) : at + 200]
            power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
            shares[kind].append(power[len(power) // 2 :].sum() / power.sum())
    assert min(map(len, shares.values())) > 20
    assert np.median(shares["s"]) > 5 * np.median(shares["a"])


def test_purity_and_shared_information_beside_scikit_learn():
    generator = np.random.default_rng(0)
    labels = generator.choice(list("abcd"), 500, p=[0.4, 0.3, 0.2, 0.1])
    clusters = np.where(
        generator.uniform(size=500) < 0.6,
        (labels > "b") + 2 * (labels == "a"),
        generator.integers(5, size=500),
    )
    table = contingency_matrix(labels, clusters)
    assert metrics.purity(labels, clusters) == pytest.approx(table.max(0).sum() / 500)
    entropy = -(
        pd.Series(labels).value_counts(normalize=True)
        * np.log(pd.Series(labels).value_counts(normalize=True))
    ).sum()
    wanted = mutual_info_score(labels, clusters) / entropy
    assert metrics.shared_information(labels, clusters) == pytest.approx(wanted)
    assert metrics.purity(labels, labels) == 1 == pytest.approx(metrics.shared_information(labels, labels))
    assert metrics.shared_information(labels, np.zeros(500)) == pytest.approx(0, abs=1e-12)
    assert np.isnan(metrics.shared_information(["a"] * 5, [1, 2, 3, 4, 5]))
