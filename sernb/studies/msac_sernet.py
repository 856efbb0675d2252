"""Paper 1's study: MSAC-SERNet on one corpus or several, speaker-independent, beside the classical baseline."""

import sys

from sernb import store
from sernb.studies import baseline, msac_network, recognition
from sernb.studies.material import Material, material
from sernb.studies.msac_config import Config

NAME = "msac_sernet"
VERSION = 2


def data(config: Config) -> Material:
    """Table, folds and packed audio of a configuration; kept warm between trainings."""
    return material(config)


def key(config: Config) -> str:
    return recognition.key(sys.modules[__name__], config, data(config).digest)


def run(config: Config, progress: bool = True) -> store.Result:
    """One training and its predictions; see recognition.run."""
    job = baseline.svm if config.model == "svm" else msac_network.train
    return recognition.run(sys.modules[__name__], config, data(config), job, progress)


def restored(config: Config, progress: bool = True) -> msac_network.Network:
    """The trained network of a configuration; see recognition.restored."""
    return recognition.restored(sys.modules[__name__], msac_network.Network, config, progress)


def recogniser(stored: dict, classes: int) -> msac_network.network.Recogniser:
    """The untrained model of a stored configuration, to load weights into."""
    return msac_network.recogniser(recognition.config(Config, stored), classes)
