"""The usual way has the effects that ours has, in their ranges; every way is measured on the same audio."""

import numpy as np
import pytest
import torch

from sernb import audio, speed_augment
from sernb.augment_waveforms import Augment

RATE = 16_000


@pytest.fixture
def packed(stand_ins, tmp_path):
    return audio.pack(stand_ins["emodb"].iloc[:6], cache=tmp_path)


def test_every_way_is_measured(packed, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    table = speed_augment.measure(packed, rounds=2, batch_size=4)
    assert list(table["way"]) == ["ours", "usual, one process", "usual, workers: 2"]
    assert (table["hours of audio per second"] > 0).all() and set(table["dtype"]) == {"float32"}
    rate = table["hours of audio per second"]
    np.testing.assert_allclose(table["ours is … times as fast"], rate[0] / rate)


def test_the_usual_way_is_stretched_filtered_and_noisy_within_ours_ranges():
    """A tone that the filters let through, with silence after it: its duration, and what comes to stand beside it."""
    augment, n = Augment(), 32_000
    x = np.sin(2 * np.pi * 1000 * np.arange(n) / RATE).astype(np.float32)
    one, lengths = speed_augment.usual(augment), []
    for _ in range(8):
        y = one(x.copy())
        assert y.dtype == np.float32 and y.ndim == 1
        lengths.append(n / len(y))
        power = np.abs(np.fft.rfft(y)) ** 2
        f = np.fft.rfftfreq(len(y), 1 / RATE)
        assert f[power.argmax()] == pytest.approx(1000, abs=15)  # its pitch is kept
        noise = 10 * np.log10(power[np.abs(f - 1000) > 200].sum() / power.sum())
        assert -40 < noise < -5
    low, high = augment.speed
    assert (
        all(low - 0.01 < found < high + 0.01 for found in lengths) and len({round(v, 4) for v in lengths}) > 1
    )
