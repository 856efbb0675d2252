"""The clusters' speed is measured at equal work, and memory does not grow with the frames."""

import torch

from sernb import pseudo_labels, speed_clusters


def test_every_way_is_measured_with_its_inertia():
    frames = torch.randn(4000, 8, generator=torch.Generator().manual_seed(0))
    table = speed_clusters.measure(frames, 12, pseudo_labels.Recipe(1000, 4, 2), rounds=2)
    assert list(table.index) == list(speed_clusters.WAYS) and (table["seconds"] > 0).all()
    ratio = table["inertia / scikit-learn's"]
    assert ratio["scikit-learn"] == 1 and ratio.between(0.95, 1.05).all()
    assert table.loc["scikit-learn", "… times as fast as scikit-learn"] == 1


def test_memory_is_flat_in_the_number_of_frames(tmp_path):
    recipe = pseudo_labels.Recipe(2000, 0.5, 1)
    table = speed_clusters.memory(8, 64, (20_000, 400_000), recipe, tmp_path)
    grown = table["own memory / MiB"].diff().iloc[-1]
    assert table["on disk / MiB"].diff().iloc[-1] > 40 and grown < 10, table
