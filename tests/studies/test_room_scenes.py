"""Speech in rooms: convolution, noise, augmented responses and channels do what they say, reproducibly."""

import numpy as np
import pytest
import torch

from sernb import acoustics, rooms
from sernb.audio import Pack
from sernb.studies import dry_speech, room_scenes
from sernb.studies.room_scenes import LEAD, Ranges, Scenes

QUIET = Ranges(snr=(200.0, 200.0), silent=0.0)


def responses(count=6, seed=0):
    """Noise with exponential decays of known time."""
    generator = np.random.default_rng(seed)
    t60, time = generator.uniform(0.2, 1.0, count), np.arange(LEAD) / rooms.RATE
    h = generator.normal(size=(count, LEAD)) * 10 ** (-3 * time / t60[:, None])
    return (h / np.abs(h).max(1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def streams():
    return dry_speech.streams(0, 3)


def test_voices_are_reproducible_and_differ_by_speaker_and_seed(streams):
    again = dry_speech.streams(0, 2)
    assert all(np.array_equal(a, b) for a, b in zip(streams, again, strict=False))
    other = dry_speech.streams(1, 1)[0]
    assert len({x[:50_000].tobytes() for x in (*streams, other)}) == 4
    assert all(x.dtype == np.int16 and len(x) > LEAD + acoustics.WINDOW for x in streams)


def test_no_german_voice_speaks():
    voices = {dry_speech.PLANS[name].voice for name in dry_speech.PLANS_HEARD}
    assert voices and not any(v.startswith("de") for v in voices)


def test_a_window_is_the_end_of_the_stream_heard_through_the_room(streams):
    stream = streams[0][: LEAD + acoustics.WINDOW]
    h = responses(1)
    batch = Scenes([stream], h).batch(1, QUIET, np.random.default_rng(0))
    plain = np.convolve(stream.astype(float), h[0])[LEAD : LEAD + acoustics.WINDOW]
    np.testing.assert_allclose(batch.waves[0], plain, atol=2e-3 * np.abs(plain).max())
    assert batch.truth[0].tolist() == pytest.approx([rooms.t60(h[0]), rooms.c50(h[0])], rel=1e-4)


def test_batches_are_reproducible_and_as_long_as_they_say(streams):
    scenes, ranges = Scenes(streams, responses()), Ranges((12, 45), 0.4, 0.5, 0.7, 0.3, 0.5)
    one, two = (scenes.batch(16, ranges, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one.waves, two.waves) and torch.equal(one.truth, two.truth)
    assert len(one.lengths.unique()) > 4 and one.lengths.max() == acoustics.WINDOW
    for x, n in zip(one.waves, one.lengths, strict=True):
        assert not x[n:].any() and x[n - 100 : n].any()


def test_the_noise_has_the_stated_ratio():
    x = torch.randn(5, 30_000)
    y, snr = room_scenes.noisy(x, (15, 40), np.random.default_rng(0))
    found = 10 * torch.log10(x.square().mean(1) / (y - x).square().mean(1))
    np.testing.assert_allclose(found, snr, atol=0.01)
    assert snr.min() >= 15 and snr.max() <= 40 and np.ptp(snr) > 3


def test_decays_are_made_faster_and_direct_sound_changed_in_the_stated_share():
    h, generator = responses(40), np.random.default_rng(0)
    t60 = rooms.t60(h)
    same = room_scenes.augmented(h, t60, Ranges(), generator)
    assert np.array_equal(same, h), "neutral ranges are the identity"
    faster = rooms.t60(room_scenes.augmented(h, t60, Ranges(faster=1.0), generator))
    assert (faster <= t60 * 1.01).all() and (faster < 0.9 * t60).mean() > 0.5 and faster.min() > 0.07
    louder = room_scenes.augmented(h, t60, Ranges(direct=1.0), generator)
    assert ((louder != h).sum(1) <= 2 * room_scenes.DIRECT * rooms.RATE).all()
    assert np.ptp(rooms.c50(louder) - rooms.c50(h)) > 0.5


def test_channels_are_flat_where_none_is_wanted():
    flat = room_scenes.channels(3, 500, Ranges(), np.random.default_rng(0))
    np.testing.assert_allclose(flat[:, 1:], 1, atol=1e-6)  # the mean itself, below all hearing, aside
    coloured = room_scenes.channels(50, 500, Ranges(coloured=1.0), np.random.default_rng(0))
    assert (coloured[:, 5] < 0.01 * coloured[:, 250]).mean() > 0.1, "some pass nothing below 100 Hz"


def test_too_little_speech_is_refused():
    with pytest.raises(ValueError, match="4.2 s"):
        Scenes([np.zeros(30_000, np.int16)], responses())


def test_recorded_streams_hold_every_speakers_utterances():
    import pandas as pd

    samples = np.arange(1, 601).astype(np.int16)
    ids = pd.Index(["a", "b", "c"], name="utterance")
    packed = Pack(ids, samples, np.array([0, 100, 300, 600]), np.ones(3, np.float32), np.array(list("xyz")))
    speakers = pd.Series(["one", "two", "one"], ids)
    one, two = dry_speech.recorded(packed, speakers, seed=0)
    assert len(one) == 400 and len(two) == 200 and two.max() == two[-1] == 16_384
    assert len(dry_speech.recorded(packed, speakers, 0, seconds=150 / 16_000)[0]) == 150
