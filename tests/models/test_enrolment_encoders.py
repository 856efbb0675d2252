"""Paper 5's encoders: against the equations in numpy, and an utterance's embedding is its own."""

import math

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sernb.models.enrolment_encoders import BLSTM, ENCODERS, GRUTransformer, TemporalPooling, build
from sernb.models.netvlad import NetVLAD
from sernb.models.thin_resnet import Convolution, MaskedBatchNorm

#: Sizes at which a test takes no time; the code is the same.
SMALL = {
    "ours": {"hidden": 16, "nodes": 24}, "no_gru": {"nodes": 24}, "blstm": {"hidden": 8},
    "blstm_netvlad": {"hidden": 8, "clusters": 3, "embedding": 10},
    "cnn_netvlad": {"width": 0.125, "clusters": 3, "embedding": 10},
}  # fmt: skip
FRAMES = torch.tensor([1, 2, 3, 4, 5, 16, 33, 50])


def small(name, **sizes):
    torch.manual_seed(0)
    return build(name, 20, **SMALL[name], **sizes)


def utterances(frames=FRAMES, features=20):
    return torch.randn(len(frames), features, int(frames.max()), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "features", "sizes", "count"),
    [
        ("ours", 512, {}, 1_118_464),  # IEMOCAP's
        ("ours", 512, {"nodes": 128}, 921_472),  # MELD's
        ("no_gru", 512, {}, 1_577_984),
        ("blstm", 512, {}, 1_576_960),
        ("blstm_netvlad", 512, {}, 3_682_824),
        ("cnn_netvlad", 257, {}, 7_631_624),
    ],
)
def test_parameters_at_the_papers_sizes(name, features, sizes, count):
    encoder = build(name, features, **sizes)
    assert sum(p.numel() for p in encoder.parameters()) == count


def test_parameters_are_those_of_the_layers():
    gru = 3 * (512 * 256 + 256 * 256 + 2 * 256)
    transformer = 4 * (256 * 256 + 256) + (256 * 512 + 512) + (512 * 256 + 256) + 2 * 2 * 256
    assert sum(p.numel() for p in build("ours", 512).parameters()) == gru + transformer


@pytest.mark.parametrize("name", ENCODERS)
def test_an_embedding_does_not_depend_on_its_batch(name):
    encoder, x = small(name).eval(), utterances()
    for i, n in enumerate(FRAMES):
        x[i, :, n:] = math.nan  # whatever lies behind the end
    with torch.no_grad():
        together = encoder(x, FRAMES)
        assert together.shape == (len(FRAMES), encoder.embedding) and torch.isfinite(together).all()
        for i, n in enumerate(FRAMES):
            alone = encoder(x[i : i + 1, :, :n], FRAMES[i : i + 1])
            torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ENCODERS)
def test_padding_changes_nothing_in_training_either(name):
    encoder = small(
        name, **({"dropout": 0.0} if "dropout" in SMALL[name] or name in ("ours", "no_gru") else {})
    )
    x = utterances()
    wider = torch.nn.functional.pad(x, (0, 13), value=7.0)
    torch.testing.assert_close(encoder(x, FRAMES), encoder(wider, FRAMES), atol=1e-5, rtol=0)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("name", ENCODERS)
def test_gradients_reach_every_weight(name, autocast):
    encoder, x = small(name), utterances().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = encoder(x, FRAMES)
    (out.float() * torch.randn(out.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for weight, p in encoder.named_parameters():
        assert p.grad is not None and torch.isfinite(p.grad).all(), weight
        assert p.grad.any(), weight
    assert x.grad.any() and not x.grad[0, :, 1:].any()  # nothing flows into padding


@pytest.mark.parametrize("steps", [(2, 2), (2,), (3, 2), (1,), ()])
def test_pooling_is_the_mean_of_each_window(steps):
    x = utterances()
    found, lengths = TemporalPooling(steps)(x, FRAMES)
    for i, n in enumerate(FRAMES.tolist()):
        expected = x[i, :, :n].numpy()
        for step in steps:
            windows = range(0, expected.shape[1], step)
            expected = np.stack([expected[:, s : s + step].mean(1) for s in windows], 1)
        assert lengths[i] == expected.shape[1]
        np.testing.assert_allclose(found[i, :, : lengths[i]], expected, atol=1e-6)
        assert not found[i, :, lengths[i] :].any()


def test_an_utterance_shorter_than_a_window_is_its_mean():
    x = torch.randn(1, 4, 3)
    found, lengths = TemporalPooling((2, 2, 2))(x, torch.tensor([1]))
    assert lengths.tolist() == [1]
    torch.testing.assert_close(found[0, :, 0], x[0, :, 0])


def test_our_encoder_is_the_papers_equations():
    encoder = GRUTransformer(6, hidden=8, nodes=5, dropout=0.0, pooling=(2,)).eval()
    w = {name: p.detach().double().numpy() for name, p in encoder.named_parameters()}
    x = utterances(torch.tensor([7]), 6)
    pooled = [x[0, :, s : s + 2].double().numpy().mean(1) for s in (0, 2, 4, 6)]

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    h, states = np.zeros(8), []
    for frame in pooled:
        a = np.split(w["gru.weight_ih_l0"] @ frame + w["gru.bias_ih_l0"], 3)
        b = np.split(w["gru.weight_hh_l0"] @ h + w["gru.bias_hh_l0"], 3)
        r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
        h = (1 - z) * np.tanh(a[2] + r * b[2]) + z * h
        states.append(h)
    states = np.stack(states)  # (T, 8)

    layer = {name.removeprefix("transformer.0."): value for name, value in w.items()}
    q, k, v = np.split(states @ layer["self_attn.in_proj_weight"].T + layer["self_attn.in_proj_bias"], 3, 1)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):  # equation 1, once a head, D its share
        scores = np.exp(q[:, part] @ k[:, part].T / np.sqrt(4))
        heads.append(scores / scores.sum(1, keepdims=True) @ v[:, part])
    attended = (
        np.concatenate(heads, 1) @ layer["self_attn.out_proj.weight"].T + layer["self_attn.out_proj.bias"]
    )

    def norm(a, name):
        a = (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)
        return a * layer[f"{name}.weight"] + layer[f"{name}.bias"]

    y = norm(states + attended, "norm1")
    inner = np.maximum(y @ layer["linear1.weight"].T + layer["linear1.bias"], 0)
    y = norm(y + inner @ layer["linear2.weight"].T + layer["linear2.bias"], "norm2")
    found = encoder(x, torch.tensor([7]))[0].detach().numpy()
    np.testing.assert_allclose(found, y.mean(0), atol=1e-5)


def test_only_the_gru_knows_the_order():
    frames, x = torch.tensor([32]), utterances(torch.tensor([32]))
    swapped = x.unflatten(2, (8, 4)).flip(2).flatten(2)  # whole pooling windows change places
    without, with_gru = small("no_gru").eval(), small("ours").eval()
    torch.testing.assert_close(without(x, frames), without(swapped, frames), atol=1e-5, rtol=0)
    assert (with_gru(x, frames) - with_gru(swapped, frames)).abs().max() > 1e-2


def test_the_blstm_is_pytorchs_on_packed_sequences():
    encoder, x = BLSTM(20, hidden=8), utterances()
    theirs = torch.nn.LSTM(20, 8, batch_first=True, bidirectional=True)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(theirs, f"{name}_l0").data = getattr(encoder.forwards, f"{name}_l0").data
        getattr(theirs, f"{name}_l0_reverse").data = getattr(encoder.backwards, f"{name}_l0").data
    packed = pack_padded_sequence(x.transpose(1, 2), FRAMES, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    found = encoder.sequence(x, FRAMES).transpose(1, 2)
    for i, n in enumerate(FRAMES):
        torch.testing.assert_close(found[i, :n], expected[i, :n], atol=1e-6, rtol=0)


def test_netvlad_is_its_equation_and_of_unit_length():
    torch.manual_seed(0)
    layer, x, frames = NetVLAD(6, 4), utterances(torch.tensor([9, 5, 1]), 6), torch.tensor([9, 5, 1])
    found = layer(x, frames).detach()
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(found.unflatten(1, (4, 6)).norm(dim=2), torch.full((3, 4), 0.5))  # 1 / √4
    w, b, c = (p.detach().double().numpy() for p in (layer.assign.weight, layer.assign.bias, layer.centres))
    for i, n in enumerate(frames.tolist()):
        v = np.zeros((4, 6))
        for frame in x[i, :, :n].T.double().numpy():
            a = np.exp(w @ frame + b)
            v += (a / a.sum())[:, None] * (frame - c)
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        np.testing.assert_allclose(found[i], (v / np.linalg.norm(v)).ravel(), atol=1e-5)


def test_netvlad_forgets_how_long_an_utterance_is():
    layer, x = NetVLAD(6, 4), utterances(torch.tensor([9]), 6)
    twice = layer(torch.cat([x, x], 2), torch.tensor([18]))
    torch.testing.assert_close(layer(x, torch.tensor([9])), twice, atol=1e-6, rtol=0)


def test_masked_batch_norm_is_batch_norm_of_the_valid_frames():
    x, frames = torch.randn(3, 4, 5, 9) * 3 + 2, torch.tensor([9, 4, 1])
    ours, theirs = MaskedBatchNorm(4), torch.nn.BatchNorm2d(4)
    for norm in (ours, theirs):
        torch.nn.init.constant_(norm.weight, 1.5)
        torch.nn.init.constant_(norm.bias, -0.3)
    found = ours(x, frames)
    only = torch.cat([x[i, :, :, :n] for i, n in enumerate(frames)], 2)[None]  # (1, C, F, valid frames)
    expected = theirs(only)
    together = torch.cat([found[i, :, :, :n] for i, n in enumerate(frames)], 2)[None]
    torch.testing.assert_close(together, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(only, torch.tensor([14])), theirs.eval()(only))


def test_the_thin_resnet_is_the_published_one():
    found = [m for m in build("cnn_netvlad", 257).modules() if isinstance(m, Convolution)]
    shapes = [
        (m.convolution.out_channels, m.convolution.kernel_size[0], m.convolution.stride[0]) for m in found
    ]
    expected = [(64, 7, 1)]
    for inner, out, blocks, stride in ((48, 96, 2, 1), (96, 128, 3, 2), (128, 256, 3, 2), (256, 512, 3, 2)):
        expected += [(inner, 1, stride), (inner, 3, 1), (out, 1, 1), (out, 1, stride)]
        expected += [(inner, 1, 1), (inner, 3, 1), (out, 1, 1)] * (blocks - 1)
    assert shapes == expected
    convolutions = build("cnn_netvlad", 257).convolutions
    assert convolutions.last.kernel_size == (7, 1)  # as published for 257 frequencies
    x, frames = convolutions.eval()(torch.randn(1, 257, 50), torch.tensor([50]))
    assert x.shape == (1, 512, 4) and frames.tolist() == [4]


def test_wrong_arguments_are_named():
    with pytest.raises(
        ValueError, match="'lstm' is unknown; there are ours, no_gru, blstm, blstm_netvlad, cnn"
    ):
        build("lstm", 512)
    with pytest.raises(ValueError, match="2 heads do not divide 257"):
        build("no_gru", 257)
    with pytest.raises(ValueError, match="≥ 1, found \\(2, 0\\)"):
        build("blstm", 26, pooling=(2, 0))
    with pytest.raises(ValueError, match="at least 2 frequencies, found 1"):
        build("cnn_netvlad", 1)
