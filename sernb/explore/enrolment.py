"""Enrol and verify live: pick what is enrolled, set how many and the margin, and see and hear who is verified as what."""

import html

import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go

from sernb import audio
from sernb.explore import lookup, trial
from sernb.explore.panel import Panel
from sernb.explore.picking import Picker
from sernb.plots import EMOTIONS, LINES, marked


def enrol(source, table=None, material=None, against: str = "neutral", speakers=None, seed: int = 0):
    """Enrol an emotion that a model was never taught by a few utterances, and verify it against another.

    `source` is a stored run of paper 5 (`material` where its configuration does not say it), or several by name, trained
    with other losses or margins, to choose between; or an encoder, which maps files to embeddings, with a `table` of
    files; then `speakers` are enrolled from (None: every second one) and the others asked.
    """
    if table is not None:
        found = {"": trial.Trial.among(source, table, against, speakers)}
        return Enrolment(found, Panel(found[""].table, audio.pack(table)), "", seed)
    runs = source if isinstance(source, dict) else {"": source}
    first = next(iter(runs.values()))
    material = lookup.material(first) if material is None else material
    found = {name: trial.Trial.of(run, material) for name, run in runs.items()}
    shown = material.table.assign(emotion=material.table["asked"])
    return Enrolment(found, Panel(shown, material.packed), marked("", _data(first)).strip(), seed)


def _data(result):
    return "stand-in" if result.meta["data"] == "stand-in" else "real"


class Enrolment(widgets.VBox):
    """`enrolled` are the picked utterances by emotion, `verified` what became of the queries, see Trial.verify."""

    def __init__(self, trials: dict[str, trial.Trial], panel: Panel, mark: str, seed: int = 0):
        self.trials, self.mark, self.seed = trials, mark and f" {mark}", seed
        self.trial = next(iter(trials.values()))
        self.model = widgets.Dropdown(options=list(trials), description="model")
        self.emotion = widgets.Dropdown(options=self.trial.unseen, description="unseen")
        self.number = widgets.IntSlider(
            value=1, min=1, max=1, description="enrolled", continuous_update=False
        )
        self.margin = widgets.FloatSlider(
            value=0.0, min=-1.0, max=1.0, step=0.02, description="margin", continuous_update=False
        )
        self.again = widgets.Button(description="draw others")
        self.lists = [widgets.SelectMultiple(rows=9, layout={"width": "215px"}) for _ in range(2)]
        self.titles, self.heading, self.picker = (
            [widgets.HTML(), widgets.HTML()],
            widgets.HTML(),
            Picker(panel),
        )
        self.figure = _figure()
        controls = [self.emotion, self.number, self.margin, self.again]
        kept = {"flex": "0 0 auto"}  # else a wide figure squeezes them
        chosen = [widgets.VBox(pair, layout=kept) for pair in zip(self.titles, self.lists, strict=True)]
        super().__init__([
            widgets.HBox([self.model, *controls] if len(trials) > 1 else controls, layout={"flex_flow": "row wrap"}),
            widgets.HBox([*chosen, self.figure], layout={"flex_flow": "row wrap"}), self.heading, self.picker,
        ])  # fmt: skip
        self.model.observe(lambda change: self.choose_model(change["new"]), "value")
        self.emotion.observe(lambda _: self.choose_emotion(), "value")
        self.number.observe(self._drawn, "value")
        self.margin.observe(lambda _: self.verify(), "value")
        self.again.on_click(lambda _: self.draw_others())
        for one in self.lists:
            one.observe(self._picked, "value")
        for trace in self.figure.data:
            trace.on_click(
                lambda trace, points, _: points.point_inds and self.hear(trace.text[points.point_inds[0]])
            )
        self.choose_emotion()

    @property
    def names(self) -> tuple[str, str]:
        """The emotion verified against, and the unseen one."""
        return self.trial.against, self.emotion.value

    @property
    def enrolled(self) -> dict:
        return {e: self.trial.candidates[self.trial.candidates.isin(one.value)]
                for e, one in zip(self.names, self.lists, strict=True)}  # fmt: skip

    def choose_model(self, name: str) -> None:
        """Another model for the same utterances."""
        self.trial = self.trials[name]
        self.verify()

    def choose_emotion(self) -> None:
        """Offer an emotion's utterances, and draw ten of each, fewer where there are fewer."""
        self._quietly(self.number, max=self.trial.most(self.emotion.value))
        self._quietly(self.number, value=min(10, self.number.max))
        for name, title, one in zip(self.names, self.titles, self.lists, strict=True):
            title.value = f"enrolled as <b>{html.escape(name)}</b>"
            self._quietly(one, options=[], value=())
            self._quietly(one, options=self.trial.pool(name).tolist())
        self.draw()

    def draw(self) -> None:
        """Enrol as many utterances of each as the slider says, at random."""
        drawn = self.trial.draw(self.emotion.value, self.number.value, self.seed)
        for name, one in zip(self.names, self.lists, strict=True):
            self._quietly(one, value=tuple(drawn[name]))
        self.verify()

    def draw_others(self) -> None:
        self.seed += 1
        self.draw()

    def verify(self) -> None:
        """Ask all queries, with what is picked and the margin as it stands."""
        enrolled, (against, emotion), margin = self.enrolled, self.names, self.margin.value
        if not all(len(ids) for ids in enrolled.values()):
            self.heading.value = "Pick an utterance or more of both."
            return
        frame = self.verified = self.trial.verify(emotion, enrolled, margin)
        n = min(len(ids) for ids in enrolled.values())
        low, high = np.quantile(self.trial.by_chance(emotion, n, margin, self.seed), [0.025, 0.975])
        right = frame["predicted"] == frame["emotion"]
        told = [
            f"{right[frame['emotion'] == e].sum()} of {(frame['emotion'] == e).sum()} {e}" for e in self.names
        ]
        self.heading.value = (
            f"<b>UAR {trial.score(frame):.1f} %</b>{self.mark}: right are {', '.join(map(html.escape, told))}. "
            f"95 % of random draws of {n} give {low:.1f} to {high:.1f} %. Asked: {_speakers(frame)}."
        )
        self._points(frame, margin)
        worst = frame.assign(
            wrong=(frame["nearer"] - margin).where(frame["emotion"] == against, margin - frame["nearer"])
        )
        worst = worst.sort_values("wrong", ascending=False, kind="stable")
        entries = [(f"{row.emotion}: {row.predicted} · {name}", name) for name, row in worst.iterrows()]
        self.picker.offer(entries)

    def hear(self, name: str) -> None:
        self.picker.list.value = name

    def _points(self, frame, margin):
        places = np.random.default_rng(0).uniform(-0.3, 0.3, len(frame))
        with self.figure.batch_update():
            for row, (trace, name) in enumerate(zip(self.figure.data, self.names, strict=True)):
                of = (frame["emotion"] == name).to_numpy()
                trace.x, trace.y = frame["nearer"].to_numpy()[of], row + places[of]
                trace.text, trace.marker.color = frame.index[of].tolist(), EMOTIONS.get(name, LINES[row])
            self.figure.layout.yaxis.ticktext = list(self.names)
            self.figure.layout.xaxis.title = f"nearer to {self.names[1]} by (cosine distance)"
            self.figure.layout.shapes[0].x0 = self.figure.layout.shapes[0].x1 = margin

    def _drawn(self, _):
        self.draw()

    def _picked(self, _):
        self.verify()

    def _quietly(self, widget, **values):
        """Set without the answer that a user's hand gets."""
        answer = self._drawn if widget is self.number else self._picked
        widget.unobserve(answer, "value")
        for name, value in values.items():
            setattr(widget, name, value)
        widget.observe(answer, "value")


def _figure():
    points = {"mode": "markers", "hoverinfo": "text", "marker": {"size": 8, "opacity": 0.8}}
    figure = go.FigureWidget([go.Scatter(**points), go.Scatter(**points)])
    figure.update_layout(
        width=440, height=250, margin={"l": 10, "r": 10, "t": 10, "b": 10}, plot_bgcolor="white", showlegend=False,
        yaxis={"tickvals": [0, 1], "range": [-0.5, 1.5]}, xaxis={"gridcolor": "#DDDDDD", "zeroline": False},
        shapes=[{"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dash"}}],
    )  # fmt: skip
    return figure


def _speakers(frame):
    names = sorted(frame["speaker"].unique())
    return html.escape(", ".join(names[:4])) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
