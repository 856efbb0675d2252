"""Figures of acoustic conditions: estimates against truth, their error by noise, distributions of two corpora."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from .plots import LINES, WIDTH, marked


def decays(
    responses: dict[str, np.ndarray], curves: dict[str, np.ndarray], rate: int, *, title: str, data: str
):
    """Impulse responses above, their decay curves in dB below: a colour a room."""
    fig, (above, below) = plt.subplots(2, 1, figsize=(WIDTH, 4.2), sharex=True)
    for (name, response), colour in zip(responses.items(), LINES, strict=False):
        above.plot(np.arange(len(response)) / rate, response, color=colour, linewidth=0.6, alpha=0.8)
        curve = curves[name]
        below.plot(np.arange(len(curve)) / rate, curve, color=colour, label=name)
    above.set(ylabel="impulse response")
    below.set(ylim=(-60, 2), xlabel="time / s", ylabel="energy to come / dB")
    for level in (-5, -35):
        below.axhline(level, color="black", linewidth=0.7, linestyle=":")
    below.legend(loc="upper right")
    above.set_title(marked(title, data))
    return fig


def against_truth(frame: pd.DataFrame, quantities: list[str], *, title: str, data: str):
    """Estimates over the truth, a panel a quantity, coloured by the noise. Columns as room_scenes.examine gives."""
    fig, all_axes = plt.subplots(1, len(quantities), figsize=(WIDTH, 0.48 * WIDTH), squeeze=False)
    for axes, quantity in zip(all_axes.flat, quantities, strict=True):
        truth, found = frame[f"true {quantity}"], frame[f"found {quantity}"]
        points = axes.scatter(truth, found, c=frame["SNR / dB"], cmap="cividis", s=9, linewidths=0)
        ends = min(truth.min(), found.min()), max(truth.max(), found.max())
        axes.plot(ends, ends, color="black", linewidth=0.8)
        name, unit = quantity.split(" / ")
        axes.set(xlabel=f"true {name} / {unit}", ylabel=f"estimated {name} / {unit}")
        axes.set_title(f"r = {np.corrcoef(truth, found)[0, 1]:.3f}")
    fig.colorbar(points, ax=all_axes.ravel().tolist(), label="SNR / dB", pad=0.01)
    fig.suptitle(marked(title, data))
    return fig


def errors_frame(frame: pd.DataFrame, quantities: list[str], edges) -> pd.DataFrame:
    """Bias and root mean square error of every quantity by SNR: a row a quantity and interval."""
    rows = []
    for interval, of in frame.groupby(pd.cut(frame["SNR / dB"], edges, include_lowest=True), observed=True):
        for quantity in quantities:
            error = of[f"found {quantity}"] - of[f"true {quantity}"]
            rows.append({
                "quantity": quantity, "SNR / dB": interval.mid, "bias": error.mean(),
                "RMSE": np.sqrt(np.square(error).mean()), "windows": len(of),
            })  # fmt: skip
    return pd.DataFrame(rows)


def errors(frame: pd.DataFrame, *, title: str, data: str):
    """Bias and root mean square error over the SNR, a panel a quantity. Columns as errors_frame gives."""
    quantities = list(dict.fromkeys(frame["quantity"]))
    fig, all_axes = plt.subplots(1, len(quantities), figsize=(WIDTH, 2.6), squeeze=False)
    for axes, quantity in zip(all_axes.flat, quantities, strict=True):
        of = frame[frame["quantity"] == quantity]
        for name, marker, colour in (("RMSE", "o", LINES[0]), ("bias", "s", LINES[1])):
            axes.plot(of["SNR / dB"], of[name], marker + "-", color=colour, label=name)
        axes.axhline(0, color="black", linewidth=0.8)
        name, unit = quantity.split(" / ")
        axes.set(xlabel="SNR / dB", ylabel=f"error of {name} / {unit}")
        axes.legend()
    fig.suptitle(marked(title, data))
    return fig


def distributions(frame: pd.DataFrame, quantities: list[str], *, title: str, data: str):
    """Distributions of each quantity (columns) in two corpora, raw above, augmented below: paper 3's Fig. 4.

    `frame`: a row an utterance, columns corpus, audio ("raw", "augmented") and the quantities.
    """
    kinds = list(dict.fromkeys(frame["audio"]))
    size = (WIDTH, 1.7 * len(kinds) + 0.8)
    fig, all_axes = plt.subplots(len(kinds), len(quantities), figsize=size, sharex="col", squeeze=False)
    corpora = list(dict.fromkeys(frame["corpus"]))
    for row, kind in zip(all_axes, kinds, strict=True):
        for axes, quantity in zip(row, quantities, strict=True):
            of = frame[frame["audio"] == kind]
            sns.histplot(
                of, x=quantity, hue="corpus", hue_order=corpora, palette=LINES[: len(corpora)], stat="density",
                common_norm=False, bins=np.histogram_bin_edges(frame[quantity].dropna(), 20), element="step",
                alpha=0.35, legend=False, ax=axes,
            )  # fmt: skip
            for corpus, colour in zip(corpora, LINES, strict=False):
                axes.axvline(of.loc[of["corpus"] == corpus, quantity].mean(), color=colour, linestyle="--")
            axes.set(ylabel=f"{kind}\ndensity" if quantity == quantities[0] else "", xlabel=quantity)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour, alpha=0.5) for colour in LINES[: len(corpora)]]
    fig.legend(handles, corpora, loc="outside lower center", ncols=len(corpora), frameon=False)
    fig.suptitle(marked(title, data))
    return fig


def apart(frame: pd.DataFrame, *, title: str, data: str):
    """Distances between two corpora, a panel a quantity, a bar a kind of audio, a line at what chance gives.

    Columns as acoustics.distances gives.
    """
    quantities = list(dict.fromkeys(frame["quantity"]))
    fig, all_axes = plt.subplots(1, len(quantities), figsize=(WIDTH, 2.4), squeeze=False)
    for axes, quantity in zip(all_axes.flat, quantities, strict=True):
        of = frame[frame["quantity"] == quantity]
        axes.bar(of["audio"], of["distance"], color=LINES[: len(of)], width=0.6)
        for i, chance in enumerate(of["by chance"]):
            axes.plot([i - 0.4, i + 0.4], [chance] * 2, color="black", label=None if i else "by chance")
        axes.set(ylabel=f"distance in {quantity}", ylim=(0, None))
    fig.legend(*axes.get_legend_handles_labels(), loc="outside lower right", frameon=False)
    fig.suptitle(marked(title, data))
    return fig
