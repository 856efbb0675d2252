"""What clusters of frames stand for: emotion, gender, speaker, and on stand-ins the phone that was spoken."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sernb import audio, metrics, pseudo_labels, training
from sernb.corpora import standin_phones
from sernb.models.self_supervised import SelfSupervised
from sernb.studies import masked, pretraining

ASKED = ("phone", "emotion", "gender", "speaker")


class Frames:
    """Frames of some utterances: what is known of each (`known`), and features of every layer or MFCCs.

    `known` has one row a frame: utterance, seconds (its middle), emotion, gender, speaker and, for stand-ins of corpora,
    phone (missing in the echo after the last one).
    """

    def __init__(self, table: pd.DataFrame, packed: audio.Pack, data: str):
        on = training.device()
        self.waves, self.rows = audio.Waves(packed, on), None
        self.rows = self.waves.rows(table.index)
        with tempfile.TemporaryDirectory() as folder:
            frames, lengths = pretraining.mfccs(self.waves, Path(folder) / "mfcc")
            offsets = (lengths.cumsum(0) - lengths).tolist()
            parts = [frames[offsets[r] : offsets[r] + int(lengths[r])].float() for r in self.rows.tolist()]
        self.mfccs, self.lengths = torch.cat(parts), lengths[self.rows]
        which = np.repeat(np.arange(len(table)), self.lengths.numpy())
        number = np.concatenate([np.arange(n) for n in self.lengths.tolist()])
        known = table.iloc[which][["emotion", "gender", "speaker"]].reset_index()
        known["seconds"] = (number * masked.HOP + masked.FIELD / 2) / audio.RATE
        self.known = known.assign(phone=_phones(known, table) if data == "stand-in" else np.nan)

    @torch.no_grad()
    def layers(self, encoder: SelfSupervised) -> list[torch.Tensor]:
        """Features (N, width) of every hidden state of an encoder, in the order of `known`."""
        on = self.waves.device
        encoder, found = encoder.to(on).eval(), [[] for _ in range(encoder.layers + 1)]
        for rows in self.rows.split(8):
            x, frames = encoder.front(*self.waves.batch(rows))
            with training.autocast(on, training.dtype(on)):
                states = encoder.hidden_states(x, frames)
            for into, state in zip(found, states, strict=True):
                into += [h[:n].float().cpu() for h, n in zip(state, frames.tolist(), strict=True)]
        return [torch.cat(parts) for parts in found]

    def meaning(self, labels: torch.Tensor) -> dict[str, float]:
        """Purity in % of clusters for everything that was asked and is known."""
        found = {}
        for name in ASKED:
            known = self.known[name].notna().to_numpy()
            if known.any():
                found[name] = 100 * metrics.purity(self.known.loc[known, name], labels.numpy()[known])
        return found

    def commonest(self) -> dict[str, float]:
        """Purity in % of a single cluster."""
        return self.meaning(torch.zeros(len(self.known), dtype=torch.long))


def clusters(frames: torch.Tensor, k: int, seed: int = 0, passes: float = 4.0) -> torch.Tensor:
    """Labels of frames by their own k-means."""
    recipe = pseudo_labels.Recipe(batch=4000, passes=passes, restarts=2)
    centres = pseudo_labels.fit(frames, k, torch.Generator().manual_seed(seed), recipe)
    return pseudo_labels.assign(frames, centres)


def utterance_means(frames: torch.Tensor, lengths: torch.Tensor) -> np.ndarray:
    """The mean over each utterance's frames: (N, width) → (utterances, width)."""
    return torch.stack([part.mean(0) for part in frames.split(lengths.tolist())]).numpy()


def _phones(known, table):
    """The phone at each frame's middle, without its stress mark; missing in pauses and after the last one."""
    phones, found = pd.concat([standin_phones.load(c) for c in table["corpus"].unique()]), []
    groups = dict(tuple(phones.groupby(level=0, sort=False)))
    for utterance, of in known.groupby("utterance", sort=False):
        spoken, middle = groups[utterance], of["seconds"].to_numpy()
        at = np.searchsorted(spoken["start"].to_numpy(), middle, side="right") - 1
        names = spoken["phone"].str.strip("',_:!").to_numpy(object)[at.clip(0)]
        inside = (at >= 0) & (middle < spoken["end"].iloc[-1]) & (names != "")
        found.append(np.where(inside, names, np.nan))
    return np.concatenate(found)
