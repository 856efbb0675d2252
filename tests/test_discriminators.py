"""Paper 4's three approaches on a two-layer toy: every gradient by hand, and who may touch whom."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sernb.attributes import UNKNOWN, Discriminators, Heads, shared
from sernb.losses import Softmax

Z = {"gender": torch.tensor([0, 1] * 4), "corpus": torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])}
Y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def error(logits, target):
    """∂ mean cross-entropy / ∂ logits."""
    return (logits.softmax(1) - F.one_hot(target, logits.shape[1])) / len(target)


@pytest.mark.parametrize("approach", ["MTL", "GR"])
@pytest.mark.parametrize("progress", [0.0, 0.4, 1.0])
def test_shared_layers_receive_the_mean_of_the_attributes_with_its_sign(approach, progress):
    x, encoder, classifier = (
        drawn(*shape, seed=i).float() for i, shape in enumerate([(8, 5), (4, 5), (3, 4)])
    )
    encoder.requires_grad_()
    made = Heads(4, shared(approach, list(Z), 0.5), {"gender": 2, "corpus": 3}, torch.Generator(), Softmax)
    h = x @ encoder.T
    losses = made.losses(h, Z, progress)
    made.total(F.cross_entropy(h @ classifier.T, Y), losses, progress).backward()
    alpha = 0.5 * progress if approach == "GR" else 0.5
    down = (1 - alpha) * error(h @ classifier.T, Y) @ classifier
    for name, target in Z.items():
        linear = made.heads[name].linear
        e = error(h @ linear.weight.T + linear.bias, target)
        sign = -1 if approach == "GR" else 1
        down = down + sign * alpha / 2 * e @ linear.weight
        assert torch.allclose(linear.weight.grad, alpha / 2 * e.T @ h, atol=1e-6)  # heads always learn
    assert torch.allclose(encoder.grad, (down.T @ x).detach(), atol=1e-6)


def adversaries(alpha=0.5, seed=0):
    return Discriminators(
        3,
        {"gender": 2, "corpus": 3},
        alpha,
        lambda e, c: nn.Linear(e, c),
        torch.Generator().manual_seed(seed),
    ).double()


def test_the_classifiers_gradient_against_standing_discriminators_by_hand():
    made, logits = adversaries(), drawn(8, 3).requires_grad_()
    p = logits.softmax(1)
    loss = made.against(F.cross_entropy(logits, Y), p, Z)
    loss.backward()
    assert all(q.grad is None for q in made.parameters())
    down = torch.zeros_like(logits)
    for name, target in Z.items():
        linear = made.heads[name]
        e = error(p @ linear.weight.T + linear.bias, target) @ linear.weight  # ∂ L_d / ∂ p
        down += p * (e - (e * p).sum(1, keepdim=True))  # through the softmax
    expected = 0.5 * error(logits, Y) - 0.5 / 2 * down
    assert torch.allclose(logits.grad, expected, atol=1e-12)
    values = [F.cross_entropy(made.heads[n](p), t).item() for n, t in Z.items()]
    assert math.isclose(
        loss.item(), 0.5 * F.cross_entropy(logits, Y).item() - 0.25 * sum(values), rel_tol=1e-12
    )


def test_a_step_of_the_discriminators_touches_only_them_and_lowers_their_losses():
    made, classifier = adversaries(), nn.Linear(4, 3).double()
    before = [q.clone() for q in classifier.parameters()]
    optimiser = torch.optim.SGD(made.parameters(), lr=0.5, momentum=0.9)
    p = classifier(drawn(8, 4)).softmax(1)
    first = made.train_on(p, Z, optimiser)
    for _ in range(200):
        last = made.train_on(p, Z, optimiser)
    assert all(last[name] < first[name] for name in Z)
    assert all(q.grad is None for q in classifier.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, classifier.parameters(), strict=True))
    assert not any(q.requires_grad for q in made.parameters())


def test_unknown_attributes_are_left_out_of_their_discriminator():
    made, p = adversaries(), drawn(8, 3).softmax(1)
    some = {**Z, "gender": torch.tensor([0, UNKNOWN] * 4)}
    known = some["gender"] != UNKNOWN
    expected = F.cross_entropy(made.heads["gender"](p[known]), some["gender"][known])
    assert torch.equal(made.losses(p, some)["gender"], expected)
    nobody = made.losses(p, {**Z, "gender": torch.full((8,), UNKNOWN)})
    assert nobody["gender"] == 0


def test_an_attribute_of_one_class_is_refused():
    with pytest.raises(ValueError, match="gender has 1 class in training"):
        Discriminators(3, {"gender": 1}, 0.5, lambda e, c: nn.Linear(e, c), torch.Generator())


def test_alpha_is_shared_and_rises_only_under_reversal():
    controls = shared("GR", ["a", "b", "c"], 0.5)
    assert math.isclose(sum(c.weight for c in controls.values()), 0.5) and all(
        c.rising for c in controls.values()
    )
    assert not any(c.rising for c in shared("MTL", ["a"], 0.1).values())
    with pytest.raises(ValueError, match="'AD' is unknown"):
        shared("AD", ["a"], 0.1)
