"""The slow measurements go where the speed notebook looks for them, by name."""

import nbformat
import pandas as pd
import pytest
import torch

from sernb import audio, paths, pseudo_labels, speed_clusters, speed_full


@pytest.fixture
def tiny(monkeypatch):
    """Every measurement replaced by a table of one number; the names of those that were asked for."""
    asked = []

    def instead(name):
        return lambda *_, **__: asked.append(name) or pd.DataFrame({"number": [1.23456]})

    for name in ("augmentation", "clusters", "memory", "scale", "hubert"):
        monkeypatch.setattr(speed_full, name, instead(name))
    monkeypatch.setattr(speed_full.speed_papers, "main", lambda _: asked.append("papers"))
    monkeypatch.setattr(speed_full.corpora, "load", lambda *_, **__: pd.DataFrame())
    return asked


def test_all_are_measured_and_kept(tiny, capsys):
    speed_full.main([])
    assert tiny == ["augmentation", "clusters", "memory", "scale", "hubert", "papers"]
    folder = paths.FIGURES / "real" / "paper" / "02_speed"
    kept = {file.stem: pd.read_csv(file, index_col=0) for file in folder.glob("*.csv")}
    assert set(kept) == {"augmentation", "clusters", "clusters_memory", "scale", "hubert"}
    assert all(table["number"].tolist() == [1.2346] for table in kept.values())
    source = nbformat.read(paths.ROOT / "notebooks/0_start/02_speed.ipynb", 4).cells
    shown = next(c.source for c in source if c.cell_type == "code" and "read_csv" in c.source)
    assert all(f'"{name}"' in shown for name in kept)
    assert "hubert: " in capsys.readouterr().out


def test_some_are_measured_by_name(tiny):
    speed_full.main(["scale"])
    assert tiny == ["scale"]
    with pytest.raises(SystemExit, match="called speed; there are augmentation, clusters, scale"):
        speed_full.main(["speed"])
    assert tiny == ["scale"]


def test_frames_of_speech_have_clusters(stand_ins, tmp_path):
    """Noise has none: as many centres explain far more of speech."""
    frames = speed_clusters.speech(audio.pack(stand_ins["emodb"].iloc[:8], cache=tmp_path), 96)
    seconds = (stand_ins["emodb"].iloc[:8]["end"] - stand_ins["emodb"].iloc[:8]["start"]).sum()
    assert frames.shape[1] == 96 and len(frames) == pytest.approx(50 * seconds, abs=16)

    def unexplained(x):
        recipe = pseudo_labels.Recipe(500, 5, 1)
        centres = pseudo_labels.fit(x, 16, torch.Generator().manual_seed(0), recipe)
        return pseudo_labels.inertia(x, centres) / float(x.var(0, correction=0).sum())

    noise = frames.mean(0) + frames.std(0) * torch.randn(
        frames.shape, generator=torch.Generator().manual_seed(0)
    )
    assert unexplained(frames) < 0.8 * unexplained(noise)
