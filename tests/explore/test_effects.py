"""Augmentations by slider without a browser: neutral settings, each effect alone, what is drawn, what is shown."""

import dataclasses
import math

import numpy as np
import pytest
import soundfile

from sernb import audio, explore
from sernb.explore import effects

RATE, SAMPLES = 16_000, 34 * 480  # whole hops of `stretch`


@pytest.fixture
def x():
    """Two tones in noise: what repeats itself exactly may be stretched in more than one way."""
    t, noise = np.arange(SAMPLES) / RATE, np.random.default_rng(0).normal(0, 0.02, SAMPLES)
    return (0.5 * np.sin(2 * np.pi * 200 * t) + 0.2 * np.sin(2 * np.pi * 3000 * t) + noise).astype(np.float32)


def level(y, frequency):
    """Amplitude of one frequency."""
    return 2 * abs(np.exp(-2j * np.pi * frequency * np.arange(len(y)) / RATE) @ y) / len(y)


def test_the_defaults_leave_everything_as_it_is(x):
    np.testing.assert_allclose(effects.applied(x, effects.Settings(), 0), x, atol=2e-5)
    np.testing.assert_array_equal(effects.bank(x, effects.Settings()), effects.bank(x))
    for name, (low, high, step, _) in effects.RANGES.items():
        default = getattr(effects.Settings(), name)
        assert default == math.inf or low <= default <= high, name
        assert default == math.inf or ((default - low) / step) % 1 == pytest.approx(0, abs=1e-6), name


def test_every_effect_does_what_its_name_says(x):
    def y(**settings):
        return effects.applied(x, effects.Settings(**settings), 0)

    assert len(y(speed=1.25)) == round(len(x) / 1.25)
    np.testing.assert_allclose(y(shift=0.25), np.roll(x, len(x) // 4), atol=2e-5)
    assert abs(y(fade_in=0.2)[:100]).max() < 0.03 and abs(y(fade_out=0.2)[-100:]).max() < 0.03
    assert level(y(high_pass=1000.0), 200) < 0.002 and level(y(high_pass=1000.0), 3000) > 0.19
    assert level(y(low_pass=1000.0), 3000) < 0.002 and level(y(low_pass=1000.0), 200) > 0.49
    noise = y(snr=10.0) - x
    assert 10 * np.log10((x**2).mean() / (noise**2).mean()) == pytest.approx(10, abs=0.1)
    rings = effects.applied(
        np.eye(1, SAMPLES, 100, dtype=np.float32)[0], effects.Settings(room=0.8, wet=0.5), 0
    )
    assert rings[100] == pytest.approx(0.8, abs=0.01) and abs(rings[4000:]).max() > 1e-3


def test_hidden_bands_and_frames_are_as_wide_as_allowed_and_nothing_else_changes(x):
    whole = effects.bank(x)
    hidden = np.isnan(effects.bank(x, effects.Settings(bands=10, frames=20), seed=3))
    rows, columns = hidden.all(1), hidden.all(0)
    assert (
        (hidden == rows[:, None] | columns).all()
        and rows.sum() <= 10
        and columns.sum() <= 20
        and hidden.any()
    )
    np.testing.assert_array_equal(effects.bank(x, effects.Settings(bands=10), 3)[~rows], whole[~rows])


def test_what_is_drawn_lies_in_the_papers_ranges_and_is_seeded():
    many = [effects.drawn(seed) for seed in range(50)]
    assert effects.drawn(7) == many[7] and len(set(many)) == 50
    speeds, ratios = [s.speed for s in many], [s.snr for s in many]
    assert 0.9 <= min(speeds) < 0.95 and 1.15 < max(speeds) <= 1.2 and 10 <= min(ratios) < max(ratios) <= 30
    for s in many:
        inside = {
            k: effects.RANGES[k][0] <= v <= effects.RANGES[k][1] for k, v in dataclasses.asdict(s).items()
        }
        assert all(inside.values()), inside


def test_a_moved_slider_is_heard_and_seen(x, tmp_path):
    file = tmp_path / "wörd 1.wav"
    soundfile.write(file, x, RATE)
    found = explore.augmentations(file, measure=lambda y: f"{len(y)} samples")
    players, picture = found.players.value, found.picture.value
    assert players.count("<audio") == 2 and "16320 samples" in players and "wörd 1.wav" == found.name
    np.testing.assert_allclose(found.after, found.before, atol=2e-5)
    found.sliders["speed"].value = 1.25
    assert found.players.value != players and "13056 samples" in found.players.value
    assert bytes(found.picture.value) != bytes(picture)
    found.sliders["snr"].value = 5
    assert found.settings.snr == 5 and found.settings.speed == 1.25
    found.reset.click()
    assert found.settings == effects.Settings() and found.players.value == players


def test_drawing_moves_the_sliders_and_repeats_by_seed(x):
    def drawn(seed):
        found = explore.augmentation.Augmentations(x, RATE, "x", seed=seed)
        found.draw.click()
        return found

    one, two = drawn(0), drawn(0)
    np.testing.assert_array_equal(one.after, two.after)
    assert one.settings.speed == pytest.approx(effects.drawn(1).speed) and one.settings.bands == 8
    assert drawn(1).settings != one.settings


def test_an_utterance_of_a_pack_goes_by_its_id(x, tmp_path):
    soundfile.write(tmp_path / "a.wav", x, RATE)
    packed = audio.pack_files([tmp_path / "a.wav"])
    found = explore.augmentations(packed.ids[0], packed)
    np.testing.assert_allclose(found.before, x / abs(x).max(), atol=1e-3)
    with pytest.raises(KeyError):
        explore.augmentations("nobody", packed)
