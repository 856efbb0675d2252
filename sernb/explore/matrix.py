"""A confusion matrix whose cells open: hear what was taken for what, worst first."""

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go

from sernb import metrics
from sernb.explore import lookup
from sernb.explore.panel import Panel
from sernb.explore.picking import Picker
from sernb.plots import marked


def confusion(result, material=None):
    """The confusion matrix of a result, or of several whose test utterances are pooled (the folds of one protocol)."""
    results = list(result) if isinstance(result, (list, tuple)) else [result]
    material = lookup.material(results[0]) if material is None else material
    predictions = pd.concat([r.predictions for r in results])
    if "part" in predictions:
        predictions = predictions[predictions["part"] == "test"]
    if predictions.index.has_duplicates:
        raise ValueError(
            "the results share test utterances: pass the folds of one seed and one configuration."
        )
    data = "stand-in" if results[0].meta["data"] == "stand-in" else "real"
    return Confusion(
        predictions, results[0].meta["classes"], Panel(material.table, material.packed, predictions), data
    )


class Confusion(widgets.VBox):
    """`cell` is the pair (truth, predicted) last opened, `selected` its predictions, worst first."""

    def __init__(self, predictions: pd.DataFrame, classes: list[str], panel: Panel, data: str):
        self.predictions, self.classes, self.cell = predictions, classes, None
        self.selected = predictions.iloc[:0]
        counts = metrics.confusion(predictions["emotion"], predictions["predicted"], classes)
        counts = pd.DataFrame(counts, classes, classes)
        shares = 100 * counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
        trace = go.Heatmap(
            z=shares.to_numpy(), x=classes, y=classes, customdata=counts.to_numpy(), colorscale="Blues", zmin=0, zmax=100,
            texttemplate="%{z:.0f}", colorbar={"title": "% of row"},
            hovertemplate="%{y} taken for %{x}: %{customdata} utterances<extra></extra>",
        )  # fmt: skip
        self.figure = go.FigureWidget([trace])
        self.figure.update_layout(
            title=marked("click a cell", data), width=520, height=460, margin={"l": 10, "r": 10, "t": 40, "b": 10},
            xaxis={"title": "predicted"}, yaxis={"title": "truth", "autorange": "reversed"},
        )  # fmt: skip
        self.picker, self.heading = Picker(panel), widgets.HTML()
        self.figure.data[0].on_click(
            lambda _, points, __: points.xs and self.open_cell(points.ys[0], points.xs[0])
        )
        super().__init__([self.figure, self.heading, self.picker])

    def open_cell(self, truth: str, predicted: str) -> None:
        """List a cell's utterances, the one whose truth seemed least likely first."""
        frame = self.predictions
        rows = frame[(frame["emotion"] == truth) & (frame["predicted"] == predicted)]
        rows = rows.sort_values(f"p_{truth}", kind="stable")
        self.cell, self.selected = (truth, predicted), rows
        self.heading.value = (
            f"<b>{truth}</b> taken for <b>{predicted}</b>: {len(rows)} utterances, worst first"
        )
        entries = [(f"{name} · p({truth}) = {p:.2f}", name) for name, p in rows[f"p_{truth}"].items()]
        self.picker.offer(entries)
