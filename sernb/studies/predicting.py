"""A trained model put to use: emotion, probabilities and an out-of-distribution score for files."""

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch

from sernb import audio, decoding, paths, store, training

WINDOW, HOP = 10.0, 5.0  # seconds: what is longer is judged in windows
LEAST = 400  # samples: the shortest that has a frame


def find(name: str) -> store.Result:
    """A stored run by its key, the beginning of its key, or its folder.

    Raises FileNotFoundError where there is none, ValueError where the name is ambiguous or the run holds no weights.
    """
    if Path(name).is_dir():
        found = [store.load(Path(name))]
    else:
        found = [store.load(f.parent) for f in sorted(paths.RESULTS.glob(f"*/{name}*/checksums.json"))]
    if not found:
        raise FileNotFoundError(
            f"no stored run {name!r}: expected the folder of one, or the key (or its beginning) of one in "
            f"{paths.RESULTS}; train one first, for instance by `sernb run 11`. Frozen runs hold no weights."
        )
    if len(found) > 1:
        keys = ", ".join(r.key for r in found[:5])
        raise ValueError(f"{name!r} is the beginning of {len(found)} keys: {keys}. Give more of it.")
    if not (found[0].path / "model.safetensors").exists():
        raise ValueError(f"{found[0].key} holds no weights; only trained networks can predict.")
    return found[0]


class Predictor:
    """The model of a stored run, asked about waveforms. Raises ValueError for a study that offers no model."""

    def __init__(self, result: store.Result):
        study = importlib.import_module(f"sernb.studies.{result.meta['study']}")
        if not hasattr(study, "recogniser"):
            why = getattr(study, "ASK_INSTEAD", "it trains nothing that predicts emotions of files")
            raise ValueError(f"{result.meta['study']}: {why}.")
        self.classes, self.on = result.meta["classes"], training.device()
        self.model = study.recogniser(result.config, len(self.classes))
        wanted = self.model.state_dict()
        state = {k: torch.from_numpy(v.copy()) for k, v in result.state().items() if k in wanted}
        self.over = self.model.normalise.kind if hasattr(self.model, "normalise") else "none"
        if self.over in (
            "speaker",
            "corpus",
        ):  # the training's; those of the files asked about take their place
            state |= {k: wanted[k] for k in ("normalise.mean", "normalise.deviation")}
        self.model.load_state_dict(state)
        self.model.to(self.on).eval()

    @torch.no_grad()
    def usual(self, result: store.Result) -> np.ndarray | None:
        """Scores of the run's own test utterances, from its stored embeddings, to compare with; None without them."""
        found = result.embeddings()
        if found is None:
            return None
        z = torch.from_numpy(found.to_numpy(np.float32, copy=True)).to(self.on)
        return -self.model.head.logits(z).float().amax(1).cpu().numpy()

    @torch.no_grad()
    def __call__(self, waves: list[np.ndarray]) -> pd.DataFrame:
        """Emotion, score and probabilities p_… of mono waveforms in [-1, 1) at 16 kHz, one row each.

        `score` is −max logit, larger = less like what was trained on. A model that standardises by speaker or corpus
        takes all waveforms for one speaker's, and its statistics from them.
        """
        if self.over in ("speaker", "corpus"):
            self.model.normalise.fit(
                (*self.model.filter_bank(*self._batch([x])), torch.zeros(1, dtype=torch.long, device=self.on))
                for x in waves
            )
        logits = [
            self.model(*self._batch([x]), torch.zeros(1, dtype=torch.long, device=self.on))[0].float().cpu()
            for x in waves
        ]
        logits = torch.stack(logits) if logits else torch.empty(0, len(self.classes))
        frame = pd.DataFrame(logits.softmax(1).numpy(), columns=[f"p_{c}" for c in self.classes])
        best = np.array(self.classes, object)[logits.argmax(1).numpy()] if len(frame) else []
        frame.insert(0, "emotion", best)
        frame.insert(1, "score", -logits.amax(1).numpy())
        return frame

    def _batch(self, waves):
        lengths = torch.tensor([max(len(x), LEAST) for x in waves])
        x = torch.zeros(len(waves), int(lengths.max()))
        for row, wave in zip(x, waves, strict=True):
            row[: len(wave)] = torch.from_numpy(wave / max(float(np.abs(wave).max()), 1e-9))
        return x.to(self.on), lengths.to(self.on)


def files(predictor: Predictor, names: Iterable[str], window=WINDOW, hop=HOP) -> tuple[pd.DataFrame, list]:
    """A row per file, or per window of a longer one (columns file, start, end in seconds); and (file, why) of the unreadable."""
    where, waves, left_out = [], [], []
    for name in names:
        try:
            x = audio.decode(name)
        except (OSError, ValueError, soundfile.LibsndfileError, decoding.Undecodable) as error:
            left_out.append((name, str(error)))
            continue
        for start, end in windows(len(x) / audio.RATE, window, hop):
            where.append({"file": name, "start": start, "end": end})
            waves.append(x[round(start * audio.RATE) : round(end * audio.RATE)])
    frame = pd.concat([pd.DataFrame(where, columns=["file", "start", "end"]), predictor(waves)], axis=1)
    return frame, left_out


def windows(seconds: float, window: float, hop: float) -> Iterator[tuple[float, float]]:
    """The whole where it is no longer than a window, else windows `hop` apart; the last one ends with the recording."""
    if window <= 0 or hop <= 0:
        raise ValueError(f"window and hop are seconds above 0, found {window} and {hop}.")
    start = 0.0
    while start + window < seconds:
        yield start, start + window
        start += hop
    yield max(0.0, seconds - window), seconds
