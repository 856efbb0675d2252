"""Paper 3's network in training: CNN14 with its projection, on waveforms augmented on the fly."""

import math

import pandas as pd
import torch
from torch.nn import functional as F
from torchaudio.functional import resample

from sernb import attributes, audio, training
from sernb.augment import spec_mask
from sernb.augment_waveforms import Augment
from sernb.losses import BinarySoftmax, Softmax
from sernb.models.cnn14 import CNN14, LogMel, Projected
from sernb.models.cnn14_weights import load
from sernb.studies import network
from sernb.tables_mismatch import SCORES


class Upsampled(torch.nn.Module):
    """The published front end of a rate that is a multiple of the audio's, behind a resampler."""

    def __init__(self, rate: int):
        super().__init__()
        self.times, self.log_mel = rate // audio.RATE, LogMel(rate)
        if self.times * audio.RATE != rate:
            raise ValueError(f"audio at {audio.RATE} Hz is upsampled by a whole factor; {rate} Hz is none.")

    def frames(self, lengths):
        return self.log_mel.frames(lengths * self.times)

    def forward(self, waves, lengths):
        if self.times > 1:
            waves = resample(waves, 1, self.times)
            inside = torch.arange(waves.shape[1], device=waves.device) < self.times * lengths[:, None]
            waves = torch.where(inside, waves, 0)
        return self.log_mel(waves, lengths * self.times)


def recogniser(config, classes: int, groups: int = 1) -> network.Recogniser:
    """CNN14 with its projection and binary cross-entropy, from the configured checkpoint where there is one."""
    encoder = CNN14(config.width)
    if config.weights:
        encoder = load(config.weights, encoder, config.sampling)
    head, bank = BinarySoftmax(config.embedding, classes), Upsampled(config.sampling)
    return network.Recogniser(
        Projected(encoder, config.embedding), head, 64, config.normalisation, groups, bank
    )


def last_fifth(epochs: int) -> int:
    """How many of the last epochs are evaluated, as in the paper: a fifth, two or more."""
    return min(max(math.ceil(epochs / 5), 2), epochs)


class Network(network.Network):
    """Beside fitting as any network does, every corpus's test part is scored in the last fifth of the epochs.

    Those scores choose nothing: the last epoch's weights are kept.
    """

    def __init__(self, config, material, table, fold, on):
        super().__init__(config, material, table, fold, on)
        self.augment, self.progress = Augment(audio.RATE), 0.0
        asked = table.loc[fold.test.append(material.unseen)]
        groups = asked.groupby(["corpus", "tested"], sort=False).groups
        self.tested = [(corpus, self.waves.rows(ids)) for (corpus, _), ids in groups.items()]

    def recogniser(self, groups):
        return recogniser(self.config, len(self.classes), groups)

    def controls(self):
        if not self.config.adversarial:
            return {}
        return {"corpus": attributes.reverse(self.config.adversarial, growing=True)}

    def attribute_heads(self, classes, generator):
        return attributes.Heads(self.config.embedding, self.controls(), classes, generator, Softmax)

    @torch.no_grad()
    def features(self, chosen, generator):
        """Crops of utterances, a share of them augmented: log-mel (B, 64, T), frames (B,), what is hidden or None."""
        config, crop = self.config, round(self.config.crop * audio.RATE)
        x, lengths = self.waves.batch(chosen, crop, generator)
        if not config.augmented:
            return *self.model.filter_bank(x, lengths), None
        x, lengths, touched = self.augment(x, lengths, config.augmented, generator)
        x, lengths = F.pad(x[:, :crop], (0, max(crop - x.shape[1], 0))), lengths.clamp(max=crop)
        x, frames = self.model.filter_bank(x, lengths)
        masks = {"frequency": config.frequency_mask, "time": config.time_mask}
        return x, frames, spec_mask(x, frames, generator, **masks) & touched[:, None, None]

    def inputs(self, chosen, generator):
        x, frames, hidden = self.features(chosen, generator)
        return {"x": x, "frames": frames, "hidden": hidden}

    def embeddings(self, batch, generator):
        self.progress = batch["progress"]
        with training.autocast(self.on, self.to):
            return self.encoder(batch["x"], batch["frames"], batch["hidden"])

    def validate(self):
        found, epochs = super().validate(), self.config.epochs
        if int(self.progress * epochs + 1e-6) >= epochs - last_fifth(epochs):
            found |= self.scores()
        return found

    def scores(self) -> dict[str, float]:
        """wACC, uACC and wF1 of every corpus's test part, the mean over the folds that test it."""
        rows = torch.cat([of for _, of in self.tested])
        guesses, found = self.logits(rows, self.to).argmax(1).split([len(of) for _, of in self.tested]), []
        for (corpus, of), guess in zip(self.tested, guesses, strict=True):
            truth = self.targets[of.to(self.on)].cpu().numpy()
            found += [
                (f"tested {corpus} {name}", score(truth, guess.numpy())) for name, score in SCORES.items()
            ]
        return pd.DataFrame(found).groupby(0, sort=False)[1].mean().to_dict()

    def fit(self, progress=True, checkpoint=None):
        outcome, prefix = super().fit(progress, checkpoint), "valid_tested "
        named = {c: c.removeprefix("valid_") for c in outcome["curves"] if c.startswith(prefix)}
        outcome["curves"] = outcome["curves"].rename(columns=named)
        return outcome
