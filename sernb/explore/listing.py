"""A corpus to leaf through: filter, see the balance, listen."""

import ipywidgets as widgets
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sernb import audio
from sernb.explore.panel import Panel
from sernb.explore.picking import Picker
from sernb.plots import EMOTIONS, LINES

FILTERS = ("corpus", "emotion", "speaker", "gender", "language")
EVERY = "every one"


def corpus(table: pd.DataFrame, packed=None):
    """Leaf through a table; it is decoded and packed here where that has not been done.

    `packed` may be a dictionary of packs, one a corpus.
    """
    packed = audio.pack(table) if packed is None else Packs(packed) if isinstance(packed, dict) else packed
    return Corpus(table.loc[table.index.isin(packed.ids)], Panel(table, packed))


class Packs:
    """Several packs of one rate, asked as one."""

    def __init__(self, packs: dict[str, audio.Pack]):
        self.packs = list(packs.values())
        self.ids, self.rate = pd.Index(np.concatenate([p.ids for p in self.packs])), self.packs[0].rate

    def utterance(self, name: str) -> np.ndarray:
        """As audio.Pack.utterance. Raises KeyError where no pack has it."""
        for packed in self.packs:
            if name in packed.ids:
                return packed.utterance(name)
        raise KeyError(name)


class Corpus(widgets.VBox):
    """`selected` is the table that the filters leave."""

    def __init__(self, table: pd.DataFrame, panel: Panel):
        self.table, self.selected, self.picker = table, table, Picker(panel)
        self.filters = {
            c: widgets.Dropdown(options=[EVERY, *sorted(table[c].dropna().unique())], description=c)
            for c in FILTERS if table[c].nunique() > 1
        }  # fmt: skip
        self.heading = widgets.HTML()
        self.figure = go.FigureWidget([go.Bar(orientation="h")])
        self.figure.update_layout(
            width=560, height=300, margin={"l": 10, "r": 10, "t": 10, "b": 10}, plot_bgcolor="white",
            xaxis={"title": "utterances"},
        )  # fmt: skip
        for dropdown in self.filters.values():
            dropdown.observe(lambda _: self.filter(), "value")
        super().__init__([widgets.HBox(list(self.filters.values()), layout={"flex_flow": "row wrap"}), self.heading,
                          self.figure, self.picker])  # fmt: skip
        self.filter()

    def filter(self) -> None:
        rows = self.table
        for column, dropdown in self.filters.items():
            if dropdown.value != EVERY:
                rows = rows[rows[column] == dropdown.value]
        self.selected = rows
        minutes = (rows["end"] - rows["start"]).sum() / 60
        self.heading.value = (
            f"{len(rows)} utterances, {rows['speaker'].nunique()} speakers, {minutes:.1f} minutes"
        )
        counts = rows["emotion"].fillna("none").value_counts().sort_index(ascending=False)
        with self.figure.batch_update():
            bar = self.figure.data[0]
            bar.x, bar.y = counts.to_numpy(), counts.index.tolist()
            bar.marker.color = [EMOTIONS.get(n, LINES[0]) for n in counts.index]
        self.picker.offer([(f"{name} · {row.emotion}", name) for name, row in rows.iterrows()])
