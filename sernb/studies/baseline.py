"""The classical baseline of every recognition table: openSMILE emobase functionals and an RBF support vector machine."""

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sernb import features, paths, splits


def svm(config, material, table, fold, on, progress, checkpoint):
    """Functionals standardised on, and the machine trained on, training and validation speakers together.

    With `normalisation` "speaker" or "corpus", functionals are first standardised over each one's own utterances,
    those to be tested included (transductive). Functionals of an utterance have no statistics over itself.
    """
    x = _standardised(
        features.emobase(material.packed, paths.CACHE).to_numpy(np.float64), config.normalisation, table
    )
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


def _standardised(x, kind, table):
    """Columns of x with zero mean and unit deviation within each group; pooled statistics are the scaler's job."""
    if kind == "utterance":
        raise ValueError("functionals cannot be standardised per utterance: choose train, speaker or corpus.")
    if kind not in ("speaker", "corpus"):
        return x
    frame = pd.DataFrame(x, table.index)
    groups = frame.groupby(table[kind].to_numpy())
    deviation = groups.transform("std", ddof=0)
    return ((frame - groups.transform("mean")) / deviation.where(deviation > 1e-9, 1.0)).to_numpy()
