"""Figures: a data frame in, a figure out, one look everywhere; `save` writes the picture and what it was drawn from."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.ticker import MaxNLocator

from sernb import paths

#: One colour per emotion in every figure (Okabe & Ito's palette, distinguishable with colour-vision deficiency).
EMOTIONS = {
    "anger": "#D55E00", "boredom": "#999999", "calm": "#56B4E9", "disgust": "#009E73", "fear": "#CC79A7",
    "happiness": "#E69F00", "neutral": "#000000", "sadness": "#0072B2", "surprise": "#B8A900",
    "contempt": "#7A5195", "excitement": "#FFB37A", "frustration": "#8C564B", "pleasant surprise": "#66C2A5",
    "other": "#CCCCCC",
}  # fmt: skip
LINES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
WIDTH = 7.0  # inches: a page


def style() -> None:
    """The look of every figure."""
    sns.set_theme("paper", "whitegrid", palette=LINES, font_scale=1.15)
    plt.rcParams.update({"figure.dpi": 100, "savefig.dpi": 150, "figure.constrained_layout.use": True})


def placed() -> PlaceHolderLayoutEngine:
    """For figures whose axes are placed by hand: `layout="none"` would last until the first save only, after which
    matplotlib falls back on the style's engine and moves them."""
    return PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)


def folder(*, notebook: str, preset: str, data: str) -> Path:
    """figures/real or figures/stand-in, then preset, then notebook; made if missing."""
    kind = "real" if data == "real" else "stand-in"
    found = paths.FIGURES / kind / preset / notebook
    found.mkdir(parents=True, exist_ok=True)
    return found


def save(fig, name: str, frame: pd.DataFrame, **where) -> None:
    """Write `name`.png, `name`.pdf (vector) and `name`.csv, what both were drawn from; `where` as in `folder`."""
    target = folder(**where)
    fig.savefig(target / f"{name}.png")
    fig.savefig(target / f"{name}.pdf", metadata={"CreationDate": None})  # the same figure, the same bytes
    frame.round(4).to_csv(target / f"{name}.csv")


def marked(title: str, data: str) -> str:
    """The title, followed by what must not be overlooked. `data` is "real" or "stand-in", and may declare more:
    "real, shared speakers"."""
    marks = [mark for mark in data.split(", ") if mark != "real"]
    return f"{title} ({', '.join(marks)})" if marks else title


def with_real(frame: pd.DataFrame, name: str, *, notebook: str, preset: str, data: str) -> list[tuple]:
    """What a table shows: (frame, data), and beside a stand-in's what `name` was drawn from on real recordings.

    That is read from figures/real; it is left out where it has not been drawn.
    """
    stored = paths.FIGURES / "real" / preset / notebook / f"{name}.csv"
    if data == "real" or not stored.exists():
        return [(frame, data)]
    return [(frame, data), (pd.read_csv(stored, index_col=0), "real recordings, from figures/real")]


def titled(axes, title: str, data: str) -> None:
    axes.set_title(marked(title, data))


def filter_bank(frame: pd.DataFrame, *, title: str, data: str):
    """Log mel filter bank: rows bands, columns seconds."""
    fig, axes = plt.subplots(figsize=(WIDTH, 2.4))
    image = axes.imshow(
        frame.to_numpy(),
        origin="lower",
        aspect="auto",
        cmap="cividis",
        extent=(0, frame.columns[-1], 0, len(frame)),
    )
    axes.set(xlabel="time / s", ylabel="mel band")
    axes.grid(False)
    fig.colorbar(image, label="log energy", pad=0.01)
    titled(axes, title, data)
    return fig


def bank_frame(bank: np.ndarray, shift: float) -> pd.DataFrame:
    """A filter bank (bands, frames) as a frame whose columns are the frames' times in seconds."""
    return pd.DataFrame(bank, columns=np.round(np.arange(bank.shape[1]) * shift, 4))


def curves_frame(results) -> pd.DataFrame:
    """Learning curves of several runs: fold, seed, epoch, training loss, validation UAR in %."""
    frames = [r.curves.assign(fold=r.meta["fold"], seed=r.config.get("seed", 0)) for r in results]
    whole = pd.concat(frames).rename(
        columns={"train_loss": "training loss", "valid_score": "validation UAR / %"}
    )
    whole["validation UAR / %"] *= 100
    return whole[["fold", "seed", "epoch", "training loss", "validation UAR / %"]]


def curves(frame: pd.DataFrame, *, title: str, data: str):
    """Training loss and validation UAR over epochs: every training (fold and seed) thin, their mean thick."""
    fig, both = plt.subplots(1, 2, figsize=(WIDTH, 2.8))
    for axes, quantity, colour in zip(both, ("training loss", "validation UAR / %"), LINES, strict=False):
        for _, one in frame.groupby(["fold", "seed"]):
            axes.plot(one["epoch"], one[quantity], color=colour, alpha=0.3, linewidth=0.8)
        mean = frame.groupby("epoch")[quantity].mean()
        axes.plot(mean.index, mean, color=colour, linewidth=2, label="mean")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")
    fig.suptitle(marked(title, data))
    return fig


def confusion(matrix: pd.DataFrame, *, title: str, data: str):
    """Recall in % of each row's utterances, the count below it."""
    fig, axes = plt.subplots(figsize=(0.8 * WIDTH, 0.66 * WIDTH))
    _confusion(axes, matrix, size=8, cbar=True, cbar_kws={"label": "share of the true class / %"})
    titled(axes, title, data)
    return fig


def confusions(matrices: dict[str, pd.DataFrame], *, title: str, data: str):
    """Several models' confusion matrices side by side, two in a row, recall in %."""
    rows = -(-len(matrices) // 2)
    fig, all_axes = plt.subplots(rows, 2, figsize=(WIDTH, 0.5 * WIDTH * rows), squeeze=False)
    for axes in all_axes.flat[len(matrices) :]:
        axes.remove()
    for axes, (name, matrix) in zip(all_axes.flat, matrices.items(), strict=False):
        _confusion(axes, matrix, size=6, counts=False, cbar=False)
        axes.set_title(name)
    fig.suptitle(marked(title, data))
    return fig


def _confusion(axes, matrix, size, counts=True, **options):
    share = 100 * matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
    text = share.round(0).astype(int).astype(str)
    text = text + "\n(" + matrix.astype(str) + ")" if counts else text
    sns.heatmap(
        share, annot=text, fmt="", cmap="cividis", vmin=0, vmax=100, square=True, ax=axes, linewidths=0.5,
        annot_kws={"size": size}, **options,
    )  # fmt: skip
    axes.set(xlabel="predicted", ylabel="truth")
    turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}  # else neighbours overlap
    plt.setp(axes.get_xticklabels(), **turned)
    axes.tick_params(axis="y", rotation=0)


def folds(frame: pd.DataFrame, *, title: str, data: str, reported: float | None = None):
    """UAR of every test speaker per model: a point a fold, a bar at the mean. Columns: model, fold, UAR (in %)."""
    fig, axes = plt.subplots(figsize=(WIDTH, 3.0))
    models = list(dict.fromkeys(frame["model"]))
    names = sorted(frame["fold"].unique())
    for i, model in enumerate(models):
        of = frame[frame["model"] == model]
        at = [names.index(f) + 0.25 * (i - (len(models) - 1) / 2) for f in of["fold"]]
        axes.plot(
            at, of["UAR"], "osD^v"[i % 5], color=LINES[i], label=f"{model} (mean {of['UAR'].mean():.1f})"
        )
        axes.axhline(of["UAR"].mean(), color=LINES[i], linewidth=0.8, linestyle="--")
    if reported is not None:
        axes.axhline(reported, color="black", linewidth=1, label=f"paper ({reported:.1f})")
    axes.set(
        xlabel="test speaker", ylabel="UAR / %", ylim=(0, 100), xticks=range(len(names)), xticklabels=names
    )
    axes.legend(loc="lower left", ncols=2)
    titled(axes, title, data)
    return fig


def speeds(frame: pd.DataFrame, *, x: str, y: str, title: str, data: str):
    """Bars: columns `x` (groups), `way` (bars) and `y`, larger is faster; a logarithmic scale from a factor of ten on."""
    fig, axes = plt.subplots(figsize=(WIDTH, 3.0))
    ways = list(dict.fromkeys(frame["way"]))
    sns.barplot(frame, x=x, y=y, hue="way", hue_order=ways, palette=LINES[: len(ways)], ax=axes)
    for bars in axes.containers:
        axes.bar_label(bars, fmt="%.3g", padding=2, fontsize=8)
    axes.set(yscale="log" if frame[y].max() > 10 * frame[y].min() else "linear", xlabel="")
    axes.margins(y=0.2)
    axes.legend(title=None)
    titled(axes, title, data)
    return fig


def probed(frame: pd.DataFrame, chance: dict[str, float], *, title: str, data: str):
    """What was read of every attribute (columns) off every model (rows) in %, with chance as a line."""
    fig, all_axes = plt.subplots(
        1, len(frame.columns), figsize=(WIDTH, 1.4 + 0.26 * len(frame)), sharey=True, squeeze=False
    )
    for axes, name in zip(all_axes.flat, frame, strict=True):
        axes.barh(frame.index[::-1], frame[name][::-1], color=LINES[0], height=0.7)
        axes.axvline(chance[name], color=LINES[1], linestyle="--", linewidth=1, label="chance")
        axes.set(title=name, xlabel="balanced accuracy / %", xlim=(0, 100))
    fig.legend(*all_axes.flat[0].get_legend_handles_labels(), loc="outside lower right", frameon=False)
    fig.suptitle(marked(title, data))
    return fig


def embedding(frame: pd.DataFrame, *, hue: str, title: str, data: str):
    """Points in two dimensions (columns x, y), coloured by `hue`."""
    fig, axes = plt.subplots(figsize=(0.8 * WIDTH, 0.6 * WIDTH))
    names = sorted(frame[hue].unique())
    palette = (
        EMOTIONS
        if set(names) <= set(EMOTIONS)
        else dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))
    )
    sns.scatterplot(
        frame,
        x="x",
        y="y",
        hue=hue,
        style=hue,
        hue_order=names,
        style_order=names,
        palette=palette,
        s=45,
        ax=axes,
    )
    axes.set(xlabel="t-SNE 1", ylabel="t-SNE 2", xticks=[], yticks=[])
    axes.legend(bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    titled(axes, title, data)
    return fig
