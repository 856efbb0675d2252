"""The classical baseline of every recognition table: openSMILE emobase functionals and an RBF support vector machine."""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sernb import features, paths, probes, splits


def svm(config, material, table, fold, on, progress, checkpoint):
    """Functionals standardised on, and the machine trained on, training and validation speakers together.

    With `normalisation` "utterance", "speaker" or "corpus", functionals are first standardised over each one's own
    frames or utterances, those to be tested included (the latter two are transductive); see probes.standardise.
    """
    x = features.emobase(material.packed, paths.CACHE)
    if config.normalisation in ("utterance", "speaker", "corpus"):
        x = probes.standardise(x, config.normalisation, table)
    x = x.to_numpy(np.float64)
    classes, y = material.classes, table["emotion"].to_numpy()
    rows = {part: table.index.get_indexer(getattr(fold, part)) for part in splits.PARTS}

    def scores(fitted_on, asked):
        machine = make_pipeline(StandardScaler(), SVC(C=10.0))
        machine.fit(x[fitted_on], y[fitted_on])
        margins = machine.decision_function(x[asked])
        margins = margins if margins.ndim == 2 else np.stack([-margins, margins], 1)
        whole = np.full((len(asked), len(classes)), -np.inf)
        whole[:, np.searchsorted(classes, machine[-1].classes_)] = margins
        return np.exp(whole) / np.exp(whole).sum(1, keepdims=True)

    both = np.concatenate([rows["train"], rows["valid"]])
    found = {"test": scores(both, rows["test"]), "valid": scores(rows["train"], rows["valid"])}
    if len(material.unseen):
        found["unseen"] = scores(both, table.index.get_indexer(material.unseen))
    return found
