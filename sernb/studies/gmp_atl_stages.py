"""Stages 1 and 2 of paper 2, each stored and resumable: adaptation, pseudo-labels, prediction of masked frames.

Both train on the fold's training speakers and watch its validation speakers; the test speakers' audio enters neither.
"""

import contextlib
import dataclasses
import tempfile
from pathlib import Path

import torch

from sernb import audio, paths, pseudo_labels, together, training
from sernb.models import gmp_atl
from sernb.studies import masked, stages
from sernb.studies.gmp_atl_config import IGNORED, Config
from sernb.studies.gmp_atl_network import STEP, Network, front_end_frames, origin, origin_key
from sernb.studies.pretraining import with_weights

VERSION = 1


def key(config: Config, number: int, digest: str) -> str:
    """Everything that a stage's outcome depends on; rows and layers that share it share the stage."""
    whole = {k: v for k, v in dataclasses.asdict(config).items() if k not in IGNORED[number] | {"encoder"}}
    return stages.key(f"gmp_atl stage {number}", VERSION, whole, origin_key(config), digest)


def stage_1(config, material, table, fold, on, progress=False) -> stages.Stage:
    """The recogniser of emotion and gender (equation 1); its arrays are the whole network's."""

    def make(checkpoint):
        found = Network(config, material, table, fold, on, stage=1).fit(progress, checkpoint)
        return stages.Stage(found["state"], found["curves"], {"dtype": found["dtype"]})

    return stages.stored("gmp_atl-1", key(config, 1, material.digest), make)


def stage_2(config, material, table, fold, on, progress=False) -> stages.Stage:
    """The encoder after predicting masked pseudo-labels, with the centres of every scale (`centres_<k>`)."""

    def make(checkpoint):
        encoder = labelling_encoder(config, material, table, fold, on, progress)
        waves = audio.Waves(material.packed, on)
        frames = front_end_frames((origin_key(config), material.digest, str(on)), encoder, waves)
        rows = {part: waves.rows(getattr(fold, part)) for part in ("train", "valid")}
        # Clustered once: another process's rounding would give it other labels.
        centres, *labels = together.agreed(lambda: pseudo(config, encoder, frames, rows, on))
        torch.manual_seed(config.seed)  # of the heads; an encoder of our own sets it itself
        model = gmp_atl.MaskedPrediction(origin(config), config.scales, config.start, config.length)
        trainer = masked.Trainer(
            model, masked.Cached(frames), masked.Labels(*labels, on), rows, waves.ids, crop=int(50 * config.crop),
            batch_size=config.batch_size, on=on,
        )  # fmt: skip
        plan = training.FitConfig(
            config.epochs_2, config.optimiser, config.learning_rate, config.weight_decay, config.schedule,
            select="last", **STEP,
        )  # fmt: skip
        label = f"fold {fold.name}, stage 2"
        curves = trainer.fit(plan, seed=config.seed, checkpoint=checkpoint, progress=progress, label=label)
        arrays = {k: v.detach().cpu().numpy() for k, v in model.state_dict().items()}
        arrays |= {f"centres_{k}": c.numpy() for k, c in centres.items()}
        return stages.Stage(arrays, curves, {"dtype": str(trainer.to).removeprefix("torch.")})

    return stages.stored("gmp_atl-2", key(config, 2, material.digest), make)


def labelling_encoder(config, material, table, fold, on, progress=False):
    """The encoder whose features are clustered: of stage 1, or the original one."""
    if config.clustered not in ("stage 1", "pre-trained"):
        raise ValueError(f"clustered {config.clustered!r} is unknown; there are 'stage 1' and 'pre-trained'.")
    encoder = origin(config, progress)
    if config.clustered == "stage 1":
        arrays = stage_1(config, material, table, fold, on, progress).arrays
        encoder = with_weights(encoder, arrays, "encoder.encoder.")
    return encoder.to(on).eval()


def fine_tuned(config, material, table, fold, on, progress=False):
    """The encoder that stage 3 begins from: stage 2's, or without pseudo-labels the original one."""
    encoder = origin(config, progress)
    if not config.pseudo_labels:
        return encoder
    return with_weights(encoder, stage_2(config, material, table, fold, on, progress).arrays)


def pseudo(config, encoder, frames, rows, on):
    """Centres of every scale over frames of the training utterances; labels (N, scales) of these and of the validation
    utterances, and how many each utterance has, on the CPU.

    Features are written to disk in float16 and read batch by batch: memory does not grow with the corpus.
    """
    with features_on_disk(encoder, frames, rows["train"], config.layer, on) as train:
        recipe = pseudo_labels.Recipe(config.cluster_batch, config.passes, config.restarts, half=config.half)
        centres = pseudo_labels.scales(train, config.scales, config.seed, recipe, on)
    both, lengths = torch.cat([rows["train"], rows["valid"]]), torch.zeros_like(frames.lengths)
    lengths[both] = frames.lengths[both]
    labels = torch.zeros(int(lengths.sum()), len(centres), dtype=torch.int16)
    offsets = lengths.cumsum(0) - lengths
    for chosen, hidden in layer_frames(encoder, frames, both, config.layer, on):
        for row, x in zip(chosen.tolist(), hidden, strict=True):
            of = [pseudo_labels.assign(x, c, config.half, on) for c in centres.values()]
            labels[offsets[row] : offsets[row] + len(x)] = torch.stack(of, 1).short()
    return centres, labels, lengths


@contextlib.contextmanager
def features_on_disk(encoder, frames, rows, layer, on):
    """Frames (N, width) of one layer over some utterances, back to back in order of length, memory-mapped."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.CACHE, prefix=".frames-") as folder:
        with pseudo_labels.OnDisk(Path(folder) / "frames", encoder.width) as out:
            for _, hidden in layer_frames(encoder, frames, rows, layer, on):
                for x in hidden:
                    out.add(x)
        yield out.read()


@torch.no_grad()
def layer_frames(encoder, frames, rows, layer: int, on, size: int = 16):
    """Batches (rows, [features (frames, width) of each utterance]) of one layer, in the order of their lengths."""
    to = training.dtype(on)
    for at in audio.buckets(frames.lengths[rows], size, 16 * 50 * 60):
        x, lengths = frames.batch(rows[at])
        with training.autocast(on, to):
            hidden = encoder.hidden_states(x, lengths)[layer]
        yield rows[at], [h[:n].float() for h, n in zip(hidden, lengths.tolist(), strict=True)]
