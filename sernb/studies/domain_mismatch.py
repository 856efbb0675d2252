"""Paper 3's study: CNN14 trained on corpora joined, with augmentation or scrambled labels, tested in and across domains."""

import dataclasses
import functools
import hashlib
import sys
from pathlib import Path

from sernb import store
from sernb.studies import mismatch_network, network, recognition
from sernb.studies.material import Material
from sernb.studies.mismatch_config import Config
from sernb.studies.mismatch_material import material

NAME = "domain_mismatch"
VERSION = 3  # 2: a published checkpoint's kernels lie the right way round; 3: faint speech keeps its speed


def data(config: Config) -> Material:
    """Table, folds and packed audio of a configuration; kept warm between trainings."""
    return material(config)


def key(config: Config) -> str:
    """A checkpoint enters by its content."""
    digest = data(config).digest
    if config.weights:
        file = Path(config.weights).expanduser()
        digest += _content(file, file.stat().st_mtime_ns)
    return recognition.key(sys.modules[__name__], config, digest)


@functools.lru_cache(maxsize=8)
def _content(file, changed):
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def run(config: Config, progress: bool = True) -> store.Result:
    """One training and its predictions of every corpus's test part; see recognition.run."""
    return recognition.run(sys.modules[__name__], config, data(config), train, progress)


def restored(config: Config, progress: bool = True) -> mismatch_network.Network:
    """The trained network of a configuration; see recognition.restored."""
    return recognition.restored(sys.modules[__name__], mismatch_network.Network, config, progress)


def train(config, material, table, fold, on, progress, checkpoint):
    """Fit on the fold's training part; probabilities of every other part, curves, state, embeddings."""
    return mismatch_network.Network(config, material, table, fold, on).fit(progress, checkpoint)


def recogniser(stored: dict, classes: int) -> network.Recogniser:
    """The untrained model of a stored configuration, to load weights into; the checkpoint it began from is not needed."""
    config = dataclasses.replace(recognition.config(Config, stored), weights="")
    return mismatch_network.recogniser(config, classes)
