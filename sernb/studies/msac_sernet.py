"""Paper 1's study: MSAC-SERNet on one corpus, speaker-independent, beside the classical baseline."""

import dataclasses
import functools
import math
import time

import numpy as np
import pandas as pd
import torch
from torch import nn

from sernb import audio, corpora, features, metrics, splits, store, training
from sernb.augment import spec_augment, warp
from sernb.losses import AMSoftmax, Softmax
from sernb.models.msac_sernet import MSACSERNet
from sernb.studies import baseline
from sernb.studies.msac_config import Config, overrides

NAME = "msac_sernet"
VERSION = 2


def key(config: Config) -> str:
    address = {**overrides(config), "data": config.data}
    return store.key(NAME, VERSION, config.preset, address, config.fold, config.seed, digest(config))


@functools.lru_cache(maxsize=4)
def _data(data: str, corpus: str, classes: tuple | None):
    """The table, its folds, its pack and what names their content."""
    table = corpora.load(corpus, data=data)
    table = table[table["emotion"].notna()]
    if classes is not None:
        table = table[table["emotion"].isin(classes)]
    packed = audio.pack(table)
    table = table.loc[packed.ids]
    labels = table[["speaker", "emotion"]].astype(str).agg("\t".join, axis=1)
    content = features.hash_of(
        [f"{i}\t{x}\t{d}" for i, x, d in zip(table.index, labels, packed.digests, strict=True)]
    )
    return table, splits.leave_one_speaker_out(table), packed, content


def data(config: Config):
    """Table, folds and packed audio of a configuration; kept warm between trainings."""
    return _data(config.data, config.corpus, config.classes)[:3]


def digest(config: Config) -> str:
    return _data(config.data, config.corpus, config.classes)[3]


def run(config: Config, progress: bool = True) -> store.Result:
    """Train on the fold's training speakers, choose on its validation speaker, predict its test speaker."""
    started = time.time()
    table, folds, packed = data(config)
    fold = folds[config.fold]
    table = _labels(table, fold, config)
    classes = sorted(table["emotion"].unique())
    on = training.device()
    job = baseline.svm if config.model == "svm" else _network
    outcome = job(config, table, fold, classes, packed, on, progress)
    predictions = _predictions(table, fold, classes, outcome["test"])
    valid, judges = table.loc[fold.valid, "emotion"], sorted(table.loc[fold.valid, "speaker"].unique())
    guess = np.array(classes)[outcome["valid"].argmax(1)]
    found = {
        "uar": metrics.uar(predictions["emotion"], predictions["predicted"]),
        "war": metrics.war(predictions["emotion"], predictions["predicted"]),
        "valid_uar": metrics.uar(valid, guess),
        "valid_war": metrics.war(valid, guess),
        **{f"valid_correct_{c}": float(((valid == c) & (guess == c)).sum()) for c in classes},
        **{f"valid_count_{c}": float((valid == c).sum()) for c in classes},
        "parameters": outcome.get("parameters", math.nan),
    }
    meta = {
        "version": VERSION, "preset": config.preset, "data": config.data, "study": NAME,
        "device": training.device_name(on), "dtype": outcome.get("dtype", "float64"),
        "seconds": time.time() - started, "started": started, "classes": classes,
        "fold": fold.name, "folds": len(folds), "valid_speakers": "+".join(judges),
        "shared_speakers": fold.shared_speakers,
        "overrides": overrides(config), "torch": torch.__version__,
    }  # fmt: skip
    return store.Result(
        key=key(config), config=dataclasses.asdict(config), metrics=found, predictions=predictions,
        curves=outcome.get("curves", pd.DataFrame()), meta=meta, path=None,
        new_state=outcome.get("state"), new_embeddings=outcome.get("embeddings"),
    )  # fmt: skip


def _labels(table, fold, config):
    """The control: training and validation labels permuted within each part, test labels left alone."""
    if not config.shuffle_labels:
        return table
    table, generator = table.copy(), np.random.default_rng(config.seed)
    for ids in (fold.train, fold.valid):
        table.loc[ids, "emotion"] = generator.permutation(table.loc[ids, "emotion"].to_numpy())
    return table


def _predictions(table, fold, classes, probabilities):
    frame = table.loc[fold.test, ["speaker", "emotion"]].copy()
    frame["predicted"] = np.array(classes)[probabilities.argmax(1)]
    frame["fold"] = fold.name
    for i, name in enumerate(classes):
        frame[f"p_{name}"] = probabilities[:, i]
    return frame


class Recogniser(nn.Module):
    """Filter bank, normalisation, encoder and head: waveforms (B, T), lengths, groups → s · cos, (B, classes)."""

    def __init__(self, config: Config, classes: int, groups: int):
        super().__init__()
        self.filter_bank = features.FilterBank(config.n_mels, audio.RATE)
        self.normalise = features.Normalise(config.normalisation, config.n_mels, groups)
        self.encoder = MSACSERNet(
            config.n_mels, config.kernels, config.width, config.embedding, config.dropout
        )
        if config.loss == "am_softmax":
            self.head = AMSoftmax(config.embedding, classes, config.scale, config.margin)
        else:
            self.head = Softmax(config.embedding, classes)

    def front_end(self, waves, lengths, groups):
        x, frames = self.filter_bank(waves, lengths)
        return self.normalise(x, frames, groups), frames

    def forward(self, waves, lengths, groups):
        return self.head.logits(self.encoder(*self.front_end(waves, lengths, groups)))


def _network(config, table, fold, classes, packed, on, progress):
    return Network(config, table, fold, classes, packed, on).fit(progress)


class Network:
    """One training of the base model on one fold."""

    def __init__(self, config, table, fold, classes, packed, on):
        torch.manual_seed(config.seed)
        self.config, self.fold, self.on, self.classes = config, fold, on, classes
        self.to = training.dtype(on)
        self.waves = audio.Waves(packed, on)
        self.targets = torch.tensor(
            pd.Categorical(table["emotion"], classes).codes.astype(np.int64), device=on
        )
        by = {"speaker": table["speaker"], "corpus": table["corpus"]}.get(config.normalisation)
        codes = np.zeros(len(table), np.int64) if by is None else pd.factorize(by, sort=True)[0]
        self.groups = torch.tensor(codes, device=on)
        self.model = Recogniser(config, len(classes), int(self.groups.max()) + 1).to(on)
        self.rows = {part: self.waves.rows(getattr(fold, part)) for part in splits.PARTS}
        self._fit_normalisation()
        self.frames = features.Frames(
            self.waves, lambda x, lengths, rows: self.model.front_end(x, lengths, self.groups[rows.to(on)])
        )
        self.encoder = training.compiled(self.model.encoder, config.preset != "quick", on)

    def _fit_normalisation(self):
        if self.config.normalisation not in ("train", "speaker", "corpus"):
            return
        rows = self.rows["train"] if self.config.normalisation == "train" else torch.arange(len(self.targets))

        def batches():
            for batch in audio.buckets(self.waves.lengths[rows], 64):
                chosen = rows[batch]
                yield *self.model.filter_bank(*self.waves.batch(chosen)), self.groups[chosen.to(self.on)]

        self.model.normalise.fit(batches())

    def batches(self, generator):
        """One epoch: shuffled, cropped, the incomplete last batch dropped (it comes up in another epoch)."""
        rows, size = self.rows["train"], min(self.config.batch_size, len(self.rows["train"]))
        crop = int(self.model.filter_bank.frames(torch.tensor(round(self.config.crop * audio.RATE))))
        order = rows[torch.randperm(len(rows), generator=generator)]
        for chosen in order[: len(order) // size * size].split(size):
            x, frames = self.frames.batch(chosen, crop, generator)
            targets = self.targets[chosen.to(self.on)]
            yield {"x": x, "frames": frames, "targets": targets, "utterances": self.waves.ids[chosen.numpy()]}

    def objective(self, batch, generator):
        config, x, frames = self.config, batch["x"], batch["frames"]
        if config.warp_time or config.warp_frequency:
            x, frames = warp(x, frames, generator, time=config.warp_time, frequency=config.warp_frequency)
        x = spec_augment(
            x, frames, generator, frequency=config.frequency_mask, time=config.time_mask,
            n_frequency=config.masks, n_time=config.masks,
        )  # fmt: skip
        with training.autocast(self.on, self.to):
            embeddings = self.encoder(x, frames)
        return self.model.head(embeddings, batch["targets"])

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

    def fit(self, progress=True):
        config = self.config
        size = min(config.batch_size, len(self.rows["train"]))
        plan = training.FitConfig(
            config.epochs, config.optimiser, config.learning_rate, config.weight_decay, config.schedule,
            select=config.select, average=config.average,
        )  # fmt: skip
        curves = training.fit(
            self.model, self.objective, self.batches, plan, seed=config.seed,
            steps_per_epoch=len(self.rows["train"]) // size, validate=self.validate,
            checkpoint=store.checkpoint_path(key(config)), progress=progress, label=f"fold {self.fold.name}",
        )  # fmt: skip
        embeddings = self.embed(self.rows["test"])
        frame = pd.DataFrame(
            embeddings.numpy(), self.fold.test, [f"e{i}" for i in range(embeddings.shape[1])]
        )
        return {
            "test": self.logits(self.rows["test"]).softmax(1).numpy(),
            "valid": self.logits(self.rows["valid"]).softmax(1).numpy(),
            "curves": curves, "embeddings": frame, "dtype": str(self.to).removeprefix("torch."),
            "state": {k: v.detach().cpu().numpy() for k, v in self.model.state_dict().items()},
            "parameters": sum(p.numel() for p in self.model.parameters()),
        }  # fmt: skip
