"""CNN14 against the published size, librosa's front end and a plain re-derivation of its layers."""

import librosa
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sernb.models.cnn14 import CNN14, FRONT_ENDS, SHORTEST, TAGS, LogMel, MelNorm, Projected, mel_filters

PUBLISHED = 80_753_615  # parameters, Kong et al. 2020, Table "number of parameters"


def test_full_width_has_the_published_number_of_parameters():
    with torch.device("meta"):
        assert sum(p.numel() for p in CNN14(tags=TAGS).parameters()) == PUBLISHED


@pytest.mark.parametrize("rate", FRONT_ENDS)
def test_front_end_is_librosas(rate):
    window, shift, low, high = FRONT_ENDS[rate]
    filters = librosa.filters.mel(sr=rate, n_fft=window, n_mels=64, fmin=low, fmax=high)
    np.testing.assert_allclose(mel_filters(64, window, rate, low, high).numpy().T, filters, atol=1e-7)
    generator = np.random.default_rng(0)
    x = (0.1 * generator.standard_normal((2, rate))).astype(np.float32)
    n = [rate, rate * 3 // 5 + 17]
    x[1, n[1] :] = 0
    found, frames = LogMel(rate)(torch.from_numpy(x), torch.tensor(n))
    for row, length, mel, count in zip(x, n, found, frames, strict=True):
        power = librosa.feature.melspectrogram(
            y=row[:length], sr=rate, n_fft=window, hop_length=shift, n_mels=64, fmin=low, fmax=high, pad_mode="reflect"
        )  # fmt: skip
        expected = librosa.power_to_db(power, amin=1e-10, top_db=None)
        assert count == expected.shape[1]
        np.testing.assert_allclose(mel[:, :count].numpy(), expected, atol=1e-3)
        assert (mel[:, count:] == 0).all()


def plain(model, x):
    """The published forward pass of one utterance, written again from its description: (64, T) → every stage."""
    state = {k: v.double() for k, v in model.state_dict().items()}

    def norm(x, name):
        shape = (1, -1) + (1,) * (x.ndim - 2)
        mean, var, weight, bias = (
            state[f"{name}.{k}"].reshape(shape) for k in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / torch.sqrt(var + 1e-5) * weight + bias

    x = norm(x[None].double(), "norm")[:, None]
    stages = []
    for block in range(6):
        for half in range(2):
            x = F.conv2d(x, state[f"blocks.{block}.{half}.convolution.weight"], padding=1)
            x = norm(x, f"blocks.{block}.{half}.norm").clamp(min=0)
        if block < 5:
            f, t = x.shape[2] // 2, x.shape[3] // 2
            x = x[:, :, : 2 * f, : 2 * t].reshape(1, x.shape[1], f, 2, t, 2).mean((3, 5))
        stages.append(x)
    x = x.mean(2)
    x = x.max(2).values + x.mean(2)
    return stages, (x @ state["full.weight"].T + state["full.bias"]).clamp(min=0)


def trained_like(width=0.125):
    torch.manual_seed(0)
    model = CNN14(width, tags=5).eval()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
            module.running_mean.normal_(0, 0.2), module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5), module.bias.data.normal_(0, 0.2)
    return model


@pytest.mark.parametrize("length", [SHORTEST, 101, 160])
def test_layer_outputs_are_the_re_derived_ones(length):
    model, x = trained_like(), torch.randn(64, length, generator=torch.Generator().manual_seed(1))
    stages, kept = [], []
    for block in model.blocks:
        block[1].register_forward_hook(lambda m, i, o: kept.append(o))
    with torch.no_grad():
        found = model(x[None], torch.tensor([length]))
        stages, expected = plain(model, x)
        for i, (ours, theirs) in enumerate(zip(kept, stages, strict=True)):
            ours = F.avg_pool2d(ours, 2) if i < 5 else ours
            torch.testing.assert_close(ours.double(), theirs, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)


def test_an_output_does_not_depend_on_its_batch():
    model, generator = trained_like(), torch.Generator().manual_seed(2)
    frames = torch.tensor([160, 77, 9])
    x = torch.randn(3, 64, 160, generator=generator)
    with torch.no_grad():
        together = model(x, frames)
        for i, n in enumerate(frames):
            alone = model(x[i : i + 1, :, :n], frames[i : i + 1])
            torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=1e-5)


def test_the_first_normalisation_is_over_the_frames_inside():
    layer, reference = MelNorm(64), nn.BatchNorm1d(64)
    x, frames = torch.randn(3, 64, 20) * 4 - 30, torch.tensor([20, 7, 13])
    x = torch.where(torch.arange(20) < frames[:, None, None], x, 0)
    inside = torch.cat([row[:, :n] for row, n in zip(x, frames, strict=True)], 1).T  # (frames, 64)
    expected = reference(inside).T
    found = layer(x, frames)
    found = torch.cat([row[:, :n] for row, n in zip(found, frames, strict=True)], 1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(layer.running_mean, reference.running_mean)
    torch.testing.assert_close(layer.running_var, reference.running_var)
    layer.eval(), reference.eval()
    torch.testing.assert_close(layer(x, frames)[0], reference(x)[0], atol=1e-4, rtol=1e-4)


def test_what_is_hidden_is_zero_after_the_first_normalisation():
    model, x = trained_like(), torch.randn(1, 64, 64)
    hidden = torch.zeros(1, 64, 64, dtype=torch.bool)
    hidden[:, 10:14] = True
    seen = []
    model.blocks[0][0].register_forward_hook(lambda m, i, o: seen.append(i[0]))
    model(x, torch.tensor([64]), hidden)
    assert (seen[0][0, 0, 10:14] == 0).all() and (seen[0][0, 0, 14:] != 0).all()


def test_projection_is_linear_and_relu():
    torch.manual_seed(0)
    model = Projected(CNN14(0.0625), 32).eval()
    x, frames = torch.randn(2, 64, 70), torch.tensor([70, 40])
    with torch.no_grad():
        z = model.encoder(x, frames)
        assert z.shape == (2, 128)
        expected = (z @ model.projection.weight.T + model.projection.bias).clamp(min=0)
        torch.testing.assert_close(model(x, frames), expected)


def test_another_rate_is_refused():
    with pytest.raises(ValueError, match=r"8000 Hz is published; there are \[32000, 16000\]"):
        LogMel(8000)
