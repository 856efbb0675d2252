"""Paper 5's study: an encoder pretrained on some emotions enrols others by a few utterances, and verifies them."""

import dataclasses
import sys

import pandas as pd

from sernb import store, tables_enroll
from sernb.studies import enroll_material, recognition, verification
from sernb.studies.enroll_config import Config
from sernb.studies.enroll_material import Material
from sernb.studies.enroll_network import Network

NAME = "enroll_to_verify"
VERSION = 1
#: Why there is no `recogniser`, and what there is.
ASK_INSTEAD = (
    "its encoder hears features standardised by its training speakers, which a stored run does not hold, and is made to "
    "verify what was enrolled. Enrol and verify: enroll.Verifier(enroll_to_verify.restored(config).encode), or "
    "explore.enrol(result); notebook 54 shows both"
)


def data(config: Config) -> Material:
    """Table, folds and packed audio of a configuration; kept warm between trainings."""
    return enroll_material.material(
        config.data, config.corpus, config.classes, config.enrol_corpus, config.input
    )


def key(config: Config) -> str:
    return recognition.key(sys.modules[__name__], config, data(config).digest)


def run(config: Config, progress: bool = True) -> store.Result:
    """One training, the pretraining task's predictions (part "test"), and the verifications (part "verify").

    The embeddings kept are those of every utterance that may be enrolled or asked. Metrics of a task ("neutral | fear"):
    mean UAR and F1 over draws, and the bounds that hold 95 % of them.
    """
    material = data(config)
    result = recognition.run(sys.modules[__name__], config, material, _train, progress)
    names = verification.unseen(config, material)
    whole = [result.predictions.assign(part="test", task="")]
    if names and config.against in set(material.table["asked"]):
        found = verification.asked(config, material, result.new_embeddings)
        whole.append(found.assign(part="verify"))
        for task, frame in found.groupby("task"):
            for score, values in tables_enroll.draws(frame).items():
                low, high = values.quantile([0.025, 0.975])
                result.metrics |= {
                    f"{task} {score}": values.mean(),
                    f"{task} {score} low": low,
                    f"{task} {score} high": high,
                }
    predictions = pd.concat(whole)
    drawn = tables_enroll.drawn(predictions)
    predictions[drawn] = predictions[drawn].fillna(False).astype(bool)
    return dataclasses.replace(result, predictions=predictions)


def _train(config, material, table, fold, on, progress, checkpoint):
    network = Network(config, material, table, fold, on)
    outcome = network.fit(progress, checkpoint)
    enrol, queries = material.pools(config.fold)
    ids = enrol.union(queries, sort=False).union(fold.test, sort=False)
    embeddings = network.embed(network.at(ids)).numpy()
    return outcome | {"embeddings": pd.DataFrame(embeddings, ids).rename(columns="e{}".format)}


def restored(config: Config, progress: bool = True) -> Network:
    """The trained network of a configuration, whose `encode` is what enroll.Verifier asks for; see recognition.restored."""
    return recognition.restored(sys.modules[__name__], Network, config, progress)


def verified(results, configs, **wanted) -> pd.DataFrame:
    """Verifications of several folds and seeds in one frame; `wanted` as in verification.asked.

    Without it, what was stored with the run; with it, from the stored embeddings. Raises FileNotFoundError for a frozen
    run, which has none.
    """
    frames = []
    for result, config in zip(results, configs, strict=True):
        if wanted:
            frame = verification.asked(config, data(config), embeddings(result), **wanted)
        else:
            frame = result.predictions[result.predictions["part"] == "verify"]
        frames.append(frame.assign(seed=config.seed))
    return pd.concat(frames)


def embeddings(result: store.Result) -> pd.DataFrame:
    """The embeddings stored with a run. Raises FileNotFoundError for a frozen one."""
    found = result.embeddings()
    if found is None:
        raise FileNotFoundError(
            f"{result.key}: no embeddings are stored (a frozen run keeps predictions only). Train it again here."
        )
    return found


def predicted(result: store.Result) -> pd.DataFrame:
    """The pretraining task's predictions on test speakers, with their seed."""
    frame = result.predictions
    return frame[frame["part"] == "test"].assign(seed=result.config["seed"])
