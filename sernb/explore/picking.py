"""A list of utterances beside the panel that shows the one picked."""

import ipywidgets as widgets

from sernb.explore.panel import Panel

MOST = 500  # entries in a list


class Picker(widgets.HBox):
    """`offer` fills the list; picking an entry shows it and sets `chosen`."""

    def __init__(self, panel: Panel):
        self.panel, self.chosen = panel, None
        self.list = widgets.Select(options=[], rows=14, layout={"width": "330px"})
        self.list.observe(self._picked, "value")
        super().__init__([self.list, panel])

    def offer(self, entries: list[tuple[str, str]]) -> None:
        """Entries (text, utterance id), best first; nothing is picked yet."""
        self.list.unobserve(self._picked, "value")
        self.list.options = entries[:MOST]
        self.list.value = None
        self.list.observe(self._picked, "value")

    def _picked(self, change):
        if change["new"] is not None:
            self.chosen = change["new"]
            self.panel.show(self.chosen)
