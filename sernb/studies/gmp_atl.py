"""Paper 2's study: HuBERT adapted by gender-augmented multi-scale pseudo-labels, then fine-tuned with AM-Softmax."""

import sys

from sernb import store
from sernb.studies import baseline, gmp_atl_network, gmp_atl_stages, recognition
from sernb.studies.gmp_atl_config import Config
from sernb.studies.material import Material, material

NAME = "gmp_atl"
VERSION = 1


def data(config: Config) -> Material:
    """Table, folds and packed audio of a configuration; kept warm between trainings."""
    return material(config, single=config.division)


def key(config: Config) -> str:
    """The store's key; it holds what names the encoder's weights too."""
    weights = "" if config.model == "svm" else gmp_atl_network.origin_key(config)
    return recognition.key(sys.modules[__name__], config, data(config).digest + weights)


def run(config: Config, progress: bool = True) -> store.Result:
    """Stages 1 and 2 where pseudo-labels are wanted and the store lacks them, then stage 3 and its predictions.

    Raises ValueError where the encoder would have been pre-trained on the corpus that is evaluated.
    """
    job = baseline.svm if config.model == "svm" else train
    return recognition.run(sys.modules[__name__], config, data(config), job, progress)


def train(config, material, table, fold, on, progress, checkpoint):
    start = gmp_atl_stages.fine_tuned(config, material, table, fold, on, progress)
    return gmp_atl_network.Network(config, material, table, fold, on, start).fit(progress, checkpoint)


def restored(config: Config, progress: bool = True) -> gmp_atl_network.Network:
    """The trained network of a configuration; see recognition.restored."""
    return recognition.restored(sys.modules[__name__], gmp_atl_network.Network, config, progress)


def recogniser(stored: dict, classes: int) -> gmp_atl_network.Recogniser:
    """The untrained model of a stored configuration, to load weights into. Raises as gmp_atl_network.architecture."""
    config = recognition.config(Config, stored)
    return gmp_atl_network.recogniser(config, gmp_atl_network.architecture(config), classes)
