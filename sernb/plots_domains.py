"""Figures of generalisation: gains over a baseline by domain, adversaries' losses, embeddings side by side."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from .plots import EMOTIONS, LINES, WIDTH, marked

CLASSES = {"negative": "#D55E00", "neutral": "#000000", "positive": "#0072B2"}


def adversary_frame(curves: list[pd.DataFrame]) -> pd.DataFrame:
    """Long: model, epoch, attribute, loss; from learning curves with a column `model` and columns valid_adversary_…"""
    frame = pd.concat(curves)
    names = [c for c in frame if c.startswith("valid_adversary_")]
    long = frame.melt(["model", "epoch"], names, "attribute", "loss").dropna()
    return long.assign(attribute=long["attribute"].str.removeprefix("valid_adversary_"))


def adversaries(frame: pd.DataFrame, *, title: str, data: str):
    """Cross-entropy of every discriminator over the epochs, a line a model and attribute."""
    fig, axes = plt.subplots(figsize=(WIDTH, 2.8))
    for (key, of), colour in zip(frame.groupby(["model", "attribute"], sort=False), LINES * 3, strict=False):
        axes.plot(of["epoch"], of["loss"], color=colour, linewidth=1.2, label=f"{key[1]} ({key[0]})")
    axes.set(
        xlabel="epoch",
        ylabel="discriminator's loss / nat",
        ylim=(0, 1.25 * frame["loss"].max()),
        title=marked(title, data),
    )
    axes.legend(fontsize=7, ncols=3, loc="lower left")
    return fig


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """`here` less the baseline's of the same domain, in points, for every other model that was run."""
    base = rows[rows["approach"] == "baseline"].set_index("domain")["here"]
    others = rows[(rows["approach"] != "baseline") & rows["here"].notna()]
    return others.assign(gain=others["here"] - others["domain"].map(base))


def gains(rows: pd.DataFrame, *, title: str, data: str):
    """Points of UA over the baseline: a panel a domain that was run, a bar a model. Columns as tables.domains gives."""
    frame = differences(rows).assign(model=lambda f: f["approach"] + " " + f["attributes"])
    domains = list(dict.fromkeys(frame["domain"]))
    models = list(dict.fromkeys(frame["model"]))
    size = (WIDTH, 1.1 + 0.25 * len(models))
    fig, all_axes = plt.subplots(1, len(domains), figsize=size, sharey=True, squeeze=False)
    for axes, domain in zip(all_axes.flat, domains, strict=True):
        of = frame[frame["domain"] == domain].set_index("model")["gain"].reindex(models)[::-1]
        colours = [LINES[0] if gain > 0 else LINES[1] for gain in of]
        axes.barh(of.index, of, color=colours, height=0.7)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set(title=domain, xlabel="points")
    fig.suptitle(marked(title, data))
    return fig


def combinations(rows: pd.DataFrame, *, title: str, data: str):
    """Points of UA over the baseline: a heat map a domain, sets of attributes by approach; grey where not run."""
    frame = differences(rows)
    domains = list(dict.fromkeys(frame["domain"]))
    everything = rows[rows["approach"] != "baseline"]
    sets, approaches = (list(dict.fromkeys(everything[c])) for c in ("attributes", "approach"))
    size = (WIDTH, 1.4 + 0.24 * len(sets))
    fig, all_axes = plt.subplots(1, len(domains), figsize=size, sharey=True, squeeze=False)
    most = max(1.0, float(np.nanmax(np.abs(frame["gain"]))) if len(frame) else 1.0)
    for axes, domain in zip(all_axes.flat, domains, strict=True):
        wide = frame[frame["domain"] == domain].pivot_table("gain", "attributes", "approach")
        sns.heatmap(
            wide.reindex(index=sets, columns=approaches), annot=True, fmt="+.0f", cmap="vlag_r", center=0, vmin=-most,
            vmax=most, linewidths=0.5, cbar=axes is all_axes.flat[-1], ax=axes, annot_kws={"size": 7},
            cbar_kws={"label": "points of UA"},
        )  # fmt: skip
        axes.set(title=domain, xlabel="", ylabel="")
        axes.grid(False)
        axes.set_facecolor("#E5E5E5")  # not run: white is no difference
    fig.suptitle(marked(title, data))
    return fig


def panels(frames: dict[str, pd.DataFrame], *, hue: str, title: str, data: str):
    """Points in two dimensions (columns x, y) of several models in a row, coloured by `hue`, one legend if it is short."""
    fig, all_axes = plt.subplots(1, len(frames), figsize=(WIDTH, 0.46 * WIDTH), squeeze=False)
    names = sorted(set().union(*(f[hue].dropna() for f in frames.values())))
    palette = dict(
        zip(names, sns.color_palette("husl" if len(names) > 10 else "colorblind", len(names)), strict=True)
    )
    palette |= {n: (CLASSES | EMOTIONS).get(n, palette[n]) for n in names}
    for axes, (name, frame) in zip(all_axes.flat, frames.items(), strict=True):
        sns.scatterplot(
            frame,
            x="x",
            y="y",
            hue=hue,
            hue_order=names,
            palette=palette,
            s=9,
            linewidth=0,
            ax=axes,
            legend=False,
        )
        axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
        axes.set_title(name, fontsize=8)
    if len(names) <= 10:
        points = [plt.Line2D([], [], marker="o", linestyle="", color=palette[n]) for n in names]
        fig.legend(points, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=8)
    fig.suptitle(marked(title, data))
    return fig
