"""The seven augmentations by slider: hear and see an utterance before and after."""

import dataclasses
import io
import math
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure

from sernb import audio, overview, plots_mismatch
from sernb.explore import effects


def augmentations(source, packed=None, measure=None, seed: int = 0):
    """Sliders for the seven effects on a file, or on an utterance of a pack by its id.

    `measure` maps a waveform to a text that is shown beside its player, such as an estimate of the room. Raises
    KeyError for an utterance that the pack lacks, and as audio.decode for a file.
    """
    x = audio.decode(str(source)) if packed is None else packed.utterance(source)
    rate = audio.RATE if packed is None else packed.rate
    return Augmentations(x, rate, Path(source).name if packed is None else source, measure, seed)


class Augmentations(widgets.VBox):
    """`settings` are what the sliders say, `before` and `after` the waveforms."""

    def __init__(self, x: np.ndarray, rate: int, name: str, measure=None, seed: int = 0):
        self.before = x / max(float(np.abs(x).max()), 1e-9)  # as training has it: every peak at full scale
        self.after, self.rate, self.name, self.measure, self.seed = self.before, rate, name, measure, seed
        self.sliders = {name: _slider(name) for name in effects.RANGES}
        for slider in self.sliders.values():
            slider.observe(self._moved, "value")
        self.reset, self.draw = (
            widgets.Button(description=text) for text in ("as it is", "draw as in training")
        )
        self.reset.on_click(lambda _: self.set(effects.Settings()))
        self.draw.on_click(lambda _: self.draw_next())
        self.players, self.picture = widgets.HTML(), widgets.Image(format="png")
        columns = [list(self.sliders.values())[i : i + 4] for i in (0, 4, 8)]
        super().__init__([
            widgets.HBox([widgets.VBox(column) for column in columns], layout={"flex_flow": "row wrap"}),
            widgets.HBox([self.reset, self.draw]), self.players, self.picture,
        ])  # fmt: skip
        self.set(effects.Settings())

    @property
    def settings(self) -> effects.Settings:
        found = {name: slider.value for name, slider in self.sliders.items()}
        if found["snr"] == self.sliders["snr"].max:
            found["snr"] = math.inf
        return effects.Settings(**found)

    def set(self, settings: effects.Settings) -> None:
        """Move all sliders, then hear the outcome once. A slider takes its nearest step."""
        for name, value in dataclasses.asdict(settings).items():
            slider = self.sliders[name]
            slider.unobserve(self._moved, "value")
            slider.value = type(slider.min)(min(value, slider.max))
            slider.observe(self._moved, "value")
        self.show()

    def draw_next(self) -> None:
        """Settings as training would draw them; every press draws others."""
        self.seed += 1
        self.set(effects.drawn(self.seed))

    def show(self) -> None:
        settings = self.settings
        self.after = effects.applied(self.before, settings, self.seed, self.rate)
        waves = {"before": self.before, "after": self.after}
        banks = {"before": effects.bank(self.before, rate=self.rate)}
        banks["after"] = effects.bank(self.after, settings, self.seed, self.rate)
        players = "".join(self._player(name, x) for name, x in waves.items())
        self.players.value = f'<div style="display: flex; gap: 2em">{players}</div>'
        fig, file = Figure(figsize=(9, 3.6), dpi=96, layout="constrained"), io.BytesIO()
        plots_mismatch.before_and_after(waves, banks, self.rate, title=self.name, data="real", fig=fig)
        fig.savefig(file, format="png")
        self.picture.value = file.getvalue()

    def _moved(self, _):
        self.show()

    def _player(self, name, x):
        told = f" {self.measure(x)}" if self.measure else ""
        heard = 0.5 * x / max(1.0, float(np.abs(x).max()) / 2)
        return f"<div><b>{name}</b>{told}<br>{overview.player(heard, self.rate)}</div>"


def _slider(name):
    low, high, step, unit = effects.RANGES[name]
    kind = widgets.IntSlider if isinstance(step, int) else widgets.FloatSlider
    text = name.replace("_", " ") + (f" / {unit}" if unit in ("Hz", "dB") else "")
    return kind(
        value=high if name == "snr" else getattr(effects.Settings, name), min=low, max=high, step=step,
        description=text, continuous_update=False, style={"description_width": "85px"}, layout={"width": "280px"},
    )  # fmt: skip
