"""Frame-level inputs: openSMILE's own numbers, batches that are the frames, a cache that computes once."""

import json
import re

import numpy as np
import opensmile
import pandas as pd
import pytest
import torch

from sernb import audio, features, frame_features
from sernb.models import vq_wav2vec


def packed(lengths=(16_000, 7000, 300), seed=0):
    """Noise with a tone, as a pack; each utterance its own loudness."""
    generator = np.random.default_rng(seed)
    parts = []
    for i, n in enumerate(lengths):
        tone = np.sin(2 * np.pi * (120 + 40 * i) * np.arange(n) / audio.RATE)
        parts.append((3000 * (i + 1) * (tone + 0.1 * generator.normal(size=n))).astype(np.int16))
    return audio.Pack(
        ids=pd.Index([f"u{i}" for i in range(len(lengths))], name="utterance"), samples=np.concatenate(parts),
        offsets=np.concatenate([[0], np.cumsum(lengths)]), peaks=np.array([np.abs(x).max() / 32768 for x in parts], np.float32),
        digests=np.array([f"{seed} {n}" for n in lengths]),
    )  # fmt: skip


def ramp(x):
    """A function of a waveform whose frames are easy to foresee: (samples / 1000, 3)."""
    return np.arange(len(x) // 1000 * 3, dtype=np.float32).reshape(-1, 3)


def alone(pack, i):
    """Utterance i's frames, (frames, D), as a batch of one gives them."""
    x, frames = pack.batch(torch.tensor([i]))
    assert x.shape[2] == frames.item()
    return x[0].T.numpy()


def test_descriptors_are_opensmiles(tmp_path):
    pack = packed()
    found = frame_features.emobase(pack, tmp_path)
    assert found.features == 52 and found.rate == 100
    for i in (0, 1):
        x = pack.samples[pack.offsets[i] : pack.offsets[i + 1]].astype(np.float32) / 32768
        for level, columns in (
            ("LowLevelDescriptors", slice(26)),
            ("LowLevelDescriptors_Deltas", slice(26, 52)),
        ):
            smile = opensmile.Smile(opensmile.FeatureSet.emobase, opensmile.FeatureLevel[level])
            expected = smile.process_signal(x, audio.RATE).to_numpy()
            # openSMILE goes on with two deltas past the last descriptor; those have no frame of their own.
            expected = expected[: found.lengths[i]]
            scale = np.abs(expected).max(0) + 1e-30
            np.testing.assert_allclose(alone(found, i)[:, columns] / scale, expected / scale, atol=1e-4)
    assert np.isfinite(alone(found, 2)).all()  # 19 ms: padded to what openSMILE needs
    plain = frame_features.emobase(pack, tmp_path, deltas=False)
    np.testing.assert_array_equal(alone(plain, 0), alone(found, 0)[:, :26])


def test_deltas_are_the_regression_over_two_frames_each_way():
    x = np.random.default_rng(0).normal(size=(9, 2))
    found = frame_features.regression(x)
    for t in range(9):
        window = x[np.clip(np.arange(t - 2, t + 3), 0, 8)]
        slope = np.polyfit(np.arange(-2, 3), window, 1)[0]
        np.testing.assert_allclose(found[t], slope, atol=1e-12)


def test_a_batch_is_the_utterances_frames_zero_past_their_ends(tmp_path):
    pack = frame_features.extract(
        packed((5000, 2000, 9000)), ramp, "ramp", tmp_path, rate=16, dtype=np.float32
    )
    x, frames = pack.batch(torch.tensor([2, 0, 1]))
    assert x.shape == (3, 3, 9) and x.dtype == torch.float32 and x.is_contiguous()
    assert frames.tolist() == [9, 5, 2] and pack.lengths.tolist() == [5, 2, 9]
    for row, n in zip(x, (9, 5, 2), strict=True):
        assert torch.equal(row[:, :n].T, torch.arange(3.0 * n).reshape(n, 3)) and not row[:, n:].any()
    assert pack.rows(["u2", "u0"]).tolist() == [2, 0]
    with pytest.raises(KeyError, match="not in the pack, e.g. 'u9'"):
        pack.rows(["u9"])


def test_a_crop_is_a_stretch_of_the_utterance(tmp_path):
    pack = frame_features.extract(packed((5000, 2000, 9000)), ramp, "ramp", tmp_path, rate=16)
    generator = torch.Generator().manual_seed(0)
    starts = set()
    for _ in range(60):
        x, frames = pack.batch(torch.tensor([2, 1]), 4, generator)
        assert x.shape == (2, 3, 4) and frames.tolist() == [4, 2] and not x[1, :, 2:].any()
        first = int(x[0, 0, 0]) // 3
        assert torch.equal(x[0].T, torch.arange(12.0).reshape(4, 3) + 3 * first)
        starts.add(first)
    assert starts == set(range(6))


def test_standardising_uses_the_training_rows_alone(tmp_path):
    def three(x):  # intensity-like small numbers, a large offset, and a constant
        y = np.random.default_rng(len(x)).normal(size=(len(x) // 100, 3))
        return y * [1e-9, 0.1, 0] + [3e-9, 1000, 7.3]

    pack = frame_features.extract(packed((5000, 2000, 9000)), three, "three", tmp_path, 100, np.float32)
    fitted = pack.standardised(torch.tensor([0, 2]))
    frames = np.concatenate([alone(pack, 0), alone(pack, 2)]).astype(np.float64)
    expected = (alone(pack, 1)[:, :2] - frames.mean(0)[:2]) / frames.std(0)[:2]
    np.testing.assert_allclose(alone(fitted, 1)[:, :2], expected, atol=2e-3)
    np.testing.assert_allclose(alone(fitted, 1)[:, 2], 0, atol=1e-5)  # only centred
    x, n = fitted.batch(torch.tensor([0, 1, 2]))
    assert not x[1, :, n[1] :].any()
    np.testing.assert_array_equal(pack.mean, 0)  # the pack itself stays as it was
    assert fitted.values.data_ptr() == pack.values.data_ptr()
    with pytest.raises(ValueError, match="at least one training utterance"):
        pack.standardised(torch.tensor([], dtype=torch.long))


def test_the_cache_computes_once_and_goes_by_content(tmp_path):
    calls = []

    def counted(x):
        calls.append(len(x))
        return ramp(x)

    first = frame_features.extract(packed((5000, 2000)), counted, "a", tmp_path, 16)
    again = packed((5000, 2000))
    again.ids = pd.Index(["x", "y"])  # other names, same audio
    second = frame_features.extract(again, counted, "a", tmp_path, 16)
    assert calls == [5000, 2000] and list(second.ids) == ["x", "y"]
    np.testing.assert_array_equal(first.values, second.values)
    for change in ({"name": "b"}, {"rate": 50}, {"dtype": np.float32}):
        frame_features.extract(
            packed((5000, 2000)), counted, **({"name": "a", "cache": tmp_path, "rate": 16} | change)
        )
    frame_features.extract(packed((5000, 2000), seed=1), counted, "a", tmp_path, 16)
    assert len(calls) == 10
    assert len(list((tmp_path / "frames").iterdir())) == 5  # and nothing half written beside them


def test_a_damaged_cache_is_named(tmp_path):
    frame_features.extract(packed((5000,)), ramp, "a", tmp_path, 16)
    (file,) = tmp_path.glob("frames/*/values")
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(
        ValueError, match=f"{re.escape(str(file))} does not hold 5 frames of 3 float16; delete"
    ):
        frame_features.extract(packed((5000,)), ramp, "a", tmp_path, 16)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.zeros((0, 3)), "a of u0: expected .frames ≥ 1, 3., found .0, 3."),
        (lambda x: np.zeros(4), "a of u0: expected .frames ≥ 1, features., found .4,."),
        (lambda x: np.zeros((2, len(x))), "a of u1: expected .frames ≥ 1, 5000., found .2, 2000."),
        (lambda x: np.full((2, 2), np.nan), "a of u0: .*not finite as float16"),
        (lambda x: np.full((2, 2), 1e6), "a of u0: .*not finite as float16"),
    ],
)
def test_wrong_frames_are_named_and_nothing_is_kept(function, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        frame_features.extract(packed((5000, 2000)), function, "a", tmp_path, 16)
    assert not list((tmp_path / "frames").iterdir())


def test_bands_and_spectra_are_the_filter_banks(tmp_path):
    pack = packed()
    waves, lengths = audio.Waves(pack).batch(torch.tensor([0, 1, 2]))
    for found, bank in (
        (frame_features.log_mel(pack, tmp_path), features.FilterBank()),
        (frame_features.spectrogram(pack, tmp_path), features.FilterBank(None, n_fft=512)),
    ):
        expected, frames = bank(waves, lengths)
        x, n = found.batch(torch.tensor([0, 1, 2]))
        assert torch.equal(n, frames)
        torch.testing.assert_close(x, expected, atol=1e-2, rtol=1e-3)  # kept as float16
    frame = waves[0, 160:560].double().numpy() * (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399))
    power = np.log(np.maximum(np.abs(np.fft.rfft(frame, 512)) ** 2, 1e-6))
    assert found.features == 257
    np.testing.assert_allclose(alone(found, 0)[1], power, atol=1e-2)


class Layers(torch.nn.Module):
    """Called as a self-supervised encoder is: 400 samples a frame, 320 apart, two layers."""

    hop = 320

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = torch.nn.Conv1d(1, 4, 400, 320), torch.nn.Linear(4, 4)
        self.calls = 0

    def forward(self, waves, lengths, layer):
        assert (
            waves.shape == (1, int(lengths)) and not torch.is_grad_enabled()
        )  # alone: no padding reaches it
        self.calls += 1
        x = self.first(waves[:, None]).transpose(1, 2)
        return (x, self.second(x))[layer], (lengths - 400) // 320 + 1


def test_a_hidden_layer_is_the_encoders(tmp_path):
    encoder, pack = Layers().eval(), packed((16_000, 7000))
    first, second = (frame_features.hidden_layer(pack, tmp_path, encoder, i, "two layers") for i in (0, 1))
    assert first.rate == 50 and first.lengths.tolist() == [49, 21] and first.values.dtype == torch.float16
    x = torch.from_numpy(pack.utterance("u1"))[None]
    with torch.no_grad():
        for found, layer in ((first, 0), (second, 1)):
            expected = encoder(x, torch.tensor([7000]), layer)[0][0]
            torch.testing.assert_close(torch.from_numpy(alone(found, 1)), expected, atol=1e-3, rtol=1e-3)
    twin = Layers().eval()
    frame_features.hidden_layer(pack, tmp_path, twin, 0, "two layers")
    assert twin.calls == 0  # equal weights: cached
    with torch.no_grad():
        encoder.first.bias += 1
    other = frame_features.hidden_layer(pack, tmp_path, encoder, 0, "two layers")
    np.testing.assert_allclose(alone(other, 1), alone(first, 1) + 1, atol=2e-3)
    with pytest.raises(ValueError, match="two layers is in training mode"):
        frame_features.hidden_layer(pack, tmp_path, encoder.train(), 0, "two layers")


def test_vq_wav2vecs_vectors_are_the_models(tmp_path, monkeypatch):
    torch.manual_seed(0)
    model = vq_wav2vec.VQWav2Vec("kmeans")
    torch.nn.init.normal_(model.vector_quantizer.embedding)
    checkpoint = tmp_path / "vq-wav2vec.pt"
    checkpoint.write_bytes(b"weights")
    loads = []
    monkeypatch.setattr(vq_wav2vec, "load", lambda path: loads.append(path) or model)
    pack = packed((6000, 3000))
    latent = frame_features.vq_wav2vec(pack, tmp_path, checkpoint)
    words = frame_features.vq_wav2vec(pack, tmp_path, checkpoint, quantised=True)
    z, frames = model(torch.from_numpy(pack.utterance("u1"))[None], torch.tensor([3000]))
    torch.testing.assert_close(latent.batch(torch.tensor([1]))[0], z.detach(), atol=1e-2, rtol=1e-2)
    expected = model.quantise(z, frames)[0].detach()
    torch.testing.assert_close(words.batch(torch.tensor([1]))[0], expected, atol=1e-2, rtol=1e-2)
    frame_features.vq_wav2vec(pack, tmp_path, checkpoint)
    assert len(loads) == 2  # once each, not again for what the cache has
    checkpoint.write_bytes(b"other weights")
    frame_features.vq_wav2vec(pack, tmp_path, checkpoint)
    assert len(loads) == 3
    pack.rate = 8000
    with pytest.raises(ValueError, match="hears 16000 Hz, found a pack at 8000 Hz"):
        frame_features.vq_wav2vec(pack, tmp_path, checkpoint)


def test_what_made_the_frames_stands_beside_them(tmp_path):
    frame_features.extract(packed((5000,)), ramp, "ramp of thousand samples", tmp_path, 16)
    (file,) = tmp_path.glob("frames/*/index.json")
    assert json.loads(file.read_text()) == {"name": "ramp of thousand samples", "features": 3, "lengths": [5]}
