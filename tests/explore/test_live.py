"""Explorers are built where somebody can click, and nowhere else; committed notebooks show a picture beside each."""

import re
import types

import pytest

from sernb import explore, notebooks
from sernb.explore import showing

BOOKS = [b for b in notebooks.committed() if "explore." in b.path.read_text()]


@pytest.fixture
def nowhere(monkeypatch):
    for variable in ("SERNB_EXPLORE", "JPY_SESSION_NAME"):
        monkeypatch.delenv(variable, raising=False)


def test_nothing_is_built_headless(nowhere):
    assert explore.live(pytest.fail, "was built") is None


def test_a_jupyter_server_a_user_and_vs_code_say_that_one_can_click(nowhere, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "look.ipynb")
    assert explore.live(dict, a=1) == {"a": 1}
    monkeypatch.setenv("SERNB_EXPLORE", "0")
    assert explore.live(dict, a=1) is None
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.setenv("SERNB_EXPLORE", "1")
    assert showing.clickable()
    monkeypatch.delenv("SERNB_EXPLORE")
    shell = types.SimpleNamespace(user_ns={"__vsc_ipynb_file__": "look.ipynb"})
    monkeypatch.setattr(showing, "get_ipython", lambda: shell)
    assert showing.clickable()


@pytest.mark.parametrize("book", BOOKS, ids=lambda b: b.name)
def test_every_explorer_of_a_notebook_is_live_and_has_a_picture_or_table_beside_it(book):
    cells = [c for c in book.read().cells if c.cell_type == "code" and "explore." in c.source]
    assert cells
    for cell in cells:
        called = re.findall(r"explore\.(\w+)", cell.source)
        assert "live" in called and set(called) <= {"live", "trial", *explore.__all__}
        shown = {kind for output in cell.outputs for kind in output.get("data", {})}
        assert shown & {"image/png", "text/html"}, (
            "nothing static beside the explorer: readers of GitHub see none"
        )
        assert not re.search(r"^(?!.*live).*explore\.(?!live|trial)\w+\(", cell.source, re.M), (
            "built without `live`"
        )


def test_notebooks_use_the_explorers():
    assert {b.path.stem[:2] for b in BOOKS} >= {"01", "11", "13", "31", "32", "54"}
