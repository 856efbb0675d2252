"""Reverberation time and clarity against closed forms and an independent implementation; rooms are reproducible."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from sernb import rooms


def exponential(t60, seconds=3.0, rate=16_000):
    return 10 ** (-3 * np.arange(round(seconds * rate)) / rate / t60)


@pytest.mark.parametrize("t60", [0.1, 0.35, 0.8, 1.2])
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_an_exponential_decay_has_the_time_and_clarity_of_its_formula(t60, rate):
    h = exponential(t60, rate=rate)
    late = 10 ** (-6 * 0.05 / t60)  # share of energy later than 50 ms: e^(-2at) with 60 dB in t60
    assert rooms.t60(h, rate) == pytest.approx(t60, rel=1e-3)
    assert rooms.c50(h, rate) == pytest.approx(10 * np.log10((1 - late) / late), abs=1e-6)


def test_noise_with_an_exponential_decay_too():
    h = exponential(0.5, 1.5) * np.random.default_rng(0).normal(size=(20, 24_000))
    assert rooms.t60(h).mean() == pytest.approx(0.5, rel=0.02)
    assert rooms.t60(h)[3] == rooms.t60(h[3]), "a batch is measured row by row"


@pytest.fixture(scope="module")
def drawn():
    return [rooms.draw(5, number) for number in range(4)]


def by_hand(h, rate=16_000):
    """Schroeder's integral, its line and the energies of ISO 3382 in plain words."""
    energy = [float(x) ** 2 for x in h]
    to_come = list(itertools.accumulate(reversed(energy)))[::-1]
    level = [10 * math.log10(max(e, 1e-30) / to_come[0]) for e in to_come]
    points = [(i / rate, db) for i, db in enumerate(level) if -35 <= db <= -5]
    first = next(i for i, x in enumerate(np.abs(h)) if x >= 0.1 * np.abs(h).max())
    early, late = sum(energy[: first + rate // 20]), sum(energy[first + rate // 20 :])
    return -60 / stats.linregress(*zip(*points, strict=True)).slope, 10 * math.log10(early / late)


def test_simulated_rooms_as_independent_implementations_measure_them(drawn):
    from pyroomacoustics.experimental import measure_rt60

    for h in drawn:
        t60, c50 = by_hand(h)
        assert rooms.t60(h) == pytest.approx(t60, rel=1e-6)
        assert rooms.c50(h) == pytest.approx(c50, abs=1e-6)
        # Its line begins where the direct sound has passed and goes 30 dB down from there.
        assert rooms.t60(h) == pytest.approx(measure_rt60(h, fs=16_000, decay_db=30), rel=0.15)
    h = exponential(0.4)
    assert rooms.t60(h) == pytest.approx(measure_rt60(h, fs=16_000, decay_db=30), rel=1e-3)


def test_neither_level_nor_time_of_flight_nor_a_silent_end_matters(drawn):
    for h in drawn[:2]:
        other = np.concatenate([np.zeros(500), 0.01 * h.astype(np.float64), np.zeros(900)])
        assert rooms.t60(other) == pytest.approx(float(rooms.t60(h)), rel=1e-6)
        assert rooms.c50(other) == pytest.approx(float(rooms.c50(h)), abs=1e-6)


def test_a_room_is_the_same_in_any_order_and_within_the_ranges(drawn):
    assert np.array_equal(rooms.draw(5, 2), drawn[2])
    assert not np.array_equal(drawn[1][:500], drawn[2][:500])
    for h in drawn:
        assert rooms.T60[0] <= rooms.t60(h) <= rooms.T60[1] and rooms.C50[0] <= rooms.c50(h) <= rooms.C50[1]
        assert np.abs(h).max() == 1 and len(h) <= rooms.LONGEST * rooms.RATE


def test_no_energy_and_no_slope_are_refused():
    with pytest.raises(ValueError, match="no energy"):
        rooms.t60(np.zeros(100))
    with pytest.raises(ValueError, match="no slope"):
        rooms.t60(np.eye(1, 100)[0])
    assert np.isposinf(rooms.c50(np.eye(1, 100)[0]))
