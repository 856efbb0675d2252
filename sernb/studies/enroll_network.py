"""Paper 5's encoder in training: episodes in, a loss on embeddings, embeddings of every utterance out."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from sernb import audio, episodes, features, losses, metrics, training
from sernb.models import enrolment_encoders
from sernb.studies import enroll_material
from sernb.studies.enroll_config import Config


class Network:
    """One training on one fold. `table` is the material's in the order of the pack, its labels as they are to be."""

    def __init__(self, config: Config, material, table, fold, on):
        torch.manual_seed(config.seed)
        self.config, self.fold, self.on, self.classes = config, fold, on, material.classes
        self.to, self.ids = training.dtype(on), material.packed.ids
        codes = pd.Index(self.classes).get_indexer(table["emotion"])
        self.targets = torch.tensor(codes, dtype=torch.int64, device=on)
        self.rows = {part: self.at(getattr(fold, part)) for part in ("train", "valid", "test")}
        raw = enroll_material.inputs(config.input, material.packed, on)
        self.frames = raw.standardised(self.rows["train"])
        by = {"speaker": table["speaker"], "corpus": table["corpus"]}.get(config.normalisation)
        self.groups = torch.tensor(
            np.zeros(len(table), np.int64) if by is None else pd.factorize(by, sort=True)[0]
        )
        self.model = nn.Module()
        self._normalisation(raw.features)
        self.model.encoder = encoder(config, raw.features).to(on)
        self.model.head = losses.build(
            config.loss, self.model.encoder.embedding, len(self.classes), margin=config.margin,
            reading=config.reading, queries=config.queries, ce=config.ce, learned=config.learned,
        ).to(on)  # fmt: skip

    def at(self, ids) -> torch.Tensor:
        """Positions of utterances in the pack."""
        return torch.from_numpy(self.ids.get_indexer(ids))

    def _normalisation(self, size):
        """Beyond the training frames' mean and deviation, which every input is standardised by."""
        kind = "none" if self.config.normalisation == "train" else self.config.normalisation
        self.model.normalise = features.Normalise(kind, size, int(self.groups.max()) + 1).to(self.on)
        if kind in ("speaker", "corpus"):
            buckets = audio.buckets(self.frames.lengths, 64)
            self.model.normalise.fit((*self.frames.batch(rows), self.groups[rows]) for rows in buckets)

    def batch(self, rows, crop: int | None = None, generator=None):
        """Standardised frames (B, F, T) and their numbers (B,), on the device."""
        x, frames = self.frames.batch(rows, crop, generator)
        return self.model.normalise(x, frames, self.groups[rows].to(self.on)), frames

    def steps(self) -> int:
        return episodes.per_epoch(len(self.rows["train"]), self.config.n, len(self.classes))

    def batches(self, generator):
        """One epoch of episodes, N utterances of each class, whatever the loss."""
        rows, most = self.rows["train"], round(self.frames.rate * self.config.crop)
        codes = self.targets[rows.to(self.on)].cpu()
        for chosen in episodes.episodes(codes, self.config.n, self.steps(), generator):
            at = rows[chosen]
            crop = min(most, int(self.frames.lengths[at].max()))
            x, frames = self.batch(at, crop, generator)
            names = self.ids[at.numpy()]
            yield {"x": x, "frames": frames, "targets": self.targets[at.to(self.on)], "utterances": names}

    def objective(self, batch, generator):
        with training.autocast(self.on, self.to):
            embeddings = self.model.encoder(batch["x"], batch["frames"])
        return self.model.head(embeddings, batch["targets"])

    @torch.no_grad()
    def embed(self, rows, to=torch.float32) -> torch.Tensor:
        """Embeddings of whole utterances, in the order of `rows`, on the CPU."""
        self.model.eval()
        out = torch.empty(len(rows), self.model.encoder.embedding)
        for batch in audio.buckets(self.frames.lengths[rows], 32):
            with training.autocast(self.on, to):
                out[batch] = self.model.encoder(*self.batch(rows[batch])).float().cpu()
        return out

    @torch.no_grad()
    def logits(self, rows, to=torch.float32) -> torch.Tensor:
        """Of the pretraining task. A loss without a classifier: 10 · cos to the mean of every class's training part."""
        embeddings, head = self.embed(rows, to), self.model.head
        if hasattr(head, "logits"):
            return head.logits(embeddings.to(self.on)).cpu()
        known, codes = self.embed(self.rows["train"], to), self.targets[self.rows["train"].to(self.on)].cpu()
        centres = torch.stack([known[codes == c].mean(0) for c in range(len(self.classes))])
        return 10 * nn.functional.normalize(embeddings) @ nn.functional.normalize(centres).T

    def validate(self):
        rows = self.rows["valid"]
        logits, targets = self.logits(rows, self.to), self.targets[rows.to(self.on)].cpu()
        found = {"score": metrics.uar(targets.numpy(), logits.argmax(1).numpy())}
        found["loss"] = nn.functional.cross_entropy(logits, targets).item()
        metric = getattr(self.model.head, "metric", self.model.head)
        if self.config.learned:
            found["margin"] = metric.margin.item()
        return found

    def fit(self, progress=True, checkpoint=None) -> dict:
        config = self.config
        plan = training.FitConfig(
            config.epochs, config.optimiser, config.learning_rate, config.weight_decay, config.schedule, config.decay,
            select=config.select,
        )  # fmt: skip
        curves = training.fit(
            self.model, self.objective, self.batches, plan, seed=config.seed, steps_per_epoch=self.steps(),
            validate=self.validate, checkpoint=checkpoint, progress=progress, label=f"fold {self.fold.name}",
        )  # fmt: skip
        return {
            **{part: self.logits(self.rows[part]).softmax(1).numpy() for part in ("valid", "test")},
            "curves": curves, "dtype": str(self.to).removeprefix("torch."),
            "state": {k: v.detach().cpu().numpy() for k, v in self.model.state_dict().items()},
            "parameters": sum(p.numel() for p in self.model.encoder.parameters()),
        }  # fmt: skip

    def encode(self, files) -> torch.Tensor:
        """Embeddings of audio files, (files, features): what enroll.Verifier asks for.

        Raises ValueError where features are standardised over speakers or corpora, which a file does not tell.
        """
        if self.config.normalisation in ("speaker", "corpus"):
            raise ValueError(
                f"files cannot be standardised over their {self.config.normalisation}: train with 'train'."
            )
        found = enroll_material.inputs(self.config.input, audio.pack_files(files), self.on)
        found.mean, found.deviation = self.frames.mean, self.frames.deviation
        self.model.eval()
        with torch.no_grad():
            x, frames = found.batch(torch.arange(len(files)))
            groups = torch.zeros(len(files), dtype=torch.int64, device=self.on)
            return self.model.encoder(self.model.normalise(x, frames, groups), frames).float().cpu()


def encoder(config: Config, size: int) -> nn.Module:
    """The configured encoder of `size` features a frame."""
    transformer = {"nodes": config.nodes, "heads": config.heads, "dropout": config.dropout}
    netvlad = {"embedding": config.embedding}
    sizes = {
        "ours": {"hidden": config.recurrent} | transformer, "no_gru": transformer,
        "blstm": {"hidden": config.recurrent}, "blstm_netvlad": {"hidden": config.recurrent} | netvlad,
        "cnn_netvlad": {"width": config.width} | netvlad,
    }  # fmt: skip
    return enrolment_encoders.build(config.encoder, size, **sizes.get(config.encoder, {}))
