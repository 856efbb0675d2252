"""What a stored result was made from."""

import importlib

from sernb.store import Result
from sernb.studies import recognition


def material(result: Result):
    """Table and packed audio of a result, by its study and configuration.

    Raises ValueError where the configuration names a corpus by a table of one's own: a result holds no paths, so the
    material has to be passed.
    """
    study = importlib.import_module(f"sernb.studies.{result.meta['study']}")
    if not hasattr(study, "data"):
        raise ValueError(
            f"{result.meta['study']}: pass material=…, this study's results do not say what it was."
        )
    found = study.data(recognition.config(study.Config, result.config))
    missing = result.predictions.index.difference(found.table.index)
    if len(missing):
        raise ValueError(
            f"{result.key}: {len(missing)} of its utterances, such as {missing[0]}, are not in what its configuration "
            "gives now. Pass material=…"
        )
    return found
