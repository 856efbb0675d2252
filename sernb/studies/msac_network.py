"""Paper 1's network in training: its encoder, its margin loss, its variants of attribute control."""

import dataclasses

from sernb import attributes
from sernb.losses import AMSoftmax, Softmax
from sernb.models.msac_sernet import MSACSERNet
from sernb.studies import network, own
from sernb.studies.msac_config import Config


def train(config, material, table, fold, on, progress, checkpoint):
    """Fit on the fold's training part; probabilities of every other part, curves, state, embeddings."""
    return Network(config, material, table, fold, on).fit(progress, checkpoint)


def recogniser(config: Config, classes: int, groups: int = 1) -> network.Recogniser:
    """MSAC-SERNet with AM-Softmax, or what else is configured."""
    encoders = {
        "msac_sernet": lambda n_mels, size: MSACSERNet(
            n_mels, config.kernels, config.width, size, config.dropout
        )
    }
    losses = {"am_softmax": lambda *sizes: AMSoftmax(*sizes, config.scale, config.margin), "softmax": Softmax}
    encoder = own.choose("encoder", config.encoder, encoders)(config.n_mels, config.embedding)
    head = own.choose("loss", config.loss, losses)(config.embedding, classes)
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
