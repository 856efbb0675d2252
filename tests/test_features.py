"""Filter bank and normalisation against a derivation in numpy; padding reaches nothing."""

import numpy as np
import pytest
import torch
import torchaudio

from sernb import audio, features
from sernb.augment import spec_augment, warp
from sernb.studies import msac_network


def test_mel_filters_equal_torchaudios_htk_ones():
    theirs = torchaudio.functional.melscale_fbanks(513, 0.0, 8000.0, 40, 16_000, norm=None, mel_scale="htk")
    torch.testing.assert_close(features.mel_filters(40, 1024, 16_000), theirs, atol=2e-4, rtol=0)


def test_filter_bank_is_the_equation():
    x = np.random.default_rng(0).uniform(-1, 1, 2000).astype(np.float32)
    bank = features.FilterBank()
    found, frames = bank(torch.from_numpy(x)[None], torch.tensor([2000]))
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)
    filters = features.mel_filters(40, 1024, 16_000).numpy()
    expected = [
        np.log(np.maximum(np.abs(np.fft.rfft(x[s : s + 400] * window, 1024)) ** 2 @ filters, 1e-6))
        for s in range(0, 2000 - 400 + 1, 160)
    ]
    assert frames.item() == len(expected) == 11
    np.testing.assert_allclose(found[0].numpy().T, expected, atol=1e-3)


@pytest.mark.parametrize("kernels", ["printed", "light_sernet"])
@pytest.mark.parametrize("normalisation", ["none", "utterance", "train"])
def test_a_score_does_not_depend_on_the_batch(kernels, normalisation):
    torch.manual_seed(0)
    config = msac_network.Config(kernels=kernels, normalisation=normalisation, width=0.25, embedding=32)
    model = msac_network.recogniser(config, 7).eval()
    for module in model.modules():  # as after training: statistics and shifts that make padding visible
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(), module.bias.data.normal_()
    lengths = torch.tensor([300, 5000, 16_000, 23_333, 96_000])
    waves = torch.rand(5, 96_000) - 0.5
    waves[torch.arange(96_000) >= lengths[:, None]] = 0
    groups = torch.zeros(5, dtype=torch.long)
    with torch.no_grad():
        together = model(waves, lengths, groups)
        for i, n in enumerate(lengths):
            alone = model(waves[i : i + 1, :n], lengths[i : i + 1], groups[:1])
            torch.testing.assert_close(together[i], alone[0], atol=1e-4, rtol=0)


def test_normalisation_is_over_the_frames_it_says():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 20, generator=generator) * 3 + 5
    frames, groups = torch.tensor([20, 7, 13, 20]), torch.tensor([0, 1, 0, 1])
    x = x * features.mask(frames, 20)[:, None]
    own = features.Normalise("utterance", 3)(x, frames)
    valid = x[1, :, :7]
    expected = (valid - valid.mean(1, keepdim=True)) / valid.std(1, correction=0, keepdim=True)
    torch.testing.assert_close(own[1, :, :7], expected, atol=1e-4, rtol=1e-4)
    speakers = features.Normalise("speaker", 3, groups=2)
    speakers.fit([(x[:2], frames[:2], groups[:2]), (x[2:], frames[2:], groups[2:])])
    theirs = torch.cat([x[1, :, :7], x[3]], 1)
    torch.testing.assert_close(speakers.mean[1], theirs.mean(1), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(speakers.deviation[1], theirs.std(1, correction=0), atol=1e-4, rtol=1e-4)
    assert not speakers(x, frames, groups)[1, :, 7:].any()
    with pytest.raises(ValueError, match="'z' is unknown"):
        features.Normalise("z", 3)


def test_frames_are_the_front_ends_frames(tmp_path):
    packed = audio.Pack(
        ids=np.array(["a", "b"]), samples=np.random.default_rng(0).integers(-9000, 9000, 9000).astype(np.int16),
        offsets=np.array([0, 4000, 9000]), peaks=np.array([0.5, 0.5], np.float32), digests=np.array(["x", "y"]),
    )  # fmt: skip
    waves, bank = audio.Waves(packed), features.FilterBank()
    cached = features.Frames(waves, lambda x, n, rows: bank(x, n))
    x, frames = cached.batch(torch.tensor([1, 0]))
    direct, _ = bank(*waves.batch(torch.tensor([1, 0])))
    torch.testing.assert_close(x, direct)
    cut, kept = cached.batch(torch.tensor([1]), 10, torch.Generator().manual_seed(0))
    windows = direct[0].unfold(1, 10, 1).transpose(0, 1)
    assert kept.item() == 10 and any(torch.allclose(w, cut[0]) for w in windows)


def test_spec_augment_hides_stretches_inside_the_utterance():
    generator = torch.Generator().manual_seed(0)
    frames = torch.full((2000,), 50)
    x = torch.ones(2000, 12, 60)
    hidden = spec_augment(x, frames, generator, frequency=0, time=30) == 0
    assert not hidden[:, :, 50:].any()
    widths = hidden[:, 0].sum(1)
    assert widths.min() == 0 and widths.max() == 30
    assert abs(widths.double().mean() - 15) < 0.6  # uniform on 0 … 30
    assert len(set(hidden[:, 0].float().argmax(1).tolist())) > 20  # each utterance its own
    bands = (spec_augment(x, frames, generator, frequency=2) == 0)[:, :, 0].sum(1)
    assert sorted(set(bands.tolist())) == [0, 1, 2]


def test_warp_reads_each_axis_at_its_own_pace():
    """Against numpy's interpolation, utterance by utterance, with the same draws."""
    x = torch.randn(6, 16, 90, generator=torch.Generator().manual_seed(1))
    frames = torch.tensor([90, 70, 50, 50, 33, 20])
    x *= (torch.arange(90) < frames[:, None])[:, None]
    same, kept = warp(x, frames, torch.Generator().manual_seed(0))
    assert torch.allclose(same, x, atol=1e-5) and torch.equal(kept, frames)
    out, longer = warp(x, frames, torch.Generator().manual_seed(0), time=0.2, frequency=0.1)
    along, across = 1 + torch.tensor([[0.2], [0.1]]) * (
        2 * torch.rand(2, 6, generator=torch.Generator().manual_seed(0)) - 1
    )
    for i in range(6):
        n = min(int(frames[i] * along[i]), 90)
        assert longer[i] == n and (out[i, :, n:] == 0).all()
        at = np.minimum(np.arange(n) / along[i].item(), frames[i].item() - 1)
        stretched = np.stack([np.interp(at, np.arange(90), band) for band in x[i].numpy()])
        bands = np.arange(16) / across[i].item()
        expected = np.stack([np.interp(bands, np.arange(16), frame) for frame in stretched.T], 1)
        np.testing.assert_allclose(out[i, :, :n], expected, atol=1e-4)
