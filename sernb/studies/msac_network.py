"""Paper 1's network in training: its encoder, its margin loss, its variants of attribute control."""

import dataclasses

from sernb import attributes
from sernb.losses import AMSoftmax, Softmax
from sernb.models.msac_sernet import MSACSERNet
from sernb.studies import network
from sernb.studies.msac_config import Config


def train(config, material, table, fold, on, progress, checkpoint):
    """Fit on the fold's training part; probabilities of every other part, curves, state, embeddings."""
    return Network(config, material, table, fold, on).fit(progress, checkpoint)


def recogniser(config: Config, classes: int, groups: int = 1) -> network.Recogniser:
    """MSAC-SERNet with AM-Softmax, or softmax, as configured."""
    encoder = MSACSERNet(config.n_mels, config.kernels, config.width, config.embedding, config.dropout)
    if config.loss == "am_softmax":
        head = AMSoftmax(config.embedding, classes, config.scale, config.margin)
    else:
        head = Softmax(config.embedding, classes)
    return network.Recogniser(encoder, head, config.n_mels, config.normalisation, groups)


def controls(config: Config) -> dict[str, attributes.Control]:
    """The variant's declaration with the paper's weights: EMO-DB's for a single corpus that it does not have."""
    row = "cross-corpus" if "+" in config.corpus else config.corpus
    found = attributes.declaration(config.variant, attributes.WEIGHTS.get(row, attributes.WEIGHTS["emodb"]))
    if config.growing:
        found = {a: dataclasses.replace(c, growing=c.kind == "reverse") for a, c in found.items()}
    return found


class Network(network.Network):
    """`declared` puts other controls in the place of the variant's."""

    def __init__(self, config, material, table, fold, on, declared=None):
        self.declared = controls(config) if declared is None else declared
        super().__init__(config, material, table, fold, on)

    def recogniser(self, groups):
        return recogniser(self.config, len(self.classes), groups)

    def controls(self):
        return self.declared
