"""Explorers only where somebody can click: a notebook that runs headless shows its static pictures and loses no time."""

import os

from IPython import get_ipython


def live(make, *arguments, **options):
    """The explorer `make(*arguments, **options)` in JupyterLab, Notebook or VS Code; None, which shows nothing, elsewhere.

    papermill, nbval and `sernb run` are elsewhere: nothing is built there, and no widget's state is stored.
    """
    return make(*arguments, **options) if clickable() else None


def clickable() -> bool:
    """Whether the kernel has a front end: a Jupyter server or VS Code says so. SERNB_EXPLORE=1 or 0 decides otherwise."""
    if (said := os.environ.get("SERNB_EXPLORE")) is not None:
        return said == "1"
    shell = get_ipython()
    of_code = shell is not None and "__vsc_ipynb_file__" in shell.user_ns
    return of_code or "JPY_SESSION_NAME" in os.environ
