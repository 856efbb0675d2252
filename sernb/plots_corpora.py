"""Figures of corpora and of what features hold: data frame in, figure out, in the look of plots.py."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from sernb.plots import EMOTIONS, LINES, WIDTH, marked, placed, titled

MARKERS = "osD^vP"


def headed(fig, title: str, data: str) -> None:
    """The title of a figure of several panels, with what must not be overlooked as in plots.marked."""
    fig.suptitle(marked(title, data), fontsize=plt.rcParams["axes.titlesize"])


def classes(frame: pd.DataFrame, *, data: str):
    """Utterances per corpus (rows) and emotion (columns): the count, coloured by its share; white: none."""
    share = 100 * frame.div(frame.sum(axis=1), axis=0)
    fig, axes = plt.subplots(figsize=(WIDTH, 1.6 + 0.3 * len(frame)))
    sns.heatmap(
        share, annot=frame, mask=frame == 0, fmt="d", cmap="cividis_r", vmin=0, ax=axes, linewidths=0.5,
        cbar_kws={"label": "share of corpus / %", "pad": 0.02}, annot_kws={"size": 8},
    )  # fmt: skip
    axes.set(xlabel="", ylabel="")
    axes.grid(False)
    plt.setp(axes.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="y", rotation=0)
    titled(axes, "Utterances per emotion", data)
    return fig


def distributions(frame: pd.DataFrame, columns: dict, *, title: str, data: str):
    """Box plots side by side, a corpus a row; `columns` maps columns of `frame` to axis labels with units.

    Boxes hold the middle half, whiskers the middle 90 %.
    """
    names = list(dict.fromkeys(frame["corpus"]))
    fig, many = plt.subplots(
        1, len(columns), figsize=(WIDTH, 1.5 + 0.3 * len(names)), sharey=True, squeeze=False
    )
    for axes, (column, label), colour in zip(many[0], columns.items(), LINES, strict=False):
        boxes = axes.boxplot(
            [frame.loc[frame["corpus"] == name, column].dropna() for name in names], orientation="horizontal",
            tick_labels=names, whis=(5, 95), showfliers=False, widths=0.6, patch_artist=True,
            manage_ticks=axes is many[0, 0],  # the axis is shared: each panel would write its labels on it again
            medianprops={"color": "black", "linewidth": 1.6},
        )  # fmt: skip
        for box in boxes["boxes"]:
            box.set(facecolor=(colour, 0.6))
        axes.set(xlabel=label)
        axes.grid(False, axis="y")
    many[0, 0].invert_yaxis()
    headed(fig, title, data)
    return fig


def filter_banks(banks: pd.DataFrame, *, shift: float, high: float, title: str, data: str):
    """Log mel filter banks (bands, frames) side by side, cells of `banks`: rows emotions, columns corpora.

    `shift` between frames in s, upper edge of the bands in Hz. One time axis for all; fourteen steps of 5 dB, down
    from each utterance's loudest point.
    """
    rows, columns = banks.shape
    fig, grid = plt.subplots(
        rows, columns, figsize=(WIDTH, 0.7 + 1.35 * rows), squeeze=False, sharex=True, sharey=True
    )
    for axes, (emotion, corpus) in zip(grid.flat, [(e, c) for e in banks.index for c in banks], strict=True):
        decibels = 10 / np.log(10) * banks.loc[emotion, corpus]
        level = decibels - decibels.max()
        image = axes.imshow(
            level, origin="lower", aspect="auto", cmap=plt.get_cmap("cividis", 14), vmin=-70, vmax=0,
            extent=(0, shift * level.shape[1], 0, len(level)),
        )  # fmt: skip
        axes.set_facecolor("white")
        axes.grid(False)
        if emotion == banks.index[0]:
            axes.set_title(corpus)
        if corpus == banks.columns[0]:
            axes.set_ylabel(emotion)
        if emotion == banks.index[-1]:
            axes.set_xlabel("time / s")
    bands, kilohertz = len(level), [f for f in (0.5, 1, 2, 4) if 1000 * f < high]
    mel = np.log10(1 + np.array([1000 * f for f in kilohertz]) / 700) / np.log10(1 + high / 700)
    axes.set_yticks(
        mel * (bands + 1) - 0.5, kilohertz
    )  # band i, drawn from i to i + 1, peaks at i + 1 of bands + 1
    axes.set_xlim(0, shift * max(b.shape[1] for b in banks.to_numpy().flat))
    fig.supylabel("frequency / kHz", fontsize=plt.rcParams["axes.labelsize"])
    fig.colorbar(image, ax=grid, label="level re maximum / dB", pad=0.01, fraction=0.03)
    headed(fig, title, data)
    return fig


def maps(frame: pd.DataFrame, hues, *, title: str, data: str):
    """One map (columns x, y) coloured in turn by each column of `hues`; up to fifteen values get a legend."""
    rows = max((n + 1) // 2 for n in [1, *(frame[hue].nunique() for hue in hues)] if n <= 15)
    left, top, bottom = (
        0.3,
        0.65,
        0.35 + 0.19 * rows,
    )  # inches; the legends below need room that no engine keeps
    side = (WIDTH - left * len(hues) - 0.05) / len(hues)
    height = top + side + bottom
    fig = plt.figure(figsize=(WIDTH, height), layout=placed())
    places = [(left + i * (side + left)) / WIDTH for i in range(len(hues))]
    many = [fig.add_axes((x, bottom / height, side / WIDTH, side / height)) for x in places]
    order = np.random.default_rng(0).permutation(len(frame))  # else the last corpus covers the others
    size = max(2.0, min(12.0, 6000 / len(frame)))
    for axes, hue in zip(many, hues, strict=True):
        values = frame[hue].where(frame[hue].isin(EMOTIONS), "other") if hue == "emotion" else frame[hue]
        names = sorted(values.dropna().unique())
        colours = palette(hue, names)
        shown = [colours.get(value, "#DDDDDD") for value in values.iloc[order]]
        axes.scatter(frame["x"].iloc[order], frame["y"].iloc[order], s=size, linewidths=0, c=shown)
        axes.set(xticks=[], yticks=[], title=f"by {hue}", xlabel=f"{title} 1", ylabel=f"{title} 2")
        note = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.08), "frameon": False, "fontsize": 8}
        if len(names) > 15:
            axes.legend([], title=f"{len(names)} {hue}s, a hue each", title_fontsize=8, **note)
            continue
        dots = [plt.Line2D([], [], marker="o", ls="", color=colours[name], label=name) for name in names]
        axes.legend(handles=dots, ncols=2, handletextpad=0.1, columnspacing=0.8, **note)
    headed(fig, f"{title} of emobase functionals", data)
    return fig


def palette(hue: str, names: list) -> dict:
    """A colour per name: the workbook's own for emotions and for few names, a wheel of hues for many."""
    if hue == "emotion":
        return {name: EMOTIONS[name] for name in names}
    colours = LINES if len(names) <= len(LINES) else sns.color_palette("husl", len(names))
    return dict(zip(names, colours, strict=False))


def probes(frame: pd.DataFrame, *, title: str, data: str):
    """Balanced accuracy of every target (rows), a marker per standardisation; grey lines: chance, corpus known."""
    names, kinds = (list(dict.fromkeys(frame[c])) for c in ("target", "standardised over"))
    fig, axes = plt.subplots(figsize=(WIDTH, 1.5 + 0.5 * len(names)))
    for i, kind in enumerate(kinds):
        of = frame[frame["standardised over"] == kind]
        at = [names.index(t) + 0.16 * (i - (len(kinds) - 1) / 2) for t in of["target"]]
        axes.plot(of["balanced accuracy"], at, MARKERS[i], color=LINES[i], label=kind, markersize=7)
    for y, name in enumerate(names):
        first = frame[frame["target"] == name].iloc[0]
        for column, style in (("corpus known", ":"), ("chance", "-")):
            label = column if y == 0 else None
            axes.plot(
                [first[column]] * 2, [y - 0.42, y + 0.42], style, color="0.35", linewidth=1.6, label=label
            )
    classes = frame.drop_duplicates("target")["classes"]
    axes.set(
        xlim=(-2, 102), ylim=(len(names) - 0.5, -0.5), xlabel="balanced accuracy / %",
        yticks=range(len(names)), yticklabels=[f"{t}\n({n} classes)" for t, n in zip(names, classes, strict=True)],
    )  # fmt: skip
    axes.legend(title="standardised over", bbox_to_anchor=(1.01, 1), loc="upper left", frameon=False)
    titled(axes, title, data)
    return fig


def situations(frame: pd.DataFrame, *, title: str, data: str):
    """UAR per corpus (a panel each) and situation (x), a marker with its 95 % interval per standardisation."""
    corpora, situations, kinds = (
        list(dict.fromkeys(frame[c])) for c in ("corpus", "situation", "standardised over")
    )
    columns = min(4, len(corpora))
    rows = -(-len(corpora) // columns)
    fig, grid = plt.subplots(rows, columns, figsize=(WIDTH, 1.1 + 2.3 * rows), sharey=True, squeeze=False)
    for axes in grid.flat[len(corpora) :]:
        axes.set_axis_off()
    for axes, corpus in zip(grid.flat, corpora, strict=False):
        part = frame[frame["corpus"] == corpus]
        for i, kind in enumerate(kinds):
            of = part[part["standardised over"] == kind]
            at = [situations.index(s) + 0.18 * (i - (len(kinds) - 1) / 2) for s in of["situation"]]
            error = np.abs(of[["low", "high"]].to_numpy().T - of["UAR"].to_numpy())
            axes.errorbar(
                at, of["UAR"], error, fmt=MARKERS[i], color=LINES[i], label=kind, markersize=5, elinewidth=1
            )
        axes.axhline(part["chance"].iloc[0], color="0.35", linewidth=1.2, label="chance")
        axes.set(
            title=corpus, ylim=(0, 100), xlim=(-0.5, len(situations) - 0.5), xticks=range(len(situations))
        )
        axes.set_xticklabels([s.replace(" ", "\n") for s in situations], fontsize=8)
        axes.grid(False, axis="x")
    for first in grid[:, 0]:
        first.set_ylabel("UAR / %")
    fig.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    headed(fig, title, data)
    return fig
