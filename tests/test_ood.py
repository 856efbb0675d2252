"""Detectors against closed forms: two Gaussian classes, a linear model, and what they reduce to."""

import numpy as np
import pytest
import torch
from pytorch_ood.detector import Mahalanobis
from scipy.stats import norm
from torch.nn import functional as F

from sernb import metrics, ood


@pytest.fixture
def linear():
    weight = torch.randn(3, 12, generator=torch.Generator().manual_seed(0)).double()
    return lambda x: x.flatten(1) @ weight.T, weight


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rodin_without_a_step_is_max_softmax_and_backwards_it_is_odin(linear):
    model, _ = linear
    x = drawn(20, 4, 3)
    for temperature in (1.0, 10.0):
        plain = -(model(x) / temperature).softmax(1).max(1).values
        assert torch.equal(ood.rodin(model, x, 0.0, temperature), plain)
        assert torch.equal(ood.rodin(model, x, -0.05, temperature), ood.odin(model, x, 0.05, temperature))
        # a step towards the predicted class makes it more probable, a step away less
        assert (ood.odin(model, x, 1e-4, temperature) < plain).all()
        assert (ood.rodin(model, x, 1e-4, temperature) > plain).all()


def test_odin_of_a_linear_model_by_hand(linear):
    """∇ CE(Wx / T, ŷ) = Wᵀ(p − one-hot) / T."""
    model, weight = linear
    x, temperature, epsilon = drawn(10, 12, seed=1), 2.0, 0.1
    p = (x @ weight.T / temperature).softmax(1)
    gradient = (p - F.one_hot(p.argmax(1), 3)) @ weight / temperature
    moved = x - epsilon * gradient.sign()
    expected = -(moved @ weight.T / temperature).softmax(1).max(1).values
    assert torch.allclose(ood.odin(model, x, epsilon, temperature), expected)


def fitted(seed=0, n=4000):
    """Two classes N((±4, 0), I) and what lies outside, N((0, 6), I)."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 2, generator=generator)
    y = torch.arange(n) % 2
    z[:, 0] += torch.where(y == 0, -4.0, 4.0)
    head = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])

    def logits(x):
        return 30 * F.normalize(x) @ head.to(x.dtype).T

    outside = torch.randn(n, 2, generator=generator) + torch.tensor([0.0, 6.0])
    return ood.Detectors(logits, 30 * head, z, y), z, y, outside, logits


def test_two_gaussians_in_closed_form():
    detectors, z, y, outside, logits = fitted()
    found = detectors(z)
    centred = z - torch.where(y[:, None] == 0, -1.0, 1.0) * torch.tensor([4.0, 0.0])
    covariance = (centred.T @ centred).double() / len(z)
    for m in (z[y == 0].mean(0), z[y == 1].mean(0)):
        away = (z - m).double().numpy()
        half = (away @ np.linalg.inv(covariance.numpy()) * away).sum(1) / 2
        assert (found["Mahalanobis"] <= half * 1.001 + 1e-6).all()
    library = Mahalanobis(None).fit_features(z, y).predict_features(z) * len(
        z
    )  # its covariance is not divided
    np.testing.assert_allclose(found["Mahalanobis"], library, rtol=1e-3)
    s = logits(z)
    np.testing.assert_allclose(found["MaxLogit"], -s.max(1).values)
    np.testing.assert_allclose(found["energy"], -s.logsumexp(1), rtol=1e-5)
    np.testing.assert_allclose(found["max softmax"], -s.softmax(1).max(1).values)
    unit = F.normalize(z[:50])
    near = torch.cdist(unit, F.normalize(z)).sort(1).values[:, ood.NEIGHBOUR - 1]
    np.testing.assert_allclose(found["KNN"][:50], near, atol=2e-3)
    clipped = z.clamp(max=float(torch.quantile(z, ood.PERCENTILE)))
    np.testing.assert_allclose(found["ReAct"], -logits(clipped).logsumexp(1), rtol=1e-4)


def test_the_tied_covariance_distance_reaches_the_closed_form_auroc():
    """ID: min over classes of chi-square(2)-like; by simulation with the true parameters, independent of the code."""
    detectors, z, y, outside, _ = fitted()
    fresh = fitted(seed=5)[1]
    auroc = metrics.auroc(detectors(fresh)["Mahalanobis"], detectors(outside)["Mahalanobis"])
    # one dimension decides: |N(6, 1)| against |N(0, 1)| plus the distance of the other axis to the nearer mean
    generator = np.random.default_rng(0)
    inside = generator.normal(size=(200_000, 2))
    away = generator.normal(size=(200_000, 2)) + [0, 6]
    d_in = (inside**2).sum(1)
    d_out = np.minimum((away[:, 0] - 4) ** 2, (away[:, 0] + 4) ** 2) + away[:, 1] ** 2
    assert auroc == pytest.approx((d_out > d_in).mean(), abs=0.002)
    assert norm.cdf(3) < auroc


def test_directions_without_variance_are_ignored():
    z = drawn(40, 3)
    y = torch.arange(40) % 2
    flat = torch.cat([z, 2 * z, torch.zeros(40, 4)], 1)  # ten dimensions, three of them free
    new = drawn(9, 3, seed=3)
    wide = torch.cat([new, 2 * new, torch.zeros(9, 4)], 1)
    assert torch.allclose(ood.Mahalanobis(flat, y)(wide), ood.Mahalanobis(z, y)(new))


def test_nothing_but_training_is_seen():
    """Scores of an utterance do not depend on what else is scored."""
    detectors, z, y, outside, _ = fitted(n=600)
    alone, together = detectors(outside[:5]), detectors(torch.cat([outside[:5], z]))
    np.testing.assert_allclose(alone.to_numpy(), together.to_numpy()[:5], rtol=1e-5)
