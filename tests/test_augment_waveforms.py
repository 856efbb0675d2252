"""The six augmentations of waveforms: what each does, that it touches no padding, and that neutral ones do nothing."""

import numpy as np
import pedalboard
import pytest
import torch
from scipy import signal

from sernb import augment_waveforms as effects
from sernb import freeverb

RATE = 16_000
LENGTHS = torch.tensor([32_000, 20_000, 9_001, 400])


@pytest.fixture
def waves():
    x = torch.randn(4, 32_000, generator=torch.Generator().manual_seed(0)) * 0.1
    return x * (torch.arange(32_000) < LENGTHS[:, None])


def rows(*values):
    return torch.tensor(values, dtype=torch.float32)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


EFFECTS = {
    "stretch": (lambda x, n, v: effects.stretch(x, n, v)[0], 1.0, 1.15),
    "shift": (effects.shift, 0.0, -0.07),
    "fade": (lambda x, n, v: effects.fade(x, n, v, v), 0.0, 0.1),
    "high-pass": (lambda x, n, v: effects.equalise(x, n, v, 0 * v + 8000), 0.0, 300.0),
    "low-pass": (lambda x, n, v: effects.equalise(x, n, 0 * v, v), 8000.0, 3000.0),
    "pink noise": (lambda x, n, v: effects.pink_noise(x, n, v, generator()), float("inf"), 20.0),
    "reverberation": (lambda x, n, v: effects.reverberate(x, n, 0 * v.double() + 0.1, v, 0 * v + 0.5), 0.0, 0.4),
}  # fmt: skip


@pytest.mark.parametrize("name", EFFECTS)
def test_neutral_is_the_identity_and_padding_stays_zero(name, waves):
    effect, neutral, strong = EFFECTS[name]
    same = effect(waves, LENGTHS, torch.full((4,), neutral))
    torch.testing.assert_close(same, waves, atol=2e-6, rtol=0)
    changed = effect(waves, LENGTHS, torch.full((4,), strong))
    assert (changed[0] - waves[0, : changed.shape[1]]).abs().max() > 0.01
    for row, n in zip(changed, LENGTHS, strict=True):
        assert (row[n:] == 0).all()


@pytest.mark.parametrize(
    "name", [name for name in EFFECTS if name != "pink noise"]
)  # whose draw knows the width
def test_padding_reaches_nothing(name, waves):
    effect, _, strong = EFFECTS[name]
    together = effect(waves, LENGTHS, torch.full((4,), strong))
    alone = effect(waves[2:3, :9001], LENGTHS[2:3], torch.full((1,), strong))
    torch.testing.assert_close(together[2, : alone.shape[1]], alone[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("loudness", [1.0, 1e-2, 1e-4])
def test_faint_speech_and_faint_ends_of_loud_speech_stay_at_speed_one(loudness):
    """What continues a frame best is found by correlation, whatever its level: 80 dB down at both ends, and all of it."""
    n, time = torch.tensor([16_000, 15_877]), torch.arange(16_000)
    smooth = torch.randn(2, 16_063, generator=generator()).unfold(1, 64, 1).mean(2)
    x = smooth * 10 ** (-4 * (time / 8000 - 1).abs()) * loudness * (time < n[:, None])
    y, new = effects.stretch(x, n, rows(1.0, 1.0))
    assert torch.equal(new, n)
    torch.testing.assert_close(y, x, atol=1e-6 * loudness, rtol=1e-4)


@pytest.mark.parametrize("f0", [90.0, 180.0, 310.0])
def test_stretching_changes_the_duration_and_not_the_fundamental(f0):
    speed, n = rows(0.9, 0.95, 1.1, 1.2), torch.full((4,), 48_000)
    time = torch.arange(48_000) / RATE
    voice = sum(torch.sin(2 * torch.pi * f0 * k * time + k * k) / k for k in range(1, 20)).expand(4, -1)
    y, new = effects.stretch(voice, n, speed)
    assert new.tolist() == [round(48_000 / s) for s in (0.9, 0.95, 1.1, 1.2)]
    for row, m in zip(y, new, strict=True):
        x = row[2000 : m - 2000].numpy()
        spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 2**18))
        f = np.arange(len(spectrum)) * RATE / 2**18
        near = (f > f0 / 1.5) & (f < f0 * 1.5)
        assert f[near][spectrum[near].argmax()] == pytest.approx(f0, rel=0.02)
        assert x.std() == pytest.approx(voice[0].std().item(), rel=0.05)  # no phase cancels


def test_stretching_moves_events_in_proportion():
    x = torch.zeros(2, 32_000)
    bursts = torch.randn(800, generator=generator())
    for start in (4000, 16_000, 28_000):
        x[:, start : start + 800] = bursts
    y, _ = effects.stretch(x, torch.full((2,), 32_000), rows(0.9, 1.2))
    for row, speed in zip(y, (0.9, 1.2), strict=True):
        for start in (4000, 16_000, 28_000):
            near = row[int(start / speed) - 1500 : int(start / speed) + 2500].square()
            middle = (near * torch.arange(len(near))).sum() / near.sum() - 1500
            assert middle == pytest.approx(400 / speed, abs=250)  # 12.5 ms of search and a little


def test_shifting_rolls_within_the_utterance(waves):
    y = effects.shift(waves, LENGTHS, rows(0.1, -0.1, 0.05, 0.0))
    for i, by in enumerate((3200, -2000, 450, 0)):
        expected = np.roll(waves[i, : LENGTHS[i]].numpy(), by)
        np.testing.assert_array_equal(y[i, : LENGTHS[i]].numpy(), expected)


def test_fades_are_linear_over_their_shares():
    y = effects.fade(torch.ones(1, 1200), torch.tensor([1000]), rows(0.1), rows(0.05))[0]
    np.testing.assert_allclose(y[:100], np.arange(1, 101) / 101, rtol=1e-5)
    np.testing.assert_allclose(y[100:950], 1.0)
    np.testing.assert_allclose(y[950:1000], np.arange(50, 0, -1) / 51, rtol=1e-5)


@pytest.mark.parametrize(("high", "low"), [(100.0, 7000.0), (400.0, 3000.0), (250.0, 4500.0)])
def test_equalisation_is_scipys_butterworth_pair(waves, high, low):
    both = [signal.butter(9, f, kind, fs=RATE, output="sos") for f, kind in ((high, "high"), (low, "low"))]
    found = effects.equalise(waves, LENGTHS, torch.full((4,), high), torch.full((4,), low))
    expected = signal.sosfilt(np.concatenate(both), waves[0].double().numpy())
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-5)
    n = 4096
    response = effects.butterworth(n, RATE, rows(high), rows(low))[0]
    at = [round(f * n / RATE) for f in (high, low)]
    exact = signal.sosfreqz(np.concatenate(both), np.array(at) * RATE / n, fs=RATE)[1]
    np.testing.assert_allclose(response[at].numpy(), exact, atol=1e-4)


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
@pytest.mark.parametrize(("room", "wet"), [(0.0, 0.3), (0.13, 0.5), (0.2, 0.05)])
def test_reverberation_is_pedalboards(rate, room, wet):
    impulse = np.zeros(2 * rate, np.float32)
    impulse[0] = 1
    theirs = pedalboard.Reverb(room_size=room, wet_level=wet, dry_level=0.4)(impulse, rate)
    n = effects.fast_length(6 * rate)
    ours = torch.fft.irfft(freeverb.response(n, rate, rows(room).double(), rows(wet), rows(0.4)), n)[0]
    np.testing.assert_allclose(ours[: 2 * rate].numpy(), theirs, atol=1e-6)
    late = np.square(theirs[round(freeverb.TAIL * rate) :]).sum() / np.square(theirs[1:]).sum()
    assert late < 1e-7  # what would come back at the start


def test_pink_noise_falls_by_three_decibels_an_octave_at_the_stated_snr(waves):
    snr = rows(10.0, 15.0, 20.0, 30.0)
    noise = effects.pink_noise(waves, LENGTHS, snr, generator()) - waves
    for x, e, n, stated in zip(waves, noise, LENGTHS, snr, strict=True):
        assert 10 * (x[:n].square().mean() / e[:n].square().mean()).log10() == pytest.approx(
            stated.item(), abs=0.01
        )
    silent = torch.ones(8, 2**17)
    noise = effects.pink_noise(silent, torch.full((8,), 2**17), torch.zeros(8), generator(1)) - silent
    f, power = signal.welch(noise.double().numpy(), RATE, nperseg=4096)
    bands = [(62.5 * 2**k, 125 * 2**k) for k in range(7)]  # up to 8 kHz
    level = [10 * np.log10(power[:, (f >= a) & (f < b)].mean()) for a, b in bands]
    slope = np.polyfit(range(7), level, 1)[0]
    assert slope == pytest.approx(-3.01, abs=0.5)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.7, 1.0])
def test_a_share_of_the_rows_is_touched_and_the_others_stay(share):
    x = torch.randn(20, 8000, generator=generator())
    n = torch.linspace(3000, 8000, 20).long()
    x = x * (torch.arange(8000) < n[:, None])
    y, new, touched = effects.Augment()(x, n, share, generator(1))
    assert touched.sum() == round(20 * share)
    same = [(y[i, : n[i]] - x[i, : n[i]]).abs().max() == 0 if new[i] == n[i] else False for i in range(20)]
    assert same == (~touched).tolist()
    assert y.shape[1] == new.max() and all((row[m:] == 0).all() for row, m in zip(y, new, strict=True))
    again, _, _ = effects.Augment()(x, n, share, generator(1))
    assert torch.equal(y, again)
    if share == 1:
        other, _, _ = effects.Augment()(x, n, share, generator(2))
        assert other.shape != y.shape or not torch.equal(y, other)


def test_a_fraction_of_a_row_is_touched_by_chance():
    counts = [int(effects.chosen(3, 0.5, generator(i)).sum()) for i in range(400)]
    assert set(counts) == {1, 2} and np.mean(counts) == pytest.approx(1.5, abs=0.1)
    with pytest.raises(ValueError, match="in 0…1, found 1.5"):
        effects.chosen(3, 1.5, generator())


def test_parameters_are_drawn_per_utterance_within_their_ranges():
    p = effects.Augment().draw(2000, generator())
    for name, low, high in [
        ("speed", 0.9, 1.2), ("shift", -0.1, 0.1), ("fade_in", 0, 0.1), ("fade_out", 0, 0.1), ("snr", 10, 30),
        ("high_pass", 100, 400), ("low_pass", 3000, 7000), ("room", 0, 0.2), ("wet", 0, 0.5),
    ]:  # fmt: skip
        spread = (high - low) / 50
        assert low <= p[name].min() < low + spread and high - spread < p[name].max() <= high + 1e-6, name
    assert (p["dry"] == 0.4).all()
    assert abs(np.corrcoef(p["fade_in"], p["fade_out"])[0, 1]) < 0.1


def test_the_chain_is_its_effects_in_order(waves):
    chain = effects.Augment()
    y, n, _ = chain(waves, LENGTHS, 1.0, generator(3))
    draws = generator(3)
    effects.chosen(4, 1.0, draws)
    p = chain.draw(4, draws)
    x, m = effects.stretch(waves, LENGTHS, p["speed"])
    x = effects.fade(effects.shift(x, m, p["shift"]), m, p["fade_in"], p["fade_out"])
    clean = effects.equalise(x, m, p["high_pass"], p["low_pass"])
    expected = effects.reverberate(clean, m, p["room"], p["wet"], p["dry"])
    expected = effects.pink_noise(expected, m, p["snr"], draws)
    # one filter instead of two: what the equaliser rings past an utterance's end is still reverberated
    for a, b, k in zip(y, expected, m, strict=True):
        assert (a[:k] - b[:k]).square().sum() < 1e-3 * b[:k].square().sum()
    assert torch.equal(m, n)


@pytest.mark.parametrize("n", [1, 5, 100, 8191, 8192, 8193, 65_537])
def test_lengths_to_transform_are_fast_and_hardly_longer(n):
    found = effects.fast_length(n)
    assert n <= found <= max(1.26 * n, 4)
    while found % 2 == 0:
        found //= 2
    assert found in (1, 3, 5, 7)
