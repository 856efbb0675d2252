"""A small HuBERT that the workbook pre-trains itself, on corpora other than the one evaluated.

HuBERT's first iteration: clusters of MFCCs are predicted where frames are masked, with the code of paper 2's stage 2.
No label of any kind is used, and the front end learns along.
"""

import dataclasses
import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from sernb import audio, corpora, features, pseudo_labels, training
from sernb.models import gmp_atl, self_supervised
from sernb.studies import masked, stages

VERSION = 1
MELS = 40


@dataclass(frozen=True)
class Config:
    """One pre-training. Sizes are ours; masks and the number of clusters are HuBERT's."""

    corpora: str  # names joined by +
    data: str = "real"
    seed: int = 0
    width: int = 128
    layers: int = 6
    bands: int = 40  # of the front end
    clusters: int = 100
    unmasked: float = 0.5  # 1 − α of HuBERT's loss; its base model has 0, and hears a thousand times as much
    crop: float = 4.0  # seconds
    epochs: int = 60
    batch_size: int = 16
    learning_rate: float = 1e-3
    passes: int = 20  # of k-means
    restarts: int = 5


@functools.lru_cache(maxsize=2)
def data(names: str, of: str) -> tuple[pd.DataFrame, audio.Pack, str]:
    """Table in the order of the pack, pack, and a digest of the audio."""
    table = corpora.several(names.split("+"), data=of)
    packed = audio.pack(table)
    return table.loc[packed.ids], packed, features.hash_of(packed.digests)


def key(config: Config) -> str:
    return stages.key(
        "pretraining", VERSION, dataclasses.asdict(config), data(config.corpora, config.data)[2]
    )


def encoder(config: Config, progress: bool = True) -> self_supervised.SelfSupervised:
    """The pre-trained encoder; pre-trained first where the store lacks it."""
    return with_weights(blank(config), run(config, progress).arrays)


def blank(config: Config) -> self_supervised.SelfSupervised:
    """The encoder with the random weights that pre-training begins from."""
    torch.manual_seed(config.seed)
    return self_supervised.small(config.width, config.layers, config.bands)


def with_weights(encoder, arrays, prefix: str = "encoder."):
    """An encoder with those arrays of a stage that are its own. Raises RuntimeError where one is missing."""
    own = {
        k.removeprefix(prefix): torch.from_numpy(v.copy()) for k, v in arrays.items() if k.startswith(prefix)
    }
    encoder.load_state_dict(own)
    return encoder.eval()


def run(config: Config, progress: bool = True) -> stages.Stage:
    return stages.stored("pretraining", key(config), lambda checkpoint: _fit(config, checkpoint, progress))


def _fit(config, checkpoint, progress):
    on = training.device()
    table, packed, _ = data(config.corpora, config.data)
    waves = audio.Waves(packed, on)
    centres, labels, lengths = targets(waves, config)
    model = gmp_atl.MaskedPrediction(blank(config), [config.clusters], unmasked=config.unmasked)
    judges = table.groupby("corpus")["speaker"].max()
    valid = table["speaker"].isin(judges).to_numpy()
    rows = {"train": torch.from_numpy((~valid).nonzero()[0]), "valid": torch.from_numpy(valid.nonzero()[0])}
    trainer = masked.Trainer(
        model, masked.Stretches(waves), masked.Labels(labels[:, None], lengths, on), rows, packed.ids,
        crop=round(50 * config.crop), batch_size=config.batch_size, on=on,
    )  # fmt: skip
    plan = training.FitConfig(
        config.epochs, "adam", config.learning_rate, 0.0, "cosine", select="last", clip=1.0, fused=True
    )
    curves = trainer.fit(
        plan, seed=config.seed, checkpoint=checkpoint, progress=progress, label="pre-training"
    )
    arrays = {k: v.detach().cpu().numpy() for k, v in model.state_dict().items()}
    facts = {"dtype": str(trainer.to).removeprefix("torch."), "device": training.device_name(on)}
    return stages.Stage(arrays | {"centres": centres.numpy()}, curves, facts)


def targets(waves, config: Config):
    """Centres (k, 39) over the frames of all utterances, labels (N,) back to back, and frames an utterance."""
    with tempfile.TemporaryDirectory() as folder:
        frames, lengths = mfccs(waves, Path(folder) / "mfcc")
        recipe = pseudo_labels.Recipe(passes=config.passes, restarts=config.restarts)
        generator = torch.Generator().manual_seed(config.seed)
        centres = pseudo_labels.fit(frames, config.clusters, generator, recipe, waves.device)
        return centres, pseudo_labels.assign(frames, centres, on=waves.device).short(), lengths


def mfccs(waves, file: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """MFCCs of every utterance on disk, back to back (N, 39), and frames an utterance.

    Windows of 400 samples every 320: frame by frame those that the encoder sees.
    """
    bank = features.FilterBank(MELS, audio.RATE, shift=masked.HOP / audio.RATE).to(waves.device)
    lengths = torch.zeros(len(waves.ids), dtype=torch.long)
    with pseudo_labels.OnDisk(file, 39) as out:
        for rows in torch.arange(len(waves.ids)).split(16):
            log_mel, frames = bank(*waves.batch(rows))
            for x, n in zip(log_mel, frames.tolist(), strict=True):
                out.add(features.mfcc(x[None, :, :n])[0].T)
            lengths[rows] = frames.cpu()
    return out.read(), lengths
