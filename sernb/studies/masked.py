"""Masked prediction in training: of MFCC clusters (pre-training) or of a recogniser's own (stage 2 of paper 2)."""

import torch

from sernb import audio, training
from sernb.models.gmp_atl import MaskedPrediction
from sernb.models.self_supervised import FIELD, HOP


class Labels:
    """Labels of every frame of every utterance, back to back: values (N, streams), as many as the encoder has frames."""

    def __init__(self, values: torch.Tensor, lengths: torch.Tensor, device="cpu"):
        if len(values) != int(lengths.sum()):
            raise ValueError(f"{len(values)} labels for {int(lengths.sum())} frames: expected one each.")
        self.values, self.lengths, self.device = values.to(device), lengths, device
        self.offsets = lengths.cumsum(0) - lengths

    def batch(self, rows, starts, lengths, width: int):
        """Labels (B, width, streams) of a stretch of each utterance that begins at frame `starts`."""
        found = audio.gather(self.values, self.offsets[rows] + starts, lengths, width, self.device)
        return found.long()


class Stretches:
    """The waveform of a stretch of frames: a frame's 400 samples are those that it has in the whole utterance."""

    def __init__(self, waves: audio.Waves):
        self.waves = waves

    def batch(self, rows, starts, lengths, width: int):
        samples = (lengths - 1) * HOP + FIELD
        samples = torch.minimum(samples, self.waves.lengths[rows] - starts * HOP)  # shorter than one frame
        at = self.waves.offsets[rows] + starts * HOP
        x = audio.gather(self.waves.samples, at, samples, (width - 1) * HOP + FIELD, self.waves.device)
        scale = (1 / (self.waves.peaks[rows] * 32768)).to(self.waves.device)
        return x.float() * scale[:, None], samples.to(self.waves.device)


class Cached:
    """The same for front-end features that were computed once (features.Frames): (B, channels, width)."""

    def __init__(self, frames):
        self.frames = frames

    def batch(self, rows, starts, lengths, width: int):
        at = self.frames.offsets[rows] + starts
        x = audio.gather(self.frames.values, at, lengths, width, self.frames.device)
        return x.transpose(1, 2), lengths.to(self.frames.device)


class Trainer:
    """Fits a MaskedPrediction on `rows["train"]`, watching `rows["valid"]`.

    `inputs` is Stretches (the front end is trained) or Cached (it is not). `crop` is in frames; `plan` a FitConfig.
    """

    def __init__(
        self, model: MaskedPrediction, inputs, labels: Labels, rows: dict, ids, *, crop, batch_size, on
    ):
        self.model, self.inputs, self.labels, self.rows, self.ids = model.to(on), inputs, labels, rows, ids
        self.crop, self.size, self.on = crop, min(batch_size, len(rows["train"])), on
        self.to = training.dtype(on)

    def batch(self, chosen, generator):
        starts, lengths = audio.random_stretch(
            torch.zeros_like(chosen), self.labels.lengths[chosen], self.crop, generator
        )
        width = int(lengths.max())
        x, frames = self.inputs.batch(chosen, starts, lengths, width)
        labels = self.labels.batch(chosen, starts, lengths, width)
        mask = self.model.mask(lengths, width, generator).to(self.on)
        return {
            "x": x,
            "frames": frames,
            "labels": labels,
            "mask": mask,
            "utterances": self.ids[chosen.numpy()],
        }

    def batches(self, generator):
        rows = self.rows["train"]
        lengths = self.labels.lengths[rows].clamp(max=self.crop)
        for at in audio.shuffled_buckets(lengths, self.size, generator):
            yield self.batch(rows[at], generator)

    def losses(self, batch):
        x, frames = batch["x"], batch["frames"]
        with training.autocast(self.on, self.to):
            if isinstance(self.inputs, Stretches):
                x, frames = self.model.encoder.front(x, frames)
            return self.model.losses(x, frames, batch["labels"], batch["mask"])

    def objective(self, batch, generator):
        return self.losses(batch).sum()

    @torch.no_grad()
    def validate(self):
        """The mean loss a stream over validation speakers, with the same masks in every epoch."""
        generator, rows, found = torch.Generator().manual_seed(0), self.rows["valid"], []
        for at in audio.buckets(self.labels.lengths[rows], self.size):
            found.append(self.losses(self.batch(rows[at], generator)))
        each = torch.stack(found).mean(0)
        return {"score": -float(each.mean()), **{f"loss_{i}": float(loss) for i, loss in enumerate(each)}}

    def fit(self, plan: training.FitConfig, *, seed, checkpoint, progress, label):
        return training.fit(
            self.model, self.objective, self.batches, plan, seed=seed, steps_per_epoch=len(self.rows["train"]) // self.size,
            validate=self.validate if len(self.rows["valid"]) else None, checkpoint=checkpoint, progress=progress,
            label=label, items=None if self.model.unmasked else _masked,
        )  # fmt: skip


def _masked(batch):
    """How many frames the loss is a mean over."""
    return batch["mask"].sum()
