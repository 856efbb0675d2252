"""Figures of enrolment: margins, angles between prototypes, number enrolled, confidence of labels, scores by model."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from .plots import EMOTIONS, LINES, WIDTH, marked, placed, titled

SCORES = {"UAR": (LINES[0], "o-"), "F1": (LINES[1], "s--")}


def margins(frame: pd.DataFrame, *, title: str, data: str):
    """Fig. 2: verification against the margin, a panel a task and reading. Columns task, reading, margin, metric, here,
    low, high (in %; the band holds 95 % of the draws)."""
    tasks, readings = (list(dict.fromkeys(frame[c])) for c in ("task", "reading"))
    fig, all_axes = plt.subplots(
        len(tasks),
        len(readings),
        figsize=(WIDTH, 0.8 + 2.3 * len(tasks)),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for row, task in zip(all_axes, tasks, strict=True):
        for axes, reading in zip(row, readings, strict=True):
            _scores(axes, frame[(frame["task"] == task) & (frame["reading"] == reading)], "margin")
            axes.axvline(0, color="0.6", linewidth=0.8)
            axes.set_title(f"{task}\n{reading}", fontsize=9)
        row[0].set_ylabel("UAR, F1 / %")
    for axes in all_axes[-1]:
        axes.set_xlabel("margin m (cosine)")
    all_axes[0, 0].legend(loc="best")
    fig.suptitle(marked(title, data))
    return fig


def numbers(frame: pd.DataFrame, *, title: str, data: str, reported: dict[int, float] | None = None):
    """Fig. 4: verification against the number enrolled per class. Columns enrolled, metric, here, low, high, in %.

    `reported` maps a number to the paper's UAR.
    """
    fig, axes = plt.subplots(figsize=(0.7 * WIDTH, 3.0))
    _scores(axes, frame, "enrolled")
    for number, value in (reported or {}).items():
        axes.plot(number, value, "k*", markersize=9, label=f"paper's UAR: {value:.1f}")
    axes.axhline(50, color="0.4", linestyle=":", linewidth=1, label="chance (UAR)")
    axes.set(xlabel="utterances enrolled per class", ylabel="UAR, F1 / %")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower right", fontsize=8)
    titled(axes, title, data)
    return fig


def _scores(axes, frame, x):
    for metric, (colour, style) in SCORES.items():
        of = frame[frame["metric"] == metric].sort_values(x)
        axes.plot(of[x], of["here"], style, color=colour, markersize=4, label=metric)
        axes.fill_between(of[x], of["low"], of["high"], color=colour, alpha=0.15, linewidth=0)


def bars(frame: pd.DataFrame, *, by: str, title: str, data: str, reported: bool = False):
    """Scores in % side by side, whiskers over 95 % of the draws: columns `by`, metric, here, low, high, and `reported`,
    the paper's figure, a star where given. Fig. 5 and summaries of tables."""
    names = list(dict.fromkeys(frame[by]))
    fig, axes = plt.subplots(figsize=(WIDTH, 3.0))
    for i, (metric, (colour, _)) in enumerate(SCORES.items()):
        of = frame[frame["metric"] == metric].set_index(by).reindex(names)
        at = np.arange(len(names)) + 0.38 * (i - 0.5)
        around = [(of["here"] - of["low"]).clip(lower=0), (of["high"] - of["here"]).clip(lower=0)]
        axes.bar(at, of["here"], 0.36, color=colour, label=metric)
        axes.errorbar(at, of["here"], around, fmt="none", color="black", linewidth=1, capsize=2)
        if reported and of["reported"].notna().any():
            axes.plot(at, of["reported"], "k*", markersize=8, label=f"paper's {metric}")
    axes.axhline(50, color="0.4", linestyle=":", linewidth=1, label="chance (UAR)")
    axes.set(xticks=range(len(names)), ylabel="UAR, F1 / %", ylim=(0, 100))
    turned = {"rotation": 20, "ha": "right"} if len(names) <= 6 else {"rotation": 90, "fontsize": 8}
    axes.set_xticks(range(len(names)), names, **turned)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    titled(axes, title, data)
    return fig


def polar(frame: pd.DataFrame, *, title: str, data: str, bins: int = 18):
    """Fig. 3: histograms of 180° D_neu / (D_neu + D_k), a row a model, a column an emotion; 0° is neutral, 180° it.

    Columns model, emotion, truth ("target" or the emotion verified against), angle in degrees. Areas are shares.
    """
    models, emotions = (list(dict.fromkeys(frame[c])) for c in ("model", "emotion"))
    height = 1.1 + 1.5 * len(models)
    fig, all_axes = plt.subplots(
        len(models), len(emotions), figsize=(WIDTH, height), squeeze=False, subplot_kw={"projection": "polar"},
        layout=placed(),
    )  # fmt: skip
    fig.subplots_adjust(0.12, 0.32 / height, 0.97, 1 - 0.75 / height, 0.42, 0.1)
    edges = np.linspace(0, np.pi, bins + 1)
    for row, model in zip(all_axes, models, strict=True):
        for axes, emotion in zip(row, emotions, strict=True):
            of = frame[(frame["model"] == model) & (frame["emotion"] == emotion)]
            for truth, colour in zip(sorted(of["truth"].unique()), (LINES[2], LINES[0]), strict=True):
                share = np.histogram(np.deg2rad(of.loc[of["truth"] == truth, "angle"]), edges)[0]
                radius = np.sqrt(share / max(1, share.sum()))
                axes.bar(
                    edges[:-1], radius, np.pi / bins, align="edge", color=colour, alpha=0.55, label=truth
                )
            axes.set(thetamin=0, thetamax=180, yticks=[], title=emotion if model == models[0] else "")
            axes.set_xticks(np.deg2rad([0, 90, 180]), ["0°", "90°", "180°"], fontsize=7)
            axes.tick_params(pad=-3)
        place = row[0].get_position()
        fig.text(0.012, (place.y0 + place.y1) / 2, model, rotation=90, va="center", ha="center", fontsize=9)
    handles, labels = all_axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="lower center", ncols=2, frameon=False)
    fig.suptitle(marked(title, data))
    return fig


def nearer(frame: pd.DataFrame, names: tuple[str, str], *, margin: float, title: str, data: str):
    """One enrolment, every query a point: what lies right of the margin is verified as the second of `names`.

    Columns emotion (truth) and nearer, the cosine distance by which the second's prototype is the nearer one.
    """
    fig, axes = plt.subplots(figsize=(0.85 * WIDTH, 2.2))
    generator = np.random.default_rng(0)
    for row, name in enumerate(names):
        colour = EMOTIONS.get(name, LINES[row])
        x = frame.loc[frame["emotion"] == name, "nearer"]
        axes.plot(x, row + generator.uniform(-0.28, 0.28, len(x)), "o", color=colour, alpha=0.7, markersize=5)
    axes.axvline(margin, color="black", linestyle="--", linewidth=1, label=f"margin {margin:g}")
    axes.set(
        xlabel=f"nearer to {names[1]} by (cosine distance)",
        ylim=(-0.5, 1.5),
        yticks=[0, 1],
        yticklabels=names,
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    titled(axes, title, data)
    return fig


def curves(frame: pd.DataFrame, *, title: str, data: str):
    """Training loss and validation UAR over epochs, a line a model, the mean over its folds. Columns: plots.curves_frame's
    and model."""
    fig, both = plt.subplots(1, 2, figsize=(WIDTH, 2.9))
    for axes, quantity in zip(both, ("training loss", "validation UAR / %"), strict=True):
        for i, (name, of) in enumerate(frame.groupby("model", sort=False)):
            mean, dash = of.groupby("epoch")[quantity].mean(), ("-", "--", ":")[i // len(LINES) % 3]
            axes.plot(mean.index, mean, dash, color=LINES[i % len(LINES)], label=name, linewidth=1.4)
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    fig.legend(
        *both[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8, frameon=False
    )
    fig.suptitle(marked(title, data))
    return fig


def learned(frame: pd.DataFrame, *, title: str, data: str):
    """A learned margin over the steps of training: columns step, margin, model."""
    fig, axes = plt.subplots(figsize=(0.7 * WIDTH, 2.6))
    for (name, of), colour in zip(frame.groupby("model", sort=False), LINES, strict=False):
        axes.plot(of["step"], of["margin"], color=colour, label=name)
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set(xlabel="step", ylabel="learned margin (cosine)")
    axes.legend(fontsize=8)
    titled(axes, title, data)
    return fig
