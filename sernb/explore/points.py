"""Embeddings as points: colour them, click one and hear it, lasso some and get their table."""

import ipywidgets as widgets
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import seaborn as sns

from sernb import overview
from sernb.explore import lookup
from sernb.explore.panel import Panel
from sernb.plots import EMOTIONS, LINES, marked

HUES = ("emotion", "corpus", "speaker", "gender", "language", "right or wrong", "part")
JUDGED = {"right": LINES[0], "wrong": LINES[1]}


def embedding(result, material=None, method: str = "t-SNE", scores: pd.Series | None = None, seed: int = 0):
    """The embeddings of a result in two dimensions. `scores`: a number per utterance to colour by, such as an OOD score.

    `material` is found by the result's configuration where it is not passed. Raises ValueError for a frozen result:
    those keep predictions, not embeddings.
    """
    z = result.embeddings()
    if z is None:
        raise ValueError(f"{result.key}: a frozen result holds no embeddings. Train it here to look at them.")
    material = lookup.material(result) if material is None else material
    frame = material.table.loc[z.index].copy()
    known = result.predictions[~result.predictions.index.duplicated()].reindex(z.index)
    # Of utterances of no class, whose class is missing, the result may know the emotion all the same.
    frame["emotion"] = frame["emotion"].where(frame["emotion"].notna(), known["emotion"])
    if known["predicted"].notna().any() and set(known["emotion"].dropna()) <= set(frame["emotion"].dropna()):
        right = (known["emotion"] == known["predicted"]).map({True: "right", False: "wrong"})
        frame["right or wrong"] = right.where(known["predicted"].notna())
    if "part" in known:  # taught or other emotions, say
        frame["part"] = known["part"]
    if scores is not None:
        frame[scores.name or "score"] = scores.reindex(z.index)
    xy = overview.in_two_dimensions(z.to_numpy(), method, seed)
    data = "stand-in" if result.meta["data"] == "stand-in" else "real"
    return Points(frame, xy, Panel(frame, material.packed, result.predictions), marked(method, data))


class Points(widgets.VBox):
    """Points of a table's utterances. `chosen` is the one last clicked, `selected` the table of those in the lasso."""

    def __init__(self, table: pd.DataFrame, xy: np.ndarray, panel: Panel, title: str):
        self.table, self.panel, self.chosen, self.selected = table, panel, None, table.iloc[:0]
        text = [f"{name}<br>{emotion}" for name, emotion in zip(table.index, table["emotion"], strict=True)]
        trace = go.Scattergl(
            x=xy[:, 0], y=xy[:, 1], mode="markers", text=text, hoverinfo="text", marker={"size": 6, "opacity": 0.85}
        )  # fmt: skip
        self.figure = go.FigureWidget([trace])
        self.figure.update_layout(
            title=title, width=560, height=520, margin={"l": 10, "r": 10, "t": 40, "b": 10}, dragmode="lasso",
            plot_bgcolor="white", xaxis=_axis(xy[:, 0]), yaxis=_axis(xy[:, 1]),
        )  # fmt: skip
        numbers = [c for c in table if pd.api.types.is_float_dtype(table[c]) and c not in ("start", "end")]
        hues = [h for h in HUES if h in table and table[h].notna().any()] + numbers
        self.hue = widgets.Dropdown(options=hues, description="colour")
        self.legend, self.listing = widgets.HTML(), widgets.HTML()
        self.hue.observe(lambda change: self.colour(change["new"]), "value")
        self.figure.data[0].on_click(
            lambda _, points, __: points.point_inds and self.choose(points.point_inds[0])
        )
        self.figure.data[0].on_selection(lambda _, points, __: self.select(points.point_inds))
        self.colour(hues[0])
        left = widgets.VBox([self.hue, self.figure, self.legend])
        super().__init__([widgets.HBox([left, panel]), self.listing])

    def colour(self, hue: str) -> None:
        """Colour by a column: categories with a legend, numbers with a scale."""
        values, marker = self.table[hue], self.figure.data[0].marker
        with self.figure.batch_update():
            if pd.api.types.is_float_dtype(values):
                marker.color, marker.colorscale, marker.showscale = values.to_numpy(), "Cividis", True
                self.legend.value = ""
            else:
                palette = colours(values)
                marker.color, marker.showscale = [palette.get(v, "#DDDDDD") for v in values], False
                self.legend.value = _legend(palette)

    def choose(self, i: int) -> None:
        self.chosen = self.table.index[i]
        self.panel.show(self.chosen)

    def select(self, rows) -> None:
        self.selected = self.table.iloc[list(rows)]
        shown = self.selected[
            [c for c in ("speaker", "gender", "emotion", "right or wrong") if c in self.selected]
        ]
        self.listing.value = f"{len(shown)} selected" + shown.head(12).to_html(border=0) if len(shown) else ""


def _axis(values):
    """No ticks, a margin on both sides: points at the edge are to be clicked too."""
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low or 1)
    return {"visible": False, "range": [low - room, high + room]}


def colours(values: pd.Series) -> dict:
    """A colour for every value: an emotion's own, else of a palette that colour-blind readers can tell apart."""
    names = sorted(values.dropna().unique())
    if set(names) <= set(JUDGED):
        return JUDGED
    palette = sns.color_palette("colorblind" if len(names) <= 10 else "husl", len(names)).as_hex()
    return {n: EMOTIONS.get(n, c) for n, c in zip(names, palette, strict=True)}


def _legend(palette):
    shown = list(palette.items())[:14]
    more = f" … {len(palette) - len(shown)} more" if len(palette) > len(shown) else ""
    return " ".join(f'<span style="color:{c}">●</span> {n}' for n, c in shown) + more
