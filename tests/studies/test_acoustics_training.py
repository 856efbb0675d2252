"""Training the estimators is reproducible; the shipped weights are as good as asked, also on real German speech."""

import numpy as np
import pytest
import torch

from sernb import acoustics, audio, corpora, paths
from sernb.studies import dry_speech, room_scenes
from sernb.studies.acoustics_training import Config, responses, save, train

UNSEEN = 77  # the seed of rooms and voices that no training had


@pytest.fixture(scope="module")
def unseen_rooms():
    return responses(UNSEEN, 60)


def examined(streams, unseen_rooms):
    frame = room_scenes.examine(acoustics.load(), room_scenes.Scenes(streams, unseen_rooms), UNSEEN, takes=3)
    assert frame["SNR / dB"].between(15, 40).all() and len(frame) == 180
    return {
        name: acoustics.agreement(frame[f"true {name}"], frame[f"found {name}"], span)
        for name, span in acoustics.RANGES.items()
    }


@pytest.mark.slow
def test_unseen_rooms_and_voices(unseen_rooms):
    found = examined(dry_speech.streams(UNSEEN, 20), unseen_rooms)
    assert found["T60 / s"]["Pearson"] >= 0.92 and abs(found["T60 / s"]["bias / %"]) < 5
    assert found["C50 / dB"]["Pearson"] >= 0.96 and abs(found["C50 / dB"]["bias / %"]) < 5


@pytest.mark.slow
@pytest.mark.real_speech
def test_unseen_rooms_and_a_language_and_corpus_never_heard(unseen_rooms, real):
    table = corpora.load("emodb", root=real("emodb"))
    streams = dry_speech.recorded(audio.pack(table), table["speaker"], UNSEEN)
    found = examined(streams, unseen_rooms)
    assert found["T60 / s"]["Pearson"] >= 0.90 and abs(found["T60 / s"]["bias / %"]) < 5
    assert found["C50 / dB"]["Pearson"] >= 0.95 and abs(found["C50 / dB"]["bias / %"]) < 5


def test_rooms_are_drawn_once_and_the_same_each_time(monkeypatch, tmp_path):
    first = responses(3, 2, workers=2)
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    again = responses(3, 2, workers=1)
    assert np.array_equal(first, again) and (tmp_path / "rooms").is_dir() and first.dtype == np.float16


def test_the_same_seed_gives_the_same_file(tmp_path):
    time = np.arange(room_scenes.LEAD) / 16_000
    decays = np.random.default_rng(0).normal(size=(4, len(time))) * 10 ** (
        -3 * time / np.array([[0.2], [0.4], [0.7], [1.0]])
    )
    config = Config(rooms=4, speakers=2, epochs=2, steps=3, batch=4, threads=torch.get_num_threads())
    scenes = room_scenes.Scenes(dry_speech.streams(9, 2), decays.astype(np.float32))
    files = [tmp_path / f"{i}.safetensors" for i in range(2)]
    for file in files:
        estimator, curves = train(config, scenes, progress=False)
        save(estimator, config, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(curves) == 2 and np.isfinite(curves["train_loss"]).all()
    loaded = acoustics.load(files[0])
    x = torch.randn(2, 20_000)
    torch.testing.assert_close(
        loaded(x, torch.tensor([20_000] * 2)), estimator(x, torch.tensor([20_000] * 2))
    )
    untrained = acoustics.Estimator().network.state_dict()["into.weight"]
    assert not torch.equal(loaded.network.state_dict()["into.weight"], untrained)
