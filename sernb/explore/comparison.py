"""Two models side by side: what one gets right and the other wrong, and whether the difference is more than luck."""

import ipywidgets as widgets
import pandas as pd

from sernb import metrics
from sernb.explore import lookup
from sernb.explore.panel import Panel
from sernb.explore.picking import Picker


def compare(a, b, material=None, names: tuple[str, str] = ("a", "b")):
    """Two results, or two lists of folds, on the utterances that both were tested on. Raises ValueError if there is none."""
    first, second = (_pooled(x) for x in (a, b))
    common = first.index.intersection(second.index)
    if common.empty:
        raise ValueError("the two have no test utterance in common; pass results of the same folds.")
    if (first.loc[common, "emotion"] != second.loc[common, "emotion"]).any():
        raise ValueError("the two were tested with different labels; pass results of the same classes.")
    one = a[0] if isinstance(a, (list, tuple)) else a
    material = lookup.material(one) if material is None else material
    return Comparison(first.loc[common], second.loc[common], Panel(material.table, material.packed), names)


class Comparison(widgets.VBox):
    """`p` is McNemar's exact p; the list shows the utterances of the kind chosen by `kind`."""

    def __init__(self, first: pd.DataFrame, second: pd.DataFrame, panel: Panel, names: tuple[str, str]):
        self.first, self.second, self.names = first, second, names
        right = {n: f["emotion"] == f["predicted"] for n, f in zip(names, (first, second), strict=True)}
        self.p = metrics.mcnemar(right[names[0]].to_numpy(), right[names[1]].to_numpy())
        self.kinds = {
            f"only {names[0]} right": right[names[0]] & ~right[names[1]],
            f"only {names[1]} right": ~right[names[0]] & right[names[1]],
            "both right": right[names[0]] & right[names[1]], "both wrong": ~right[names[0]] & ~right[names[1]],
        }  # fmt: skip
        options = [(f"{kind}: {rows.sum()}", kind) for kind, rows in self.kinds.items()]
        self.kind, self.picker = widgets.ToggleButtons(options=options), Picker(panel)
        self.kind.observe(lambda change: self.show(change["new"]), "value")
        text = f"{len(first)} utterances; McNemar's exact p = {self.p:.2g}"
        super().__init__([widgets.HTML(text), self.kind, self.picker])
        self.show(options[0][1])

    def show(self, kind: str) -> None:
        rows = self.kinds[kind]
        entries = []
        for name in rows.index[rows]:
            guesses = f"{self.first.loc[name, 'predicted']} | {self.second.loc[name, 'predicted']}"
            entries.append((f"{name} · {self.first.loc[name, 'emotion']}: {guesses}", name))
        self.picker.offer(entries)


def _pooled(result):
    results = result if isinstance(result, (list, tuple)) else [result]
    frame = pd.concat([r.predictions for r in results])
    frame = frame[frame["part"] == "test"] if "part" in frame else frame
    if frame.index.has_duplicates:
        raise ValueError("results share test utterances: pass the folds of one seed and one configuration.")
    return frame
