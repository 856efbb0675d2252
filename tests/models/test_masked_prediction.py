"""Masks by HuBERT's statistics, and a loss that sees nothing but masked frames."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers.models.hubert.modeling_hubert import _compute_mask_indices

from sernb.models import gmp_atl, self_supervised


def test_mask_statistics_are_huberts():
    """8 % of the frames begin a span of ten: beside transformers' own masks at the same share of starts."""
    frames = torch.full((400,), 200)
    mask = gmp_atl.spans(frames, 200, 0.08, 10, torch.Generator().manual_seed(0))
    np.random.seed(0)
    theirs = _compute_mask_indices((400, 200), 0.8, 10)
    assert mask.float().mean() == pytest.approx(theirs.mean(), abs=0.01)
    # Without edges, a frame escapes where none of the ten places before it was drawn: 1 − 0.92¹⁰ are masked.
    inside = mask[:, 20:-20].float().mean().item()
    places = 191  # the starts are drawn from these
    assert inside == pytest.approx(1 - (1 - 16 / places) ** 10, abs=0.02)


def test_every_span_is_whole_and_inside_its_utterance():
    frames = torch.tensor([200, 57, 12, 10, 7, 1])
    for seed in range(20):
        mask = gmp_atl.spans(frames, 200, 0.08, 10, torch.Generator().manual_seed(seed))
        for row, n in zip(mask, frames.tolist(), strict=True):
            assert not row[n:].any() and row.any()
            edges = F.pad(row.float(), (1, 1)).diff()
            runs = (edges == -1).nonzero().flatten() - (edges == 1).nonzero().flatten()
            assert (runs >= min(10, n)).all()
    number = [
        gmp_atl.spans(torch.tensor([60]), 60, 0.08, 1, torch.Generator().manual_seed(s)).sum()
        for s in range(300)
    ]
    assert set(map(int, number)) == {4, 5} and np.mean(number) == pytest.approx(4.8, abs=0.1)


def test_masks_are_drawn_from_the_generator():
    frames = torch.tensor([100, 80])
    a, b = (gmp_atl.spans(frames, 100, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(a, b)
    assert not gmp_atl.spans(frames, 100, 0.0, 10, least=0).any()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return gmp_atl.MaskedPrediction(self_supervised.small(32, 2), [5, 9]).eval()


def given(model, seconds=2):
    generator = torch.Generator().manual_seed(0)
    x, frames = model.encoder.front(
        torch.randn(2, 16_000 * seconds, generator=generator), torch.tensor([16_000 * seconds, 20_000])
    )
    labels = torch.stack([torch.randint(k, x.shape[::2], generator=generator) for k in (5, 9)], 2)
    return x, frames, labels, model.mask(frames, x.shape[2], generator)


def test_the_loss_is_cross_entropy_over_masked_frames_only(model):
    x, frames, labels, mask = given(model)
    found = model.losses(x, frames, labels, mask)
    hidden = model.encoder.transform(x, frames, mask)
    for i, head in enumerate(model.heads):
        logp = head(hidden).log_softmax(-1)
        each = -logp.gather(2, labels[..., i : i + 1])[..., 0]
        assert found[i].item() == pytest.approx(each[mask].mean().item(), abs=1e-5)
    other = torch.where(mask[..., None], labels, (labels + 1) % 5)  # labels elsewhere do not count
    torch.testing.assert_close(model.losses(x, frames, other, mask), found)
    moved = torch.where(mask[..., None], (labels + 1) % 5, labels)
    assert (model.losses(x, frames, moved, mask) - found).abs().min() > 1e-4


def test_with_unmasked_frames_the_two_losses_are_weighed(model):
    x, frames, labels, mask = given(model)
    masked = model.losses(x, frames, labels, mask)
    model.unmasked = 0.25
    hidden, inside = model.encoder.transform(x, frames, mask), torch.arange(mask.shape[1]) < frames[:, None]
    rest = inside & ~mask
    for i, head in enumerate(model.heads):
        other = F.cross_entropy(head(hidden[rest]), labels[rest][:, i])
        found = model.losses(x, frames, labels, mask)[i]
        assert found.item() == pytest.approx((0.75 * masked[i] + 0.25 * other).item(), abs=1e-5)


def test_gradient_reaches_the_mask_vector_and_not_what_it_covers(model):
    x, frames, labels, mask = given(model)
    x = x.detach().requires_grad_()
    model.losses(x, frames, labels, mask).sum().backward()
    reached = x.grad.abs().sum(1) > 0
    assert not reached[mask].any() and reached.any()
    assert model.encoder.model.masked_spec_embed.grad.abs().sum() > 0


def test_recurrent_recogniser_ignores_padding_and_masks_in_training_only():
    torch.manual_seed(0)
    model = gmp_atl.RecurrentRecogniser(self_supervised.small(32, 2), 8, 6, masked=0.5).eval()
    x, frames = model.encoder.front(torch.randn(2, 16_000), torch.tensor([16_000, 9000]))
    both, alone = model(x, frames), model(x[1:, :, : frames[1]], frames[1:])
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(model(x, frames), both)
    model.train()
    assert (model(x, frames) - both).abs().max() > 1e-3
