"""Paper 1's second question: does a trained model notice emotions that it was never taught?

One configuration is one trained model of `msac_sernet`; every detector scores its test utterances and those of other
emotions. What detectors are fitted on is the fold's training part alone; their constants are the literature's.
"""

import dataclasses
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from sernb import audio, ood, store, tables_ood, training
from sernb.studies import msac_config, msac_sernet, recognition

NAME = "reliability"
VERSION = 2  # 2: "other" is no emotion, and IEMOCAP's are the paper's three
DETECTORS = (*ood.PAPER, *ood.FURTHER)
#: What lies outside where the paper names it. Its figures are multiples of 1/1996: these three's utterances.
OUTSIDE = {"iemocap": ("frustration", "fear", "surprise")}


@dataclass(frozen=True)
class Config:
    """A trained model and the constants of ODIN and rODIN (Liang et al. 2018; the paper gives none)."""

    trained: msac_config.Config
    epsilon: float = ood.EPSILON
    temperature: float = ood.TEMPERATURE

    @property
    def fold(self) -> int:
        return self.trained.fold


def overrides(config: Config) -> dict:
    own = {f.name: getattr(config, f.name) for f in dataclasses.fields(Config) if f.name != "trained"}
    defaults = {"epsilon": ood.EPSILON, "temperature": ood.TEMPERATURE}
    return recognition.overrides(config.trained) | {k: v for k, v in own.items() if v != defaults[k]}


def key(config: Config) -> str:
    trained = config.trained
    address = {**overrides(config), "data": trained.data, "trained": msac_sernet.VERSION}
    digest = msac_sernet.data(trained).digest
    return store.key(NAME, VERSION, trained.preset, address, trained.fold, trained.seed, digest)


def outside(material, corpus: str) -> pd.Index:
    """Utterances of emotions that were not taught: those the paper names, else all that any label but "other" names."""
    published = material.table.loc[material.others, "published"]
    return material.others[published.isin(OUTSIDE[corpus]) if corpus in OUTSIDE else published != "other"]


def run(config: Config, progress: bool = True) -> store.Result:
    """Scores of every detector for the fold's test utterances (part "ID") and those outside ("OOD").

    Column `heard` says whether a speaker was trained or chosen on: the paper's OOD utterances come from all speakers,
    the honest comparison from test speakers only. Trains the model where the store lacks it. Raises ValueError for a
    model without AM-Softmax or a corpus without other emotions.
    """
    started, trained = time.time(), config.trained
    if trained.loss != "am_softmax" or trained.model != "base":
        raise ValueError("reliability is asked of networks with AM-Softmax, as in the paper.")
    material, on = msac_sernet.data(trained), training.device()
    fold = material.folds[trained.fold]
    others = outside(material, trained.corpus)
    if not len(others):
        raise ValueError(f"{trained.corpus} with classes {trained.classes!r} leaves no other emotion.")
    network = msac_sernet.restored(trained, progress)
    ids = fold.test.append(others)
    rows = network.waves.rows(ids)
    embeddings = network.embed(rows)
    frame = material.table.loc[ids, ["speaker", "published"]].rename(columns={"published": "emotion"})
    logits = network.model.head.logits(embeddings.to(on)).cpu()
    frame["predicted"] = np.array(material.classes)[logits.argmax(1).numpy()]
    frame["fold"], frame["part"] = fold.name, ["ID"] * len(fold.test) + ["OOD"] * len(others)
    frame["heard"] = ~frame["speaker"].isin(set(material.table.loc[fold.test, "speaker"]))
    for name, values in _scores(config, network, rows, embeddings).items():
        frame[f"d_{name}"] = np.asarray(values, np.float32)
    near = ~frame["heard"].to_numpy()
    meta = {
        "version": VERSION, "preset": trained.preset, "data": trained.data, "study": NAME,
        "device": training.device_name(on), "dtype": "float32", "seconds": time.time() - started, "started": started,
        "classes": material.classes, "fold": fold.name, "folds": len(material.folds),
        "shared_speakers": fold.shared_speakers, "overrides": overrides(config), "torch": torch.__version__,
    }  # fmt: skip
    whole = recognition.as_stored(trained) | {"epsilon": config.epsilon, "temperature": config.temperature}
    return store.Result(
        key=key(config), config=whole, metrics=_metrics(frame), predictions=frame, curves=pd.DataFrame(), meta=meta,
        path=None, new_embeddings=pd.DataFrame(embeddings.numpy()[near], ids[near]).rename(columns="e{}".format),
    )  # fmt: skip


def _scores(config, network, rows, embeddings):
    head = network.model.head
    known = network.rows["train"]
    matrix = head.scale * torch.nn.functional.normalize(head.weight.detach()).cpu()

    def logits(z):  # the library's detectors live on the CPU
        return head.logits(z.to(network.on)).cpu()

    detectors = ood.Detectors(logits, matrix, network.embed(known), network.targets.cpu()[known])
    found = {"ODIN": torch.empty(len(rows)), "rODIN": torch.empty(len(rows))}
    for batch in audio.buckets(network.waves.lengths[rows], 16):
        x, frames = network.frames.batch(rows[batch])
        inside = torch.arange(x.shape[2], device=x.device) < frames[:, None]

        def model(x, frames=frames, inside=inside):  # nothing past an utterance's end is perturbed
            return head.logits(network.model.encoder(x * inside[:, None], frames))

        for name, detector in (("ODIN", ood.odin), ("rODIN", ood.rodin)):
            found[name][batch] = detector(model, x, config.epsilon, config.temperature).detach().cpu()
    return {name: values.numpy() for name, values in found.items()} | dict(detectors(embeddings))


def _metrics(frame):
    found = {}
    for name in DETECTORS:
        for everyone, suffix in ((False, ""), (True, "_everyone")):
            for score, value in tables_ood.detected(frame, name, everyone).items():
                found[f"{score}_{name}{suffix}"] = value
    return found
