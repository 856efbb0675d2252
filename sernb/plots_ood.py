"""Figures of reliability: detectors by model, scores, embeddings of taught and other emotions, calibration."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from .plots import EMOTIONS, LINES, WIDTH, marked, titled


def heat(frame: pd.DataFrame, *, label: str, title: str, data: str, chance: float = 50.0):
    """A value in % per row and column, diverging about `chance`."""
    fig, axes = plt.subplots(figsize=(WIDTH, 0.8 + 0.32 * len(frame)))
    sns.heatmap(
        frame, annot=True, fmt=".0f", cmap="vlag", center=chance, vmin=0, vmax=100, linewidths=0.5, ax=axes,
        cbar_kws={"label": label},
    )  # fmt: skip
    axes.set(xlabel="", ylabel="")
    axes.tick_params(axis="x", rotation=30)
    titled(axes, title, data)
    return fig


def histograms(frame: pd.DataFrame, *, title: str, data: str):
    """Scores of taught (ID) and other (OOD) emotions, a panel per detector. Columns: part, detector, score."""
    names = list(dict.fromkeys(frame["detector"]))
    fig, all_axes = plt.subplots(1, len(names), figsize=(WIDTH, 2.6), squeeze=False)
    for axes, name in zip(all_axes.flat, names, strict=True):
        sns.histplot(
            frame[frame["detector"] == name], x="score", hue="part", hue_order=["ID", "OOD"], stat="density",
            common_norm=False, bins=15, palette=LINES[:2], alpha=0.5, ax=axes, legend=False,
        )  # fmt: skip
        axes.set(title=name, xlabel="score", ylabel="density" if name == names[0] else "", yticks=[])
        axes.locator_params(axis="x", nbins=2)
        axes.tick_params(axis="x", labelsize=7, rotation=30)  # ODIN's scores differ in the fourth digit
    boxes = [plt.Rectangle((0, 0), 1, 1, color=colour, alpha=0.5) for colour in LINES[:2]]
    fig.legend(boxes, ["taught (ID)", "other (OOD)"], loc="outside lower right", ncols=2, frameon=False)
    fig.suptitle(marked(title, data))
    return fig


def scatters(frames: dict[str, pd.DataFrame], *, hue: str, style: str, title: str, data: str):
    """Points in two dimensions (columns x, y) of several models, two panels in a row, with one legend."""
    rows = -(-len(frames) // 2)
    fig, all_axes = plt.subplots(rows, 2, figsize=(WIDTH, 0.44 * WIDTH * rows), squeeze=False)
    names = sorted(set().union(*(f[hue] for f in frames.values())))
    for axes, (name, frame) in zip(all_axes.flat, frames.items(), strict=False):
        first = axes is all_axes.flat[0]
        sns.scatterplot(
            frame, x="x", y="y", hue=hue, style=style, hue_order=names, style_order=sorted(frame[style].unique()),
            palette={n: EMOTIONS[n] for n in names}, s=28, ax=axes, legend=first,
        )  # fmt: skip
        axes.set(title=name, xlabel="", ylabel="", xticks=[], yticks=[])
        if first:
            handles, labels = axes.get_legend_handles_labels()
            axes.get_legend().remove()
    for axes in all_axes.flat[len(frames) :]:
        axes.remove()
    fig.legend(handles, labels, loc="outside right center", frameon=False)
    fig.suptitle(marked(title, data))
    return fig


def scored(frame: pd.DataFrame, *, label: str, title: str, data: str):
    """Points in two dimensions coloured by a detector's score. Columns: x, y, part (ID or OOD), score."""
    fig, axes = plt.subplots(figsize=(0.8 * WIDTH, 0.6 * WIDTH))
    low, high = frame["score"].min(), frame["score"].max()
    for part, marker, name in (("ID", "o", "taught (ID)"), ("OOD", "X", "other (OOD)")):
        of = frame[frame["part"] == part]
        points = axes.scatter(
            of["x"], of["y"], c=of["score"], cmap="cividis", vmin=low, vmax=high, marker=marker, s=34,
            edgecolors="white", linewidths=0.3, label=name,
        )  # fmt: skip
    fig.colorbar(points, label=f"{label} (larger: further outside)", pad=0.02)
    axes.set(xlabel="t-SNE 1", ylabel="t-SNE 2", xticks=[], yticks=[])
    axes.grid(False)
    axes.legend(loc="best", fontsize=8)
    titled(axes, title, data)
    return fig


def one_score(usual: pd.Series, score: float, *, title: str, data: str, fig=None):
    """Where one recording's score lies among those of the model's test utterances; drawn into `fig` where one is passed."""
    fig = plt.figure(figsize=(0.6 * WIDTH, 0.32 * WIDTH)) if fig is None else fig
    axes = fig.subplots()
    axes.hist(usual, bins=20, color=LINES[0], alpha=0.6, label="test utterances")
    axes.axvline(score, color=LINES[1], linewidth=2, label="this recording")
    axes.set(xlabel="score (larger: further outside)", ylabel="utterances")
    axes.legend(loc="best", fontsize=8)
    titled(axes, title, data)
    return fig


def reliability(frame: pd.DataFrame, errors: dict[str, float], *, title: str, data: str):
    """Share correct against confidence, a line a model. Columns: model, confidence, correct, utterances (0…1)."""
    fig, axes = plt.subplots(figsize=(0.6 * WIDTH, 0.5 * WIDTH))
    axes.plot([0, 100], [0, 100], color="0.6", linestyle="--", linewidth=1)
    for (name, of), colour in zip(frame.groupby("model", sort=False), LINES * 2, strict=False):
        label = f"{name} (ECE {100 * errors[name]:.1f} %)"
        size = 8 + 80 * of["utterances"] / of["utterances"].sum()
        axes.plot(100 * of["confidence"], 100 * of["correct"], color=colour, linewidth=1, label=label)
        axes.scatter(100 * of["confidence"], 100 * of["correct"], s=np.asarray(size), color=colour)
    axes.set(xlabel="confidence / %", ylabel="correct / %", xlim=(0, 101), ylim=(0, 101))
    axes.legend(loc="upper left", fontsize=8)
    titled(axes, title, data)
    return fig
