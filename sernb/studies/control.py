"""Does control control? What a linear machine reads off the embeddings of a trained model of paper 1, 3 or 4.

The claim behind attribute control is that reversal hides an attribute and multi-task learning keeps it; paper 1 does
not show it, paper 4 shows pictures. One configuration is one trained model.
"""

import time
from dataclasses import dataclass

import pandas as pd
import torch

from sernb import metrics, probes, store, training
from sernb.studies import (
    attributes_in_the_wild,
    domain_mismatch,
    mismatch_config,
    msac_config,
    msac_sernet,
    recognition,
)

NAME = "control"
VERSION = 1


@dataclass(frozen=True)
class Config:
    """A trained model, and the seed that deals speakers and utterances onto the probe's five parts."""

    trained: msac_config.Config | mismatch_config.Config | attributes_in_the_wild.Config
    seed: int = 0

    @property
    def study(self):
        studies = {
            mismatch_config.Config: domain_mismatch,
            attributes_in_the_wild.Config: attributes_in_the_wild,
        }
        return studies.get(type(self.trained), msac_sernet)


def key(config: Config) -> str:
    trained, study = config.trained, config.study
    address = {
        **recognition.overrides(trained),
        "data": trained.data,
        "trained": f"{study.NAME} {study.VERSION}",
    }
    address |= {"probe": config.seed} if config.seed else {}
    digest = study.data(trained).digest
    return store.key(NAME, VERSION, trained.preset, address, trained.fold, trained.seed, digest)


def run(config: Config, progress: bool = True) -> store.Result:
    """Balanced accuracy (0…1) of every attribute that can be asked for, beside chance, over all utterances of a class.

    Gender, language and corpus are asked of speakers that the probe has not seen, the speaker of utterances that it
    has not seen; the model has been trained on most of them. Predictions: attribute, truth (column `emotion`) and
    what was read, one row per utterance and attribute.
    """
    started, trained = time.time(), config.trained
    network, material = config.study.restored(trained, progress), config.study.data(trained)
    table = material.known
    x = pd.DataFrame(network.embed(network.waves.rows(table.index)).numpy(), table.index)
    found, frames = {}, []
    for name, (labels, folds) in probes.targets(table, config.seed).items():
        read = probes.predict(x, labels, folds)
        truth = labels[read.index]
        found[f"read_{name}"] = metrics.uar(truth, read)
        found[f"chance_{name}"] = 1 / truth.nunique()
        frame = pd.DataFrame({"speaker": table["speaker"][read.index], "emotion": truth, "predicted": read})
        frames.append(frame.assign(fold=material.folds[trained.fold].name, attribute=name))
    meta = {
        "version": VERSION, "preset": trained.preset, "data": trained.data, "study": NAME,
        "device": training.device_name(network.on), "dtype": "float32", "seconds": time.time() - started,
        "started": started, "classes": material.classes, "fold": material.folds[trained.fold].name,
        "folds": len(material.folds), "shared_speakers": material.folds[trained.fold].shared_speakers, "overrides": recognition.overrides(trained),
        "torch": torch.__version__,
    }  # fmt: skip
    whole = recognition.as_stored(trained) | {"probe": config.seed, "of": config.study.NAME}
    return store.Result(
        key=key(config), config=whole, metrics=found, predictions=pd.concat(frames), curves=pd.DataFrame(), meta=meta,
        path=None, new_embeddings=x.rename(columns="e{}".format),
    )  # fmt: skip


def read(results, what: str = "read") -> dict[str, float]:
    """The mean over results of what was "read" of every attribute, or of "chance", in %."""
    frame = pd.DataFrame([r.metrics for r in results]).filter(regex=f"^{what}_")
    return (100 * frame.mean()).rename(lambda name: name.removeprefix(f"{what}_")).to_dict()
