"""AM-Softmax against an independent derivation, its gradient and its limits."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from sernb.losses import AMSoftmax, BinarySoftmax


def test_am_softmax_is_equation_2():
    generator = np.random.default_rng(0)
    x, w, y = generator.normal(size=(6, 5)), generator.normal(size=(4, 5)), generator.integers(0, 4, 6)
    cosine = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (w / np.linalg.norm(w, axis=1, keepdims=True)).T
    total = 0.0
    for i, label in enumerate(y):
        scores = 30 * cosine[i]
        scores[label] = 30 * (cosine[i, label] - 0.2)
        total += logsumexp(scores) - scores[label]
    loss = AMSoftmax(5, 4)
    loss.weight.data = torch.from_numpy(w).float()
    found = loss(torch.from_numpy(x).float(), torch.from_numpy(y))
    assert found.item() == pytest.approx(total / 6, rel=1e-5)
    np.testing.assert_allclose(loss.logits(torch.from_numpy(x)).detach(), 30 * cosine, atol=1e-4)


def test_a_larger_margin_is_a_larger_loss_and_zero_is_cross_entropy():
    torch.manual_seed(0)
    x, y = torch.randn(8, 5), torch.randint(0, 3, (8,))
    losses = [AMSoftmax(5, 3, margin=m) for m in (0.0, 0.2, 0.4)]
    for loss in losses[1:]:
        loss.weight.data = losses[0].weight.data
    plain, small, large = (loss(x, y).item() for loss in losses)
    assert plain < small < large
    assert plain == pytest.approx(torch.nn.functional.cross_entropy(losses[0].logits(x), y).item(), rel=1e-6)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="classes ≥ 2"):
        AMSoftmax(5, 1)


def test_binary_softmax_is_the_equation_on_probabilities():
    torch.manual_seed(0)
    loss = BinarySoftmax(6, 4)
    x, target = torch.randn(5, 6, requires_grad=True), torch.tensor([0, 3, 1, 1, 2])
    found = loss(x, target)
    scores = (x @ loss.linear.weight.T + loss.linear.bias).double()
    p = scores.exp() / scores.exp().sum(1, keepdim=True)
    total = 0.0
    for row, own in zip(p, target, strict=True):
        total += sum(-torch.log(row[c] if c == own else 1 - row[c]) for c in range(4))
    torch.testing.assert_close(found.double(), total / 20)
    with torch.autocast("cpu", torch.bfloat16):
        inside = loss(x, target)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, found)
    found.backward()
    assert torch.isfinite(x.grad).all()
