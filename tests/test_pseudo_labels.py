"""k-means beside scikit-learn's, its memory, its empty clusters, and labels that stay with their frames."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.cluster import MiniBatchKMeans

from sernb import pseudo_labels

RECIPE = pseudo_labels.Recipe(batch=2000, passes=10, restarts=3, patience=10)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def frames():
    """Clouds of unequal size, more of them than clusters."""
    g = seeded()
    middles, shares = 2 * torch.randn(120, 16, generator=g), torch.rand(120, generator=g) ** 3
    return middles[torch.multinomial(shares, 20_000, True, generator=g)] + torch.randn(
        20_000, 16, generator=g
    )


@pytest.mark.parametrize("half", [False, True])
def test_inertia_within_a_hundredth_of_scikit_learns(frames, half):
    """The mean of sixteen seeds on each side: one start or another is better by chance."""
    recipe, exact = pseudo_labels.Recipe(2000, 10, 3, 10, half), {"ours": [], "theirs": []}
    for seed in range(16):
        ours = pseudo_labels.fit(frames, 48, seeded(seed), recipe)
        options = {
            "batch_size": 2000,
            "max_iter": 10,
            "n_init": 3,
            "max_no_improvement": 10,
            "random_state": seed,
        }
        theirs = MiniBatchKMeans(48, **options).fit(frames.numpy()).cluster_centers_
        exact["ours"].append((cdist(frames.double(), ours.double()).min(1) ** 2).mean())
        exact["theirs"].append((cdist(frames.double(), theirs).min(1) ** 2).mean())
    assert np.mean(exact["ours"]) < 1.01 * np.mean(exact["theirs"])
    assert pseudo_labels.inertia(frames, ours) == pytest.approx(exact["ours"][-1], rel=1e-4)
    labels = pseudo_labels.assign(frames, ours)
    assert (labels.numpy() == cdist(frames.double(), ours.double()).argmin(1)).mean() > 0.9999


def test_clouds_far_apart_are_found_whatever_the_start():
    g = seeded(2)
    middles = 50 * torch.randn(12, 4, generator=g)
    of = torch.arange(6000) % 12
    x = middles[of] + torch.randn(6000, 4, generator=g)
    labels = pseudo_labels.assign(x, pseudo_labels.fit(x, 12, seeded(3), RECIPE))
    assert len(torch.unique(torch.stack([of, labels]), dim=1).T) == 12


def test_empty_clusters_begin_again(frames):
    """All centres but one start where no frame is: they all end up with frames."""
    centres, weights = torch.full((8, 16), 1e3), torch.ones(8)
    centres[0] = 0
    labels, distances = pseudo_labels._nearest(frames[:500], centres)
    empty = torch.bincount(labels, minlength=8) == 0
    assert empty.sum() == 7
    pseudo_labels._reseed(centres, weights, empty, frames[:500], distances, seeded())
    assert (torch.bincount(pseudo_labels._nearest(frames[:500], centres)[0], minlength=8) > 0).all()


def test_float16_on_disk_is_read_batch_by_batch(frames, tmp_path, monkeypatch):
    with pseudo_labels.OnDisk(tmp_path / "frames", 16) as out:
        for part in frames.split(3000):
            out.add(part)
    stored = out.read()
    assert stored.dtype == torch.float16 and stored.shape == frames.shape
    torch.testing.assert_close(stored.float(), frames, atol=5e-3, rtol=0)
    drawn, draw = [], pseudo_labels._draw
    monkeypatch.setattr(pseudo_labels, "_draw", lambda f, n, *a: drawn.append(n) or draw(f, n, *a))
    centres = pseudo_labels.fit(stored, 16, seeded(1), pseudo_labels.Recipe(500, 3, 2))
    assert max(drawn) == 1500  # a start; no copy of all 20 000 frames is made
    whole = pseudo_labels.inertia(
        frames, pseudo_labels.fit(frames, 16, seeded(1), pseudo_labels.Recipe(500, 3, 2))
    )
    assert pseudo_labels.inertia(stored, centres) == pytest.approx(whole, rel=0.02)


def test_scales_are_drawn_from_the_seed(frames):
    a, b = (pseudo_labels.scales(frames, (4, 32), 7, pseudo_labels.Recipe(1000, 2, 1)) for _ in range(2))
    assert list(a) == [4, 32] and all(torch.equal(a[k], b[k]) and a[k].shape == (k, 16) for k in a)
    assert pseudo_labels.inertia(frames, a[32]) < pseudo_labels.inertia(frames, a[4])


def test_too_few_frames_are_refused(frames):
    with pytest.raises(ValueError, match="10 frames do not make 16 clusters"):
        pseudo_labels.fit(frames[:10], 16, seeded())


def test_as_many_clusters_as_frames_is_exact():
    x = torch.randn(20, 3, generator=seeded(4)).repeat_interleave(2, 0)
    centres = pseudo_labels.fit(x, 20, seeded(5), pseudo_labels.Recipe(40, 5, 2))
    assert pseudo_labels.inertia(x, centres) < 1e-3 * float(np.var(x.numpy()))
