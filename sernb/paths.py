"""Where things lie: the checkout, the corpora, the result store, the figures and the cache.

Each can be moved by an environment variable. Read them as `paths.DATA` at the time of use, never at import.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _from_environment(variable, default):
    return Path(os.environ.get(variable) or default).expanduser().resolve()


DATA = _from_environment("SERNB_DATA", ROOT / "data")
RESULTS = _from_environment("SERNB_RESULTS", ROOT / "results")
FIGURES = _from_environment("SERNB_FIGURES", ROOT / "figures")
CACHE = _from_environment("SERNB_CACHE", ROOT / "build" / "cache")
