"""One's own voice through a trained model: emotion, probabilities, and how unlike the training it sounds."""

import html
import io
import tempfile
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pandas as pd
import soundfile
from matplotlib.figure import Figure

from sernb import audio, decoding, overview, plots_ood
from sernb.explore.microphone import Microphone
from sernb.explore.panel import picture
from sernb.plots import marked
from sernb.studies import predicting


def voice(result):
    """Upload a recording or speak, and hear what a stored run makes of it. Raises as predicting.Predictor does."""
    predictor = predicting.Predictor(result)
    data = "stand-in" if result.meta["data"] == "stand-in" else "real"
    return Voice(predictor, predictor.usual(result), marked(result.meta["study"], data))


class Voice(widgets.VBox):
    """`judged` has a row for the latest recording, or one a window of a long one: see predicting.files."""

    def __init__(self, predictor, usual: np.ndarray | None, title: str):
        self.predictor, self.usual, self.judged = predictor, usual, None
        self.upload = widgets.FileUpload(multiple=False, description="upload")
        self.microphone = Microphone()
        self.upload.observe(self._uploaded, "value")
        self.microphone.observe(lambda change: self.hear(change["new"], "your voice"), "recording")
        self.heading, self.player = widgets.HTML("<i>Upload a recording, or speak.</i>"), widgets.HTML()
        self.picture, self.scores = (
            widgets.Image(format="png", layout={"visibility": "hidden"}) for _ in range(2)
        )
        about = f"{html.escape(title)}: {', '.join(predictor.classes)}. The recording stays on the machine of the kernel."
        super().__init__([
            widgets.HTML(about), widgets.HBox([self.upload, self.microphone]), self.heading, self.player,
            widgets.HBox([self.picture, self.scores], layout={"flex_flow": "row wrap", "align_items": "flex-start"}),
        ])  # fmt: skip

    def hear(self, content: bytes, name: str) -> None:
        """Judge a recording: the content of a file in any format that `audio.decode` takes."""
        try:
            x, self.judged = judged(self.predictor, content)
        except (ValueError, OSError, soundfile.LibsndfileError, decoding.Undecodable) as error:
            self.heading.value = f"<b>{html.escape(name)}</b> cannot be heard: {html.escape(str(error))}"
            return
        probabilities = self.judged.filter(like="p_").mean().rename(lambda c: c.removeprefix("p_"))
        windows = f", mean of {len(self.judged)} windows" if len(self.judged) > 1 else ""
        self.heading.value = (
            f"<b>{html.escape(name)}</b>: <b>{html.escape(probabilities.idxmax())}</b> "
            f"({100 * probabilities.max():.0f} %{windows}) · {self._told(self.judged['score'].mean())}"
        )
        self.player.value = overview.player(x / (2 * np.abs(x).max()), audio.RATE)
        self.picture.value = picture(x, audio.RATE, probabilities)
        self.picture.layout.visibility = "visible"
        if self.usual is not None:
            self.scores.value = histogram(self.usual, self.judged["score"].mean())
            self.scores.layout.visibility = "visible"

    def _told(self, score):
        text = f"out-of-distribution score {score:.2f}"
        if self.usual is None:
            return text
        return f"{text}: further out than {100 * np.mean(self.usual < score):.0f} % of the model's own test utterances"

    def _uploaded(self, change):
        if change["new"]:
            self.hear(bytes(change["new"][0]["content"]), change["new"][0]["name"])


def judged(predictor, content: bytes) -> tuple[np.ndarray, pd.DataFrame]:
    """Waveform at 16 kHz, and its windows judged. Raises as audio.decode, ValueError with nothing in it."""
    if not content:
        raise ValueError("the recording is empty.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recording"
        file.write_bytes(content)
        try:
            x = audio.decode(str(file))
        except (ValueError, soundfile.LibsndfileError) as error:
            raise ValueError(str(error).replace(str(file), "the recording")) from error
        return x, predicting.files(predictor, [str(file)])[0].drop(columns="file")


def histogram(usual: np.ndarray, score: float) -> bytes:
    """PNG: where a score lies among the scores of the model's own test utterances."""
    figure, file = Figure(figsize=(3.8, 2.6), dpi=96, layout="constrained"), io.BytesIO()
    plots_ood.one_score(pd.Series(usual), score, title="MaxLogit score", data="real", fig=figure)
    figure.savefig(file, format="png")
    return file.getvalue()
