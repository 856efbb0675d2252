"""One training of a spectral encoder on one fold: shared by the studies of papers 1 and 4."""

import abc

import numpy as np
import pandas as pd
import torch
from torch import nn

from sernb import attributes, audio, features, metrics, splits, training
from sernb.augment import spec_augment, warp


class Recogniser(nn.Module):
    """Filter bank, normalisation, encoder and head: waveforms (B, T), lengths, groups → logits (B, classes).

    `bank` is another front end than paper 1's filter bank, with the same interface.
    """

    def __init__(
        self, encoder: nn.Module, head: nn.Module, n_mels: int, normalisation: str, groups: int, bank=None
    ):
        super().__init__()
        self.filter_bank = bank or features.FilterBank(n_mels, audio.RATE)
        self.normalise = features.Normalise(normalisation, n_mels, groups)
        self.encoder, self.head = encoder, head

    def front_end(self, waves, lengths, groups):
        x, frames = self.filter_bank(waves, lengths)
        return self.normalise(x, frames, groups), frames

    def forward(self, waves, lengths, groups):
        return self.head.logits(self.encoder(*self.front_end(waves, lengths, groups)))


class Network(abc.ABC):
    """One training on one fold: what it is fed, its objective, what becomes of it.

    `table` is the material's, in the order of the pack, its labels as they are to be. A study's own network says what
    the encoder and the heads are (`recogniser`, `attribute_heads`), and may change the objective.
    """

    compiles = True  # whether torch.compile pays for the encoder
    items = (
        None  # what the objective is a mean over, where several processes may divide a batch; see together
    )

    def __init__(self, config, material, table, fold, on):
        torch.manual_seed(config.seed)
        self.config, self.fold, self.on, self.classes = config, fold, on, material.classes
        self.to, self.unseen = training.dtype(on), material.unseen
        self.waves = audio.Waves(material.packed, on)
        self.targets = _codes(table["emotion"], self.classes, on)
        # utterances without a speaker: those of their corpus together, as in probes.standardise
        speaker = table["speaker"].fillna(table["corpus"])
        by = {"speaker": speaker, "corpus": table["corpus"]}.get(config.normalisation)
        groups = np.zeros(len(table), np.int64) if by is None else pd.factorize(by, sort=True)[0]
        self.groups = torch.tensor(groups, device=on)
        self.model = self.recogniser(int(self.groups.max()) + 1).to(on)
        self._control(table)
        self.rows = {part: self.waves.rows(getattr(fold, part)) for part in splits.PARTS}
        self._fit_normalisation()
        self.frames = self.front_end_frames()
        self.encoder = training.compiled(self.model.encoder, self.compiles and config.preset != "quick", on)

    @abc.abstractmethod
    def recogniser(self, groups: int) -> Recogniser:
        """Front end, encoder and head; `groups` sets of statistics to standardise by."""

    def controls(self) -> dict[str, attributes.Control]:
        """Which attributes get a head, and what becomes of them."""
        return {}

    def attribute_heads(self, classes: dict[str, int], generator: torch.Generator) -> nn.Module:
        return attributes.Heads(self.config.embedding, self.controls(), classes, generator)

    def controlled(self) -> list[str]:
        return list(self.controls())

    def _control(self, table):
        """Targets of the attributes, whose classes are those of the training speakers, and their heads."""
        training_part = table.loc[self.fold.train]
        names = {a: sorted(training_part[a].dropna().unique()) for a in self.controlled()}
        self.attributes = {a: _codes(table[a], names[a], self.on) for a in names}
        generator = torch.Generator().manual_seed(self.config.seed)
        self.model.attributes = self.attribute_heads({a: len(n) for a, n in names.items()}, generator).to(
            self.on
        )

    def front_end_frames(self) -> features.Frames:
        """The front end's output for every utterance, computed once."""

        def front_end(x, lengths, rows):
            return self.model.front_end(x, lengths, self.groups[rows.to(self.on)])

        return features.Frames(self.waves, front_end)

    def _fit_normalisation(self):
        if self.config.normalisation not in ("train", "speaker", "corpus"):
            return
        rows = self.rows["train"] if self.config.normalisation == "train" else torch.arange(len(self.targets))

        def batches():
            for batch in audio.buckets(self.waves.lengths[rows], features.chunk(self.on)):
                chosen = rows[batch]
                yield *self.model.filter_bank(*self.waves.batch(chosen)), self.groups[chosen.to(self.on)]

        self.model.normalise.fit(batches())

    def batches(self, generator):
        """One epoch: shuffled, cropped, the incomplete last batch dropped (it comes up in another epoch)."""
        rows, size = self.rows["train"], min(self.config.batch_size, len(self.rows["train"]))
        order = rows[torch.randperm(len(rows), generator=generator)]
        for chosen in order[: len(order) // size * size].split(size):
            at = chosen.to(self.on)
            yield self.inputs(chosen, generator) | {
                "targets": self.targets[at], "utterances": self.waves.ids[chosen.numpy()],
                "attributes": {name: codes[at] for name, codes in self.attributes.items()},
            }  # fmt: skip

    def inputs(self, chosen, generator) -> dict:
        """What `embeddings` needs of these utterances."""
        crop = int(self.model.filter_bank.frames(torch.tensor(round(self.config.crop * audio.RATE))))
        x, frames = self.frames.batch(chosen, crop, generator)
        return {"x": x, "frames": frames}

    def embeddings(self, batch, generator):
        """The encoder's output for an augmented batch, in training."""
        config, x, frames = self.config, batch["x"], batch["frames"]
        if config.warp_time or config.warp_frequency:
            x, frames = warp(x, frames, generator, time=config.warp_time, frequency=config.warp_frequency)
        x = spec_augment(
            x, frames, generator, frequency=config.frequency_mask, time=config.time_mask,
            n_frequency=config.masks, n_time=config.masks,
        )  # fmt: skip
        with training.autocast(self.on, self.to):
            return self.encoder(x, frames)

    def objective(self, batch, generator):
        embeddings = self.embeddings(batch, generator)
        emotion, heads = self.model.head(embeddings, batch["targets"]), self.model.attributes
        if not heads.controls:
            return emotion
        losses = heads.losses(embeddings, batch["attributes"], batch["progress"])
        return heads.total(emotion, losses, batch["progress"])

    @torch.no_grad()
    def embed(self, rows, to=torch.float32):
        """Embeddings of whole utterances, in the order of `rows`."""
        self.model.eval()
        out = torch.empty(len(rows), self.config.embedding)
        for batch in audio.buckets(self.waves.lengths[rows], 16):
            with training.autocast(self.on, to):
                out[batch] = self.model.encoder(*self.frames.batch(rows[batch])).float().cpu()
        return out

    def logits(self, rows, to=torch.float32):
        with torch.no_grad():
            return self.model.head.logits(self.embed(rows, to).to(self.on)).cpu()

    def validate(self):
        rows = self.rows["valid"]
        logits, targets = self.logits(rows, self.to), self.targets[rows.to(self.on)].cpu()
        loss = nn.functional.cross_entropy(logits, targets).item()
        return {"score": metrics.uar(targets.numpy(), logits.argmax(1).numpy()), "loss": loss}

    def also(self) -> dict:
        """What else a checkpoint keeps: name → something with state_dict and load_state_dict."""
        return {}

    def plan(self) -> training.FitConfig:
        config = self.config
        return training.FitConfig(
            config.epochs, config.optimiser, config.learning_rate, config.weight_decay, config.schedule,
            patience=config.patience, select=config.select, average=config.average,
        )  # fmt: skip

    def fit(self, progress=True, checkpoint=None):
        size = min(self.config.batch_size, len(self.rows["train"]))
        curves = training.fit(
            self.model, self.objective, self.batches, self.plan(), seed=self.config.seed,
            steps_per_epoch=len(self.rows["train"]) // size, validate=self.validate, checkpoint=checkpoint,
            progress=progress, label=f"fold {self.fold.name}", also=self.also(), items=self.items,
        )  # fmt: skip
        embeddings = self.embed(self.rows["test"]).numpy()
        asked = {part: self.rows[part] for part in ("valid", "test")}
        if len(self.unseen):
            asked["unseen"] = self.waves.rows(self.unseen)
        own = sum(p.numel() for p in self.model.parameters())
        return {
            **{part: self.logits(rows).softmax(1).numpy() for part, rows in asked.items()},
            "curves": curves, "dtype": str(self.to).removeprefix("torch."),
            "embeddings": pd.DataFrame(embeddings, self.fold.test).rename(columns="e{}".format),
            "state": {k: v.detach().cpu().numpy() for k, v in self.model.state_dict().items()},
            "parameters": own - sum(p.numel() for p in self.model.attributes.parameters()),
        }  # fmt: skip


def _codes(values, names, on):
    """The place of each value in `names` as int64, attributes.UNKNOWN where it has none."""
    return torch.tensor(pd.Index(names).get_indexer(values), dtype=torch.int64, device=on)
