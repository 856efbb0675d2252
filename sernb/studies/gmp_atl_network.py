"""Paper 2's recogniser in training: stages 1 and 3, over front-end features that were computed once."""

import dataclasses

import torch
from torch import nn

from sernb import attributes, audio, features, training
from sernb.losses import AMSoftmax, Softmax
from sernb.models import gmp_atl, self_supervised
from sernb.studies import network, pretraining, stages
from sernb.studies.gmp_atl_config import OWN, Config

#: Of every stage's optimiser step; the paper is silent.
STEP = {"clip": 1.0, "fused": True}


def own(config: Config) -> pretraining.Config:
    """How an encoder of OWN is pre-trained. Raises ValueError where it would hear the corpus that is evaluated."""
    if config.encoder not in OWN or not config.pretrained_on:
        raise ValueError(
            f"encoder {config.encoder!r} pre-trained on {config.pretrained_on!r}: expected one of {', '.join(OWN)} "
            "and the corpora to pre-train it on."
        )
    heard = set(config.pretrained_on.split("+")) & set(config.corpus.split("+"))
    if heard:
        raise ValueError(
            f"pretrained_on {config.pretrained_on!r} names {', '.join(sorted(heard))}, which is evaluated: the encoder "
            "would have heard the test speakers. Take other corpora."
        )
    return pretraining.Config(config.pretrained_on, config.data, config.seed, **OWN[config.encoder])


def origin(config: Config, progress: bool = False) -> self_supervised.SelfSupervised:
    """The encoder that every stage knows as the original one, its convolutional front end frozen."""
    if config.encoder in OWN:
        encoder = pretraining.encoder(own(config), progress)
    else:
        encoder = self_supervised.load(config.encoder)
    encoder.freeze_front()
    if config.checkpointing:
        encoder.model.gradient_checkpointing_enable()
    return encoder


def origin_key(config: Config) -> str:
    """What names the original encoder's weights: of OWN, how they come about; of a directory, its content."""
    return pretraining.key(own(config)) if config.encoder in OWN else stages.named(config.encoder)


class Recogniser(nn.Module):
    """Front-end features (B, channels, T), frames (B,) → embeddings → logits; the head is the loss's."""

    def __init__(self, encoder: gmp_atl.RecurrentRecogniser, head: nn.Module):
        super().__init__()
        self.encoder, self.head = encoder, head

    def front_end(self, waves, lengths, groups):
        return front_half(self.encoder.encoder, waves, lengths)

    def forward(self, waves, lengths, groups):
        return self.head.logits(self.encoder(*self.front_end(waves, lengths, groups)))


def recogniser(config: Config, start: self_supervised.SelfSupervised, classes: int) -> Recogniser:
    """Stage 1's or 3's network over the encoder `start`."""
    encoder = gmp_atl.RecurrentRecogniser(start, config.hidden, config.embedding, config.masked)
    if config.loss == "am_softmax":
        head = AMSoftmax(config.embedding, classes, config.scale, config.margin)
    else:
        head = Softmax(config.embedding, classes)
    return Recogniser(encoder, head)


def architecture(config: Config) -> self_supervised.SelfSupervised:
    """An encoder of the configured kind, to load a result's weights into; it is not pre-trained here.

    Raises ValueError for one that came from a local directory: a result holds its name, not its path.
    """
    if config.encoder in OWN:
        return pretraining.blank(own(config))
    if "@" in config.encoder:
        raise ValueError(
            f"the encoder came from a local directory, {config.encoder.split('@')[0]!r}, and results hold no paths: ask "
            "gmp_atl.restored(Config(…, encoder=that directory)) instead."
        )
    return self_supervised.load(config.encoder)


def front_half(encoder, waves, lengths):
    """Front-end features kept in float16, at half the memory: rounded by 1/2048 of themselves at most."""
    x, frames = encoder.front(waves, lengths)
    return x.half(), frames


_kept: dict[
    tuple, features.Frames
] = {}  # of the latest corpus and encoder: a grid trains on them again and again


def front_end_frames(key, encoder, waves) -> features.Frames:
    if key not in _kept:
        _kept.clear()
        encoder = encoder.to(waves.device).eval()
        _kept[key] = features.Frames(waves, lambda x, lengths, _: front_half(encoder, x, lengths))
    return _kept[key]


class Network(network.Network):
    """Stage 1 or 3, from `start`, an encoder. Stage 1 has cross-entropy and learns gender along (equation 1)."""

    compiles = False  # every batch has its own length

    @staticmethod
    def items(batch):
        """Losses are means over utterances, whose gender the paper's corpora all know."""
        return len(batch["utterances"])

    def __init__(self, config, material, table, fold, on, start=None, stage=3):
        self.start, self.stage, self.digest = start or origin(config), stage, material.digest
        if stage == 1:
            config = dataclasses.replace(config, epochs=config.epochs_1, loss="softmax")
        super().__init__(config, material, table, fold, on)

    def recogniser(self, groups):
        return recogniser(self.config, self.start, len(self.classes))

    def front_end_frames(self):
        key = (origin_key(self.config), self.digest, str(self.on))
        return front_end_frames(key, self.start, self.waves)

    def controls(self):
        if self.stage != 1 or not self.config.gender_weight:
            return {}
        return {"gender": attributes.multitask(self.config.gender_weight)}

    def attribute_heads(self, classes, generator):
        return attributes.Heads(self.config.embedding, self.controls(), classes, generator, Softmax)

    def batches(self, generator):
        """One epoch: utterances of similar length meet, those longer than the crop give a stretch of it."""
        rows, size = self.rows["train"], min(self.config.batch_size, len(self.rows["train"]))
        crop = int(self.start.frames(torch.tensor(round(self.config.crop * audio.RATE))))
        for at in audio.shuffled_buckets(self.frames.lengths[rows].clamp(max=crop), size, generator):
            chosen = rows[at]
            width = min(crop, int(self.frames.lengths[chosen].max()))
            x, frames = self.frames.batch(chosen, width, generator)
            here = chosen.to(self.on)
            yield {
                "x": x, "frames": frames, "targets": self.targets[here], "utterances": self.waves.ids[chosen.numpy()],
                "attributes": {name: codes[here] for name, codes in self.attributes.items()},
            }  # fmt: skip

    def embeddings(self, batch, generator):
        with training.autocast(self.on, self.to):
            return self.encoder(batch["x"], batch["frames"])

    def plan(self):
        return dataclasses.replace(super().plan(), **STEP)
