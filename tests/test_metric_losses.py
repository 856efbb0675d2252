"""Paper 5's losses against re-derivations in NumPy and a reference library, their gradients and their margins."""

import math

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses as reference
from pytorch_metric_learning.distances import LpDistance
from scipy.special import logsumexp

from sernb import losses

K, N, FEATURES = 4, 5, 6


@pytest.fixture
def batch():
    """An episode in shuffled order: embeddings (K·N, FEATURES) in float64, targets."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(K * N, FEATURES, generator=generator, dtype=torch.float64)
    y = torch.arange(K).repeat(N)[torch.randperm(K * N, generator=generator)]
    return x, y


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def by_hand(x, y, score, queries):
    """Equations 2 to 5, query by query: score(query, centroid, is own class) → logit."""
    x, y, total = x.numpy(), y.numpy(), []
    last = [np.flatnonzero(y == k)[-1] for k in range(K)]
    for q in last if queries == "one" else range(len(x)):
        apart = last if queries == "one" else [q]
        centres = [x[[i for i in np.flatnonzero(y == k) if i not in apart]].mean(0) for k in range(K)]
        logits = np.array([score(x[q], centres[k], k == y[q]) for k in range(K)])
        total.append(logsumexp(logits) - logits[y[q]])
    return np.mean(total)


@pytest.mark.parametrize("queries", losses.QUERIES)
@pytest.mark.parametrize(
    ("name", "reading", "added"),
    [("AProto", "tightening", 0.0), ("AMProto", "tightening", 0.3), ("NAMP", "tightening", -0.3),
     ("AMProto", "relaxing", -0.3), ("NAMP", "relaxing", 0.3)],
)  # fmt: skip
def test_angular_prototypical_losses_are_equations_2_to_5(batch, queries, name, reading, added):
    loss = losses.build(name, FEATURES, K, reading=reading, queries=queries, ce=False)

    def score(query, centre, own):
        return 10.0 * (unit(query) @ unit(centre) + added * own) - 5.0

    assert loss(*batch).item() == pytest.approx(by_hand(*batch, score, queries), rel=1e-5)


@pytest.mark.parametrize("queries", losses.QUERIES)
def test_prototypical_loss_is_squared_euclidean(batch, queries):
    loss = losses.build("Proto", FEATURES, K, queries=queries, ce=False)
    expected = by_hand(*batch, lambda q, c, own: -((q - c) ** 2).sum(), queries)
    assert loss(*batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["AM", "AAM"])
def test_margin_softmax_agrees_with_the_reference(batch, name):
    x, y = batch
    ours = losses.build(name, FEATURES, K, margin=0.25)
    theirs = {
        "AM": lambda: reference.CosFaceLoss(K, FEATURES, margin=0.25, scale=30),
        "AAM": lambda: reference.ArcFaceLoss(K, FEATURES, margin=math.degrees(0.25), scale=30),
    }[name]()
    theirs.W.data = ours.weight.data.T.clone()
    assert ours(x.float(), y).item() == pytest.approx(theirs(x.float(), y).item(), rel=1e-5)


def test_the_angular_margin_falls_with_the_cosine_past_pi():
    loss = losses.AAMSoftmax(2, 2, margin=0.5)
    loss.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    angles = torch.linspace(math.pi - 0.7, math.pi - 0.01, 40)
    x = torch.stack([angles.cos(), -angles.sin()], 1)  # the other class's cosine falls on the way
    own = [loss(x[i : i + 1], torch.tensor([0])) + 30 * -angles[i].sin() for i in range(len(x))]
    assert (torch.stack(own).diff() > -1e-3).all()


def test_triplet_agrees_with_the_reference(batch):
    theirs = reference.TripletMarginLoss(margin=0.2, distance=LpDistance(normalize_embeddings=True))
    expected = theirs(*batch).item()
    assert expected > 0 and losses.build("Tri", FEATURES, K, ce=False)(*batch).item() == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("name", losses.NAMES)
@pytest.mark.parametrize("queries", losses.QUERIES)
def test_gradients(batch, name, queries):
    x, y = batch
    loss = losses.build(name, FEATURES, K, queries=queries).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, y), x.clone().requires_grad_(), atol=1e-5)


@pytest.mark.parametrize("name", losses.METRIC)
def test_with_cross_entropy_it_is_the_sum(batch, name):
    x, y = batch
    torch.manual_seed(1)
    joint, alone = losses.build(name, FEATURES, K), losses.build(name, FEATURES, K, ce=False)
    expected = torch.nn.functional.cross_entropy(joint.logits(x.float()), y) + alone(x.float(), y)
    assert joint(x.float(), y).item() == pytest.approx(expected.item(), rel=1e-5)
    assert not hasattr(alone, "logits") and joint.logits(x.float()).shape == (K * N, K)


@pytest.mark.parametrize("reading", losses.READINGS)
def test_without_a_margin_all_three_are_scaled_cosine_prototypes(batch, reading):
    made = [
        losses.build(n, FEATURES, K, margin=0.0, reading=reading, ce=False)
        for n in ("AMProto", "NAMP", "AProto")
    ]
    values = [loss(*batch).item() for loss in made]
    expected = by_hand(*batch, lambda q, c, own: 10.0 * unit(q) @ unit(c), "one")  # b drops out
    assert values == pytest.approx([expected] * 3, rel=1e-6)


@pytest.mark.parametrize("margin", [0.1, 0.2, 0.4])
def test_as_printed_a_negative_margin_is_am_softmaxs_positive_one(batch, margin):
    """AM-Softmax with the centroids as its weights, of the queries, is equation 4 as printed with −m."""
    asked, centres, own = losses.centroids(losses.episode(*batch))
    am = losses.AMSoftmax(FEATURES, K, scale=10.0, margin=margin).double()
    am.weight.data = centres[0]
    printed = losses.AngularPrototypical(-margin, "tightening")
    argued = losses.AngularPrototypical(-margin, "relaxing")
    assert printed(*batch).item() == pytest.approx(am(asked, own).item(), rel=1e-6)
    am.margin = -margin
    assert argued(*batch).item() == pytest.approx(am(asked, own).item(), rel=1e-6)
    assert argued(*batch).item() < printed(*batch).item()


@pytest.mark.parametrize("queries", losses.QUERIES)
def test_a_query_never_contributes_to_a_centroid_it_is_compared_with(queries):
    x = torch.randn(K, N, FEATURES, dtype=torch.float64, requires_grad=True)
    asked, centres, own = losses.centroids(x, queries)
    for q in range(len(asked)):
        (gradient,) = torch.autograd.grad(centres[q].sum(), x, retain_graph=True)
        itself = (x == asked[q]).all(2)
        assert itself.sum() == 1 and (gradient[itself] == 0).all()
        assert (gradient[~itself] != 0).any()


@pytest.mark.parametrize("scale", [-30.0, -1.0, 0.0, 3.0])
def test_the_scale_is_positive_whatever_was_learned(batch, scale):
    loss = losses.AngularPrototypical()
    loss.log_scale.data.fill_(scale)
    assert loss.scale > 0
    assert loss(*batch).item() == pytest.approx(
        by_hand(*batch, lambda q, c, own: math.exp(scale) * unit(q) @ unit(c), "one"), rel=1e-5
    )


def test_the_offset_has_no_effect(batch):
    loss = losses.AngularPrototypical(-0.3)
    loss(*batch).backward()
    assert abs(loss.offset.grad.item()) < 1e-6 < abs(loss.log_scale.grad.item())


@pytest.mark.parametrize(
    ("margin", "reading", "grows"),
    [
        (-0.3, "tightening", False),
        (-0.3, "relaxing", True),
        (0.3, "tightening", True),
        (0.3, "relaxing", False),
    ],
)
def test_a_learned_margin_keeps_its_sign_and_degenerates(batch, margin, reading, grows):
    loss = losses.AngularPrototypical(margin, reading, learned=True)
    optimiser = torch.optim.Adam([loss.size], 0.05)
    before = loss(*batch).item()
    for _ in range(200):
        optimiser.zero_grad()
        loss(*batch).backward()
        optimiser.step()
    learned = loss.margin.item()
    assert math.copysign(1, learned) == math.copysign(1, margin) and loss(*batch).item() < before
    assert abs(learned) > 1.0 if grows else abs(learned) < 0.03


def test_wrong_arguments_are_refused(batch):
    x, y = batch
    with pytest.raises(ValueError, match="'NAMB' is unknown"):
        losses.build("NAMB", FEATURES, K)
    with pytest.raises(ValueError, match="NAMP's negative"):
        losses.build("NAMP", FEATURES, K, margin=0.3)
    with pytest.raises(ValueError, match="'loosening' is unknown"):
        losses.AngularPrototypical(reading="loosening")
    with pytest.raises(ValueError, match="'two' is unknown"):
        losses.build("Proto", FEATURES, K, queries="two", ce=False)(x, y)
    with pytest.raises(ValueError, match="same number of utterances"):
        losses.episode(x[1:], y[1:])
