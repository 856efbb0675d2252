"""Figures of corpora draw what they are given, name stand-ins, and fit a page."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sernb import paths, plots, plots_corpora, store


@pytest.fixture(autouse=True)
def _closed():
    plots.style()
    yield
    plt.close("all")


def texts(fig):
    fig.canvas.draw()
    return [t.get_text() for t in fig.findobj(plt.Text)]


def page(fig):
    """Nothing of the figure lies outside it, and it is a page wide."""
    fig.canvas.draw()
    box, (width, height) = fig.get_tightbbox(), fig.get_size_inches()
    assert width == plots.WIDTH and height < 10
    assert box.x0 > -0.05 and box.y0 > -0.05 and box.x1 < width + 0.05 and box.y1 < height + 0.05


def test_classes_and_distributions():
    counts = pd.DataFrame({"anger": [12, 7], "joy": [0, 21]}, ["a", "b"])
    fig = plots_corpora.classes(counts, data="stand-in")
    page(fig)
    found = texts(fig)
    assert {"12", "7", "21"} <= set(found) and "0" not in found[:4]
    assert "Utterances per emotion (stand-in)" in found
    frame = pd.DataFrame({"corpus": list("aabb") * 9, "level": np.arange(36.0) - 60})
    fig = plots_corpora.distributions(frame, {"level": "level / dBFS"}, title="Levels", data="real")
    page(fig)
    assert "Levels" in texts(fig) and fig.axes[0].get_xlim()[0] >= -62


def test_frequencies_lie_on_the_mel_axis():
    features = pytest.importorskip("sernb.features")
    peak = features.mel_filters(40, 1024, 16_000)[64].argmax().item()  # the band that hears 1 kHz most
    bank = np.zeros((40, 50))
    fig = plots_corpora.filter_banks(
        pd.DataFrame({"a": [bank], "b": [bank]}, ["joy"]), shift=0.01, high=8000, title="Banks", data="real"
    )
    page(fig)
    axes = fig.axes[0]
    ticks = dict(zip([t.get_text() for t in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    assert ticks["1"] == pytest.approx(peak + 0.5, abs=0.5)
    assert axes.get_xlim() == (0, 0.5)


@pytest.mark.parametrize("speakers", [6, 40])
def test_maps_show_every_utterance_by_every_hue(speakers):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(200, 2)), columns=["x", "y"])
    frame["emotion"] = generator.choice([*plots.EMOTIONS, "hot anger"], 200)
    frame["corpus"] = "a"
    frame["speaker"] = [f"a/{i % speakers}" for i in range(200)]
    frame.loc[0, "speaker"] = np.nan
    fig = plots_corpora.maps(frame, ["emotion", "speaker", "corpus"], title="t-SNE", data="stand-in")
    page(fig)
    assert [len(axes.collections[0].get_offsets()) for axes in fig.axes] == [200] * 3
    found = texts(fig)
    assert "t-SNE of emobase functionals (stand-in)" in found and "contempt" in found
    assert ("40 speakers, a hue each" in found) == (speakers == 40)


def test_corpora_are_named_once_beside_several_panels():
    frame = pd.DataFrame({"corpus": list("aabb") * 9, "u": np.arange(36.0), "v": np.arange(36.0)})
    fig = plots_corpora.distributions(frame, {"u": "u / s", "v": "v / s"}, title="Two", data="real")
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["a", "b"]


def test_probes_and_situations():
    kinds, rows = ["none", "speaker"], []
    for target in ("corpus", "speaker"):
        rows += [(target, k, 3, 50.0 + 10 * i, 33.3, 60.0) for i, k in enumerate(kinds)]
    columns = ["target", "standardised over", "classes", "balanced accuracy", "chance", "corpus known"]
    fig = plots_corpora.probes(pd.DataFrame(rows, columns=columns), title="Probes", data="real")
    page(fig)
    drawn = {line.get_label(): line for line in fig.axes[0].lines}
    assert list(drawn["speaker"].get_xdata()) == [60.0, 60.0]
    corpora = [f"corpus {i}" for i in range(11)]
    rows = [(c, s, k, 40.0, 30.0, 55.0, 25.0) for c in corpora for s in ("seen", "unseen") for k in kinds]
    columns = ["corpus", "situation", "standardised over", "UAR", "low", "high", "chance"]
    fig = plots_corpora.situations(pd.DataFrame(rows, columns=columns), title="Emotion", data="stand-in")
    page(fig)
    assert set(corpora) <= set(texts(fig)) and "Emotion (stand-in)" in texts(fig)


def test_the_real_table_stands_beside_the_stand_ins():
    frame, where = pd.DataFrame({"UAR": [1.0]}), {"notebook": "n", "preset": "quick"}
    assert len(plots.with_real(frame, "x", data="stand-in", **where)) == 1
    plots.save(plt.figure(), "x", frame * 50, data="real", **where)
    (own, data), (real, label) = plots.with_real(frame, "x", data="stand-in", **where)
    assert own is frame and data == "stand-in" and real["UAR"][0] == 50 and "real" in label
    assert len(plots.with_real(frame, "x", data="real", **where)) == 1
    assert str(plots.folder(data="real", **where)).startswith(str(paths.FIGURES))


def test_a_figure_is_kept_as_picture_as_vectors_and_as_numbers():
    where = {"notebook": "n", "preset": "quick", "data": "stand-in"}
    fig, axes = plt.subplots()
    axes.plot([0, 1])
    kept = []
    for _ in range(2):
        plots.save(fig, "x", pd.DataFrame({"y": [0, 1]}), **where)
        kept.append({f.suffix: f.read_bytes() for f in plots.folder(**where).iterdir()})
    assert kept[0] == kept[1] and set(kept[0]) == {".png", ".pdf", ".csv"}
    assert kept[0][".pdf"].startswith(b"%PDF") and b"/Subtype /Image" not in kept[0][".pdf"]


def test_figures_of_several_panels_declare_shared_speakers_too():
    frame = pd.DataFrame({"corpus": list("aabb") * 9, "level": np.arange(36.0) - 60})
    fig = plots_corpora.distributions(
        frame, {"level": "level / dBFS"}, title="Levels", data="stand-in, shared speakers"
    )
    assert fig.get_suptitle() == "Levels (stand-in, shared speakers)"


def test_learning_curves_of_two_seeds_are_two_lines():
    """One line through both would run back from the last epoch to the first."""
    curves = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": [3.0, 2.0, 1.0], "valid_score": [0.1, 0.2, 0.3]})
    runs = [
        store.Result(str(seed), {"seed": seed}, {}, pd.DataFrame(), curves, {"fold": "a"}) for seed in (0, 1)
    ]
    frame = plots.curves_frame(runs)
    assert frame.groupby(["fold", "seed"])["epoch"].apply(list).tolist() == [[1, 2, 3]] * 2
    lines = plots.curves(frame, title="A", data="real").axes[0].get_lines()
    assert [len(line.get_xdata()) for line in lines] == [3, 3, 3]  # two trainings and their mean
