"""What clusters stand for: centres made of other frames, and means over draws of k-means."""

import types

import pytest
import torch

from sernb.studies import units


def clouds(middles, each, generator):
    return (
        torch.tensor(middles)[:, None] + 0.1 * torch.randn(len(middles), each, generator=generator)
    ).reshape(-1, 1)


def test_centres_may_be_made_of_other_frames():
    """Clouds at 0, 10, 20 make centres; frames between them go to the nearest, though their own means lie elsewhere."""
    generator = torch.Generator().manual_seed(0)
    made_of, asked = clouds([0.0, 10.0, 20.0], 300, generator), clouds([-4.0, 4.0, 6.0, 24.0], 50, generator)
    labels = units.clusters(asked, 3, seed=1, made_of=made_of).view(4, 50)
    assert all(len(row.unique()) == 1 for row in labels)
    first, second, third, fourth = labels[:, 0].tolist()
    assert first == second != third and len({first, third, fourth}) == 3
    own = units.clusters(asked, 3, seed=1).view(4, 50)
    assert own[1, 0] == own[2, 0] != own[0, 0]  # 4 and 6 are nearest to each other


def test_purities_are_of_every_way_and_seed():
    """What is asked is the sign: two clusters at ±1 are pure, one cluster has the commoner sign's share."""
    x = clouds([-1.0, 1.0, 1.0], 100, torch.Generator().manual_seed(0))
    positive = (x[:, 0] > 0).long()

    def meaning(labels):
        counts = torch.zeros(2, 2).index_put_((labels, positive), torch.ones(300), accumulate=True)
        return {"sign": 100 * float(counts.max(1).values.sum() / 300)}

    frames, nothing = types.SimpleNamespace(meaning=meaning), torch.zeros(300, 1)
    found = units.purities(frames, {"x": (x, None), "of x": (nothing, x)}, 2, (0, 3))
    assert found.index.tolist() == [("x", 0), ("x", 3), ("of x", 0), ("of x", 3)]
    assert found.loc["x", "sign"].tolist() == [100.0, 100.0]
    assert found.loc["of x", "sign"].tolist() == pytest.approx([200 / 3] * 2)
