"""Figures of frames and layers: labels over time, purity, probes; a frame in, a figure out, as in `plots`."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from sernb.plots import LINES, WIDTH, marked


def over_time(bank: pd.DataFrame, streams: pd.DataFrame, phones: pd.DataFrame, *, title: str, data: str):
    """A filter bank, and under it the label of every frame in each stream; phones are written where they are known.

    `bank` as plots.bank_frame gives; `streams` has seconds as index and a column of labels a stream; `phones` the
    columns phone, start, end (seconds), or no rows. A label's colour says which it is, and nothing more.
    """
    heights = [3] + [0.5] * streams.shape[1]
    fig, axes = plt.subplots(len(heights), 1, figsize=(WIDTH, 4.2), sharex=True, height_ratios=heights)
    extent = (0, bank.columns[-1], 0, len(bank))
    axes[0].imshow(bank.to_numpy(), origin="lower", aspect="auto", cmap="cividis", extent=extent)
    axes[0].set(ylabel="mel band", title=marked(title, data))
    axes[0].grid(False)
    for row in phones.itertuples():
        axes[0].axvline(row.start, color="white", linewidth=0.4)
        axes[0].text(
            (row.start + row.end) / 2, len(bank) - 3, row.phone, color="white", ha="center", fontsize=7
        )
    shift = streams.index[1] - streams.index[0]
    for axis, name in zip(axes[1:], streams, strict=True):
        labels = streams[name].to_numpy()
        shuffled = np.random.default_rng(0).permutation(int(labels.max()) + 1)[labels]
        span = (streams.index[0] - shift / 2, streams.index[-1] + shift / 2, 0, 1)
        axis.imshow(shuffled[None], aspect="auto", cmap="nipy_spectral", extent=span, interpolation="nearest")
        axis.set(yticks=[], xlim=extent[:2])
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.grid(False)
    axes[-1].set_xlabel("time / s")
    return fig


def purities(frame: pd.DataFrame, *, title: str, data: str):
    """Purity in % by what is asked: rows ways of labelling, columns what is asked; `chance` is one cluster's."""
    ways = frame.drop(index="one cluster")
    fig, axes = plt.subplots(figsize=(WIDTH, 0.45 * WIDTH))
    places, wide = np.arange(frame.shape[1]), 0.8 / len(ways)
    for i, (way, colour) in enumerate(zip(ways.index, LINES * 2, strict=False)):
        axes.bar(places + (i - (len(ways) - 1) / 2) * wide, ways.loc[way], wide, label=way, color=colour)
    one = frame.loc["one cluster"]
    axes.hlines(one, places - 0.45, places + 0.45, color="black", linewidth=1.2, label="one cluster")
    axes.set(xticks=places, xticklabels=frame.columns, ylabel="purity / %", title=marked(title, data))
    fig.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=7)
    return fig


def layers(frame: pd.DataFrame, *, ylabel: str, title: str, data: str):
    """Lines over the layers of an encoder: index layer (−1 the output), a column a line; gaps where nothing is known."""
    fig, axes = plt.subplots(figsize=(WIDTH, 0.42 * WIDTH))
    for (name, values), colour in zip(frame.items(), LINES, strict=False):
        known = values.dropna()
        axes.plot(known.index, known, marker="o", markersize=4, color=colour, label=name)
    axes.set(xlabel="layer (−1: the encoder's output)", ylabel=ylabel, title=marked(title, data))
    axes.set_xticks(frame.index)
    axes.legend(fontsize=8)
    return fig


def losses(curves: dict[str, pd.DataFrame], *, title: str, data: str):
    """Training and validation loss a stream of masked labels over the epochs: a panel a training."""
    fig, all_axes = plt.subplots(1, len(curves), figsize=(WIDTH, 0.38 * WIDTH), squeeze=False)
    for axes, (name, of) in zip(all_axes.flat, curves.items(), strict=True):
        for column, colour in zip((c for c in of if c.startswith("valid_loss_")), LINES, strict=False):
            stream = column.removeprefix("valid_loss_")
            axes.plot(of["epoch"], of[column], color=colour, label=f"validation, stream {stream}")
        streams = sum(c.startswith("valid_loss_") for c in of) or 1
        mean = of["train_loss"] / streams
        axes.plot(of["epoch"], mean, color="black", linestyle="--", label="training, mean of streams")
        axes.set(xlabel="epoch", ylabel="cross-entropy / nat", title=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7, frameon=False)
    fig.suptitle(marked(title, data))
    return fig
