"""What clusters of frames stand for: emotion, gender, speaker, and on stand-ins the phone that was spoken."""

import functools
import tempfile
from collections.abc import Iterable, Mapping
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
    """Frames of some utterances: what is known of each (`known`), features of every layer (`layers`), `mfccs` (N, 39).

    `lengths` (utterances,) in frames, in the order of the table.
    """

    def __init__(self, table: pd.DataFrame, packed: audio.Pack, data: str):
        self.table, self.data, self.waves = table, data, audio.Waves(packed, training.device())
        self.rows = self.waves.rows(table.index)
        with tempfile.TemporaryDirectory() as folder:
            frames, lengths = pretraining.mfccs(self.waves, Path(folder) / "mfcc")
            offsets = (lengths.cumsum(0) - lengths).tolist()
            parts = [frames[offsets[r] : offsets[r] + int(lengths[r])].float() for r in self.rows.tolist()]
        self.mfccs, self.lengths = torch.cat(parts), lengths[self.rows]

    @functools.cached_property
    def known(self) -> pd.DataFrame:
        """One row a frame: utterance, seconds (its middle), emotion, gender, speaker and, for stand-ins of corpora, phone
        (missing in the echo after the last one)."""
        which = np.repeat(np.arange(len(self.table)), self.lengths.numpy())
        number = np.concatenate([np.arange(n) for n in self.lengths.tolist()])
        known = self.table.iloc[which][["emotion", "gender", "speaker"]].reset_index()
        known["seconds"] = (number * masked.HOP + masked.FIELD / 2) / audio.RATE
        return known.assign(phone=_phones(known, self.table) if self.data == "stand-in" else np.nan)

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


def clusters(
    frames: torch.Tensor, k: int, seed: int = 0, made_of: torch.Tensor | None = None
) -> torch.Tensor:
    """Labels (N,) of frames (N, D) by k-means, its centres made of other frames (M, D), or of these themselves."""
    recipe = pseudo_labels.Recipe(batch=4000, passes=4.0, restarts=2)
    made_of = frames if made_of is None else made_of
    return pseudo_labels.assign(
        frames, pseudo_labels.fit(made_of, k, torch.Generator().manual_seed(seed), recipe)
    )


def purities(
    frames: Frames, ways: Mapping[str, tuple[torch.Tensor, torch.Tensor | None]], k: int, seeds: Iterable[int]
) -> pd.DataFrame:
    """Purity in % of k clusters by every way and seed of k-means: index way, seed; a column for what was asked.

    `ways`: name → features of the frames (N, D), and those that centres are made of (M, D), or None: the frames' own.
    One draw of k-means or another changes a purity by a point: compare means over seeds.
    """
    found = {
        (name, seed): frames.meaning(clusters(x, k, seed, made_of))
        for name, (x, made_of) in ways.items()
        for seed in seeds
    }
    return pd.DataFrame(found).T.rename_axis(["way", "seed"])


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
