"""Paper 4's study: a CNN-LSTM on six corpora, with multi-task learning, gradient reversal, adversarial discriminators.

In-domain speakers of the pooled corpora and two corpora that are never seen; three classes.
"""

import sys

import torch

from sernb import attributes, store
from sernb.losses import Softmax
from sernb.models.cnn_lstm import CNNLSTM, Discriminator
from sernb.studies import baseline, network, recognition
from sernb.studies.material import Material, material
from sernb.studies.wild_config import ALPHA, APPROACHES, ATTRIBUTES, SETS, Config

NAME = "attributes_in_the_wild"
VERSION = 1
__all__ = ["ALPHA", "APPROACHES", "ATTRIBUTES", "SETS", "Config", "data", "key", "recogniser", "restored", "run"]  # fmt: skip


def data(config: Config) -> Material:
    """Table, folds and packed audio of a configuration; kept warm between trainings."""
    return material(config, "share of hours")


def key(config: Config) -> str:
    return recognition.key(sys.modules[__name__], config, data(config).digest)


def run(config: Config, progress: bool = True) -> store.Result:
    """One training and its predictions; see recognition.run. Raises ValueError for an unknown approach or attribute."""
    names = config.attributes.split("+") if config.attributes else []
    if set(names) - set(ATTRIBUTES) or len(set(names)) < len(names):
        raise ValueError(
            f"attributes {config.attributes!r}: expected some of {', '.join(ATTRIBUTES)}, joined by +."
        )
    if config.approach not in ("baseline", *APPROACHES) or (config.approach == "baseline") != (not names):
        raise ValueError(
            f"approach {config.approach!r} with attributes {config.attributes!r}: expected 'baseline' without any, or one "
            f"of {', '.join(APPROACHES)} with some."
        )
    job = baseline.svm if config.model == "svm" else train
    return recognition.run(sys.modules[__name__], config, data(config), job, progress)


def restored(config: Config, progress: bool = True) -> network.Network:
    """The trained network of a configuration; see recognition.restored."""
    return recognition.restored(sys.modules[__name__], _kind(config), config, progress)


def recogniser(stored: dict, classes: int) -> network.Recogniser:
    """The untrained model of a stored configuration, to load weights into."""
    return _recogniser(recognition.config(Config, stored), classes, 1)


def _recogniser(config, classes, groups):
    encoder = CNNLSTM(config.n_mels, config.embedding, dropout=config.dropout, width=config.width)
    head = Softmax(config.embedding, classes)
    return network.Recogniser(encoder, head, config.n_mels, config.normalisation, groups)


def _kind(config):
    return Adversarial if config.approach == "AD" else Shared


def train(config, material, table, fold, on, progress, checkpoint):
    return _kind(config)(config, material, table, fold, on).fit(progress, checkpoint)


class Shared(network.Network):
    """The single task, and the two approaches whose heads share the encoder: MTL and GR."""

    compiles = False  # the recurrence is a library call; the rest is small

    def recogniser(self, groups):
        return _recogniser(self.config, len(self.classes), groups)

    def controlled(self):
        return self.config.attributes.split("+") if self.config.attributes else []

    def controls(self):
        if self.config.approach == "baseline":
            return {}
        return attributes.shared(self.config.approach, self.controlled(), ALPHA[self.config.approach])

    def attribute_heads(self, classes, generator):
        return attributes.Heads(self.config.embedding, self.controls(), classes, generator, Softmax)


class Adversarial(Shared):
    """AD: discriminators that see the emotion probabilities only, trained in turn with an optimiser of their own."""

    def attribute_heads(self, classes, generator):
        def make(emotions, values):
            return Discriminator(emotions, values, self.config.width)

        made = attributes.Discriminators(len(self.classes), classes, ALPHA["AD"], make, generator)
        self.optimiser = torch.optim.SGD(made.parameters(), lr=2e-3, momentum=0.9)
        self.told = []
        return made

    def also(self):
        return {"adversary": self.optimiser}

    def objective(self, batch, generator):
        embeddings, adversaries = self.embeddings(batch, generator), self.model.attributes
        logits, targets = self.model.head.logits(embeddings), batch["attributes"]
        probabilities = logits.softmax(1)
        self.told.append(adversaries.train_on(probabilities, targets, self.optimiser))
        emotion = torch.nn.functional.cross_entropy(logits, batch["targets"])
        return adversaries.against(emotion, probabilities, targets)

    def validate(self):
        """Beside the score, the discriminators' mean losses of the epoch: they must neither vanish nor explode."""
        losses = {
            f"adversary_{a}": torch.stack([t[a] for t in self.told]).mean().item() for a in self.attributes
        }
        self.told = []
        return super().validate() | losses
