"""Attribute control: against gradients taken by hand, and what must not change."""

import math

import pytest
import torch
from torch.nn import functional as F

from sernb import reported
from sernb.attributes import (
    UNKNOWN,
    VARIANTS,
    WEIGHTS,
    Control,
    Heads,
    canonical,
    declaration,
    multitask,
    reversal,
    reverse,
)  # fmt: skip
from sernb.losses import Softmax


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0, 2.5])
def test_the_reversed_gradient_is_minus_strength_times_the_plain_one(strength):
    x, weight = drawn(5, 4).requires_grad_(), drawn(4, 3, seed=1)
    (plain,) = torch.autograd.grad((x @ weight).square().sum(), x)
    turned = reversal(x, strength)
    assert torch.equal(turned, x)
    (back,) = torch.autograd.grad((turned @ weight).square().sum(), x)
    assert torch.allclose(back, -strength * plain, rtol=0, atol=1e-6 * plain.abs().max().item())


def heads(controls, seed=0, loss=Softmax):
    classes = {"gender": 2, "speaker": 3, "language": 4}
    return Heads(6, controls, classes, torch.Generator().manual_seed(seed), loss)


def test_the_total_is_equation_5_and_each_gradient_goes_where_it_should():
    """A linear encoder under linear heads: every gradient by hand, from softmax − one-hot."""
    controls = {"gender": multitask(0.2), "speaker": reverse(0.15, strength=0.5)}
    made, encoder, x = heads(controls), drawn(6, 5).requires_grad_(), drawn(8, 5, seed=1)
    targets = {"gender": torch.tensor([0, 1] * 4), "speaker": torch.tensor([0, 1, 2, 2, 1, 0, 0, 1])}
    embedding = x @ encoder.T
    emotion = embedding.square().mean()
    total = made.total(emotion, made.losses(embedding, targets))
    total.backward()

    def by_hand(name):
        linear = made.heads[name].linear
        p = (embedding @ linear.weight.T + linear.bias).softmax(1).detach()
        error = (p - F.one_hot(targets[name], p.shape[1])) / len(x)
        loss = -p[torch.arange(len(x)), targets[name]].log().mean()
        return loss, error.T @ embedding.detach(), (error @ linear.weight.detach()).T @ x

    gender, speaker = by_hand("gender"), by_hand("speaker")
    assert math.isclose(
        total.item(), 0.65 * emotion.item() + 0.2 * gender[0] + 0.15 * speaker[0], rel_tol=1e-5
    )
    assert torch.allclose(made.heads["gender"].linear.weight.grad, 0.2 * gender[1], atol=1e-6)
    assert torch.allclose(made.heads["speaker"].linear.weight.grad, 0.15 * speaker[1], atol=1e-6)
    own = 0.65 * (2 * embedding.detach() / embedding.numel()).T @ x
    expected = own + 0.2 * gender[2] - 0.5 * 0.15 * speaker[2]
    assert torch.allclose(encoder.grad, expected, atol=1e-6)


def test_unknown_attributes_are_left_out_of_that_head_only():
    made, embedding = heads({"gender": multitask(0.2), "speaker": reverse(0.1)}), drawn(6, 6).requires_grad_()
    speaker = torch.tensor([0, 1, 2, 0, 1, 2])
    some = {"gender": torch.tensor([0, UNKNOWN, 1, UNKNOWN, 1, 0]), "speaker": speaker}
    found = made.losses(embedding, some)
    known = some["gender"] != UNKNOWN
    assert torch.equal(found["gender"], made.heads["gender"](embedding[known], some["gender"][known]))
    assert torch.equal(found["speaker"], made.heads["speaker"](embedding, speaker))
    nobody = made.losses(embedding, {**some, "gender": torch.full((6,), UNKNOWN)})
    assert nobody["gender"].item() == 0
    made.total(embedding.sum(), nobody).backward()  # and it can be trained on
    assert torch.isfinite(embedding.grad).all()


def test_a_growing_strength_grows_from_nothing():
    made, x = heads({"speaker": reverse(0.1, growing=True)}), drawn(4, 6).requires_grad_()
    plain = heads({"speaker": multitask(0.1)})
    targets = {"speaker": torch.tensor([0, 1, 2, 0])}
    (whole,) = torch.autograd.grad(plain.losses(x, targets)["speaker"], x)
    for progress in (0.0, 0.1, 0.5, 1.0):
        (part,) = torch.autograd.grad(made.losses(x, targets, progress)["speaker"], x)
        assert torch.allclose(
            part, -math.tanh(5 * progress) * whole, atol=1e-6
        )  # 2 / (1 + e^-2y) - 1 = tanh y


def test_heads_draw_from_their_own_generator():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (
        heads({"speaker": reverse(0.1)}),
        heads({"speaker": reverse(0.1)}),
        heads({"speaker": reverse(0.1)}, 1),
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = [h.heads["speaker"].linear.weight for h in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_declarations_and_what_they_refuse():
    assert declaration("Base", WEIGHTS["emodb"]) == {}
    assert declaration("Base+MSAC", WEIGHTS["emodb"]) == {"speaker": reverse(0.1), "gender": multitask(0.05)}
    assert declaration("Base+TAP", WEIGHTS["cross-corpus"]) == {"speaker": reverse(0.15)}
    whole = declaration("Base+AMTL", WEIGHTS["cross-corpus"])
    assert whole == {"speaker": multitask(0.15), "gender": multitask(0.2), "language": multitask(0.15)}
    with pytest.raises(ValueError, match="'Base\\+X' is unknown"):
        declaration("Base+X", WEIGHTS["emodb"])
    with pytest.raises(ValueError, match="sum to 1.1"):
        heads({"gender": multitask(0.6), "speaker": reverse(0.5)})
    with pytest.raises(ValueError, match="1 class in training"):
        Heads(6, {"gender": multitask(0.1)}, {"gender": 1}, torch.Generator())
    with pytest.raises(ValueError, match="found 'turn'"):
        Control("turn", 0.1)
    with pytest.raises(ValueError, match="share of the loss"):
        multitask(1.5)


@pytest.mark.parametrize("number", [4, 5, 6, 7, 8, 9])
def test_every_printed_variant_is_declared(number):
    printed = set(reported.table("msac_sernet", number)["model"])
    assert printed and {canonical(model) for model in printed} <= set(VARIANTS)
