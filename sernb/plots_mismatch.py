"""Paper 3's figures: differences to the in-domain baseline as a map and as lines, effects before and after."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator

from .plots import LINES, WIDTH, marked


def differences(frame: pd.DataFrame, corpora: dict[str, str], *, label: str, title: str, data: str):
    """Figure 2 or 3: a panel a training set, columns test corpora, rows rates; grey where not run.

    Columns of `frame`: set, rate, corpus, relative; `corpora` gives their order and how they are written.
    """
    sets, rates = list(dict.fromkeys(frame["set"])), sorted(frame["rate"].unique())
    size = (WIDTH, 2.6 + 0.18 * len(rates))
    fig, all_axes = plt.subplots(1, len(sets), figsize=size, sharey=True, squeeze=False)
    most = max(0.05, float(np.nanmax(np.abs(frame["relative"]))))
    for axes, name in zip(all_axes.flat, sets, strict=True):
        wide = frame[frame["set"] == name].pivot_table("relative", "rate", "corpus", dropna=False)
        wide = wide.reindex(index=rates, columns=list(corpora))
        wide.index = [f"{100 * rate:.0f}" for rate in rates]
        sns.heatmap(
            wide.rename(columns=corpora), annot=True, fmt="+.2f", cmap="vlag_r", center=0, vmin=-most, vmax=most,
            linewidths=0.5, cbar=axes is all_axes.flat[-1], cbar_kws={"label": label}, ax=axes, annot_kws={"size": 7},
        )  # fmt: skip
        axes.set(title=name, xlabel="", ylabel="augmented / %" if axes is all_axes.flat[0] else "")
        axes.grid(False)
        axes.set_facecolor("#E5E5E5")  # not run
        axes.tick_params(axis="x", rotation=90, labelsize=7)
        axes.tick_params(axis="y", rotation=0)
    fig.suptitle(marked(title, data))
    return fig


def rates(frame: pd.DataFrame, printed: pd.DataFrame, corpora: dict[str, str], *, title: str, data: str):
    """wF1 less the baseline over the rate: a panel a test corpus, a line a training set, dashed the paper's."""
    fig, all_axes = plt.subplots(1, len(corpora), figsize=(WIDTH, 2.8), sharey=True, squeeze=False)
    sets = list(dict.fromkeys(frame["set"]))
    for axes, (corpus, shown) in zip(all_axes.flat, corpora.items(), strict=True):
        for name, colour in zip(sets, LINES, strict=False):
            for source, style in ((frame, "o-"), (printed, "x--")):
                of = source[(source["set"] == name) & (source["corpus"] == corpus)].dropna(subset="relative")
                axes.plot(100 * of["rate"], of["relative"], style, color=colour, markersize=4, linewidth=1)
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(title=f"tested on {shown}", xlabel="augmented / %")
    all_axes.flat[0].set_ylabel("wF1 less the baseline")
    handles = [plt.Line2D([], [], color=c, label=name) for name, c in zip(sets, LINES, strict=False)]
    if len(printed):
        handles.append(plt.Line2D([], [], color="grey", linestyle="--", marker="x", label="paper"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    fig.suptitle(marked(title, data))
    return fig


def effects(waves: dict[str, np.ndarray], rate: int, *, title: str, data: str):
    """Waveforms and spectrograms (dB below the loudest) of one utterance before and after every effect."""
    fig, all_axes = plt.subplots(
        len(waves), 2, figsize=(WIDTH, 0.95 * len(waves)), sharex=True, squeeze=False
    )
    longest = max(len(x) for x in waves.values()) / rate
    for (left, right), (name, x) in zip(all_axes, waves.items(), strict=True):
        left.plot(np.arange(len(x)) / rate, x, color=LINES[0], linewidth=0.4)
        left.set(ylim=(-1.1, 1.1), xlim=(0, longest), yticks=[])
        left.set_ylabel(name, rotation=0, ha="right", va="center")
        right.specgram(x + 1e-9, 512, rate, noverlap=352, vmin=-130, vmax=-40, cmap="cividis")
        right.set(
            ylim=(0, rate / 2), yticks=[0, rate / 4, rate / 2], yticklabels=[0, rate // 4000, rate // 2000]
        )
        right.set_ylabel("kHz", fontsize=7)
        right.grid(False)
    for axes in all_axes[-1]:
        axes.set_xlabel("time / s")
    fig.suptitle(marked(title, data))
    return fig


def before_and_after(
    waves: dict[str, np.ndarray], banks: dict, rate: int, *, title: str, data: str, fig=None
):
    """Waveforms over log mel filter banks (bands, frames every 10 ms), a column each, on one scale; what is hidden (NaN) is
    white. Drawn into `fig` where one is passed."""
    fig = plt.figure(figsize=(WIDTH, 3.2)) if fig is None else fig
    all_axes = fig.subplots(2, len(waves), height_ratios=[1, 1.7], sharex=True, sharey="row", squeeze=False)
    low, high = (np.nanquantile(next(iter(banks.values())), q) for q in (0.02, 1.0))
    for (top, below), (name, x) in zip(all_axes.T, waves.items(), strict=True):
        top.plot(np.arange(len(x)) / rate, x, color=LINES[0], linewidth=0.4)
        top.set_title(name, fontsize=9)
        bank = banks[name]
        extent = (0, 0.01 * bank.shape[1], 0, len(bank))
        below.imshow(bank, origin="lower", aspect="auto", cmap="cividis", extent=extent, vmin=low, vmax=high)
        below.set(xlabel="time / s", xlim=(0, max(map(len, waves.values())) / rate))
        below.xaxis.set_major_locator(
            MaxNLocator(5, prune="upper")
        )  # else two columns' last and first numbers meet
        below.grid(False)
    all_axes[0, 0].set_ylabel("amplitude")
    all_axes[1, 0].set_ylabel("mel band")
    fig.suptitle(marked(title, data), fontsize=10)
    return fig


def scrambled(frame: pd.DataFrame, *, title: str, data: str):
    """wF1 by training set with labels as they are and swapped: columns set, corpus, labels, wF1, deviation."""
    corpora = list(dict.fromkeys(frame["corpus"]))
    fig, all_axes = plt.subplots(1, len(corpora), figsize=(WIDTH, 2.6), sharey=True, squeeze=False)
    for axes, corpus in zip(all_axes.flat, corpora, strict=True):
        of = frame[frame["corpus"] == corpus]
        sets = list(dict.fromkeys(of["set"]))
        for i, (kind, rows) in enumerate(of.groupby("labels", sort=False)):
            at = [sets.index(s) + 0.35 * (i - 0.5) for s in rows["set"]]
            axes.bar(at, rows["wF1"], 0.33, yerr=rows["deviation"], color=LINES[i], label=kind, capsize=2)
        axes.axhline(0.25, color="black", linestyle="--", linewidth=0.8, label="chance")
        axes.set(title=f"tested on {corpus}", xticks=range(len(sets)), xticklabels=sets, ylim=(0, 1))
        axes.set_xlabel("trained on")
    all_axes.flat[0].set_ylabel("wF1")
    handles, names = all_axes.flat[0].get_legend_handles_labels()
    names = [n if n == "chance" else f"{n} labels" for n in names]
    fig.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    fig.suptitle(marked(title, data))
    return fig
