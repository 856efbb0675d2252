"""One utterance: its player, its waveform and filter bank, what it is and what a model makes of it."""

import html
import io

import ipywidgets as widgets
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from sernb import features, overview
from sernb.plots import EMOTIONS, LINES

ABOUT = ("corpus", "speaker", "gender", "language", "emotion", "agreement")


class Panel(widgets.VBox):
    """Shows one utterance of a table. `predictions` (columns p_…) adds a model's probabilities, `packed` has the audio."""

    def __init__(self, table: pd.DataFrame, packed, predictions: pd.DataFrame | None = None):
        self.table, self.packed, self.predictions = table, packed, predictions
        self.shown = None
        self.caption, self.picture = widgets.HTML("<i>Pick an utterance.</i>"), widgets.Image(format="png")
        self.player = widgets.HTML()
        self.picture.layout.visibility = "hidden"
        super().__init__([self.caption, self.player, self.picture])
        self.layout.min_width = "460px"

    def show(self, name: str) -> None:
        """Show an utterance. Raises KeyError if the table lacks it."""
        row, x = self.table.loc[name], self.packed.utterance(name)
        self.shown = name
        self.caption.value = self._caption(name, row)
        self.player.value = overview.player(x, self.packed.rate)
        self.picture.value = picture(x, self.packed.rate, self._probabilities(name))
        self.picture.layout.visibility = "visible"

    def _caption(self, name, row):
        facts = [f"{c}: {row[c]}" for c in ABOUT if c in row and pd.notna(row[c])]
        if self.predictions is not None and name in self.predictions.index:
            guess = self.predictions.loc[name, "predicted"]
            facts.append(f"<b>predicted: {html.escape(str(guess))}</b>")
        return f"<b>{html.escape(name)}</b><br>" + " · ".join(
            f if f.startswith("<b>") else html.escape(f) for f in facts
        )

    def _probabilities(self, name):
        if self.predictions is None or name not in self.predictions.index:
            return None
        found = self.predictions.loc[name].filter(like="p_").dropna().astype(float)
        return found.rename(lambda column: column.removeprefix("p_")) if len(found) else None


def picture(x: np.ndarray, rate: int, probabilities: pd.Series | None = None) -> bytes:
    """PNG of waveform and log-mel filter bank over seconds, and of probabilities where there are some."""
    rows = [1, 1.6] if probabilities is None else [1, 1.6, 0.3 + 0.22 * len(probabilities)]
    figure = Figure(figsize=(4.8, 1.35 * sum(rows)), dpi=96, layout="constrained")
    axes = figure.subplots(len(rows), 1, height_ratios=rows, squeeze=False)[:, 0]
    seconds = len(x) / rate
    axes[0].plot(np.arange(len(x)) / rate, x, color=LINES[0], linewidth=0.4)
    axes[0].set(xlim=(0, seconds), ylabel="amplitude", xticklabels=[])
    waves = torch.from_numpy(np.ascontiguousarray(x))[None]
    with torch.no_grad():
        bands, frames = features.FilterBank(64, rate)(waves, torch.tensor([len(x)]))
    bands = bands[0, :, : int(frames[0])].numpy()
    axes[1].imshow(
        bands, origin="lower", aspect="auto", cmap="cividis", extent=(0, seconds, 0, len(bands)),
        vmin=np.quantile(bands, 0.02),
    )  # fmt: skip
    axes[1].set(xlabel="time / s", ylabel="mel band")
    if probabilities is not None:
        ordered = probabilities.sort_values()
        axes[2].barh(ordered.index, 100 * ordered, color=[EMOTIONS.get(n, LINES[0]) for n in ordered.index])
        axes[2].set(xlim=(0, 100), xlabel="probability / %")
    for one in axes:
        one.tick_params(labelsize=7)
        one.xaxis.label.set_size(8), one.yaxis.label.set_size(8)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
