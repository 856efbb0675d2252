"""MOS, T60 and C50 of corpora as they are and as augmentation makes them (paper 3, Fig. 4)."""

import numpy as np
import pandas as pd
import torch

from sernb import acoustics, audio
from sernb.augment_waveforms import Augment

QUANTITIES = ["MOS", *acoustics.QUANTITIES]


def conditions(table: pd.DataFrame, estimator, *, most: int, scored: int, seed: int) -> pd.DataFrame:
    """Every quantity of at most `most` utterances of each corpus, drawn at random, raw and augmented.

    A row an utterance and kind of audio; columns corpus, audio ("raw", "augmented") and QUANTITIES. MOS is slow: it is
    estimated for `scored` utterances of each corpus and missing (NaN) for the others. Augmented: the paper's chain of
    waveform augmentations on every utterance, its parameters drawn from `seed`.
    """
    device, parts = next(estimator.parameters()).device, []
    for number, (corpus, of) in enumerate(table.groupby("corpus", sort=False)):
        packed = audio.pack(of.sample(min(most, len(of)), random_state=seed))
        waves = audio.Waves(packed, device)
        generator = torch.Generator().manual_seed(1_000 * seed + number)
        for kind, share in (("raw", 0.0), ("augmented", 1.0)):
            frame = _estimates(waves, estimator, share, scored, generator)
            parts.append(frame.set_axis(packed.ids).assign(corpus=corpus, audio=kind))
    return pd.concat(parts)[["corpus", "audio", *QUANTITIES]]


def _estimates(waves, estimator, share, scored, generator):
    found = np.full((len(waves.ids), len(QUANTITIES)), np.nan)
    for rows in audio.buckets(waves.lengths, 16):
        x, lengths, _ = Augment(waves.rate)(*waves.batch(rows), share, generator)
        found[rows, 1:] = estimator(x, lengths).cpu()
        for row, y, n in zip(rows.tolist(), x, lengths.tolist(), strict=True):
            if row < scored:  # the utterances of a pack are in random order
                y = y[:n].cpu().numpy()
                found[row, 0] = acoustics.mos(y / max(1.0, float(np.abs(y).max())))
    return pd.DataFrame(found, columns=QUANTITIES)
