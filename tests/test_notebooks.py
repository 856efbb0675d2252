"""What every committed notebook keeps to: sizes, literal parameters, fresh and clean outputs."""

import json
import re

import pytest

from sernb import notebooks, paths, saving

BOOKS = notebooks.committed()
EACH = pytest.mark.parametrize("book", BOOKS, ids=lambda b: b.name)

#: A folder at the root of a file system that only one machine has.
ABSOLUTE = re.compile(
    r"(?<![\w.:/~$-])/(home|root|tmp|work|Users|usr|opt|mnt|media|var|srv|scratch|private)/[\w.]"
)


def code(book):
    return [c for c in book.read().cells if c.cell_type == "code"]


def outputs(book):
    return [o for c in code(book) for o in c.outputs]


def texts(book):
    """Every text in the notebook that a reader may see; pictures are left out."""
    for cell in book.read().cells:
        yield cell.source
    for output in outputs(book):
        yield output.get("text", "")
        for kind, content in output.get("data", {}).items():
            if not kind.startswith("image/"):
                yield content if isinstance(content, str) else json.dumps(content)


def test_there_is_a_notebook():
    assert BOOKS, f"{paths.ROOT / 'notebooks'}: expected at least one notebook"


@EACH
def test_is_small(book):
    assert book.path.stat().st_size <= 500_000, "500 KB at most: fewer or smaller figures"
    cells = code(book)
    assert len(cells) <= 15, f"{len(cells)} code cells; 15 at most"
    long = {i: n for i, c in enumerate(cells, 1) if (n := len(c.source.splitlines())) > 15}
    assert not long, f"code cells of more than 15 lines (cell: lines): {long}"


@EACH
def test_parameters_are_literals(book):
    tagged = [c for c in code(book) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1, f"{len(tagged)} cells tagged parameters; expected one"
    found = book.parameters()  # raises where a value is no literal
    assert found.get("preset") == "quick" and found.get("data") == "stand-in"


@EACH
def test_was_executed_whole_and_without_errors(book):
    cells = [c for c in code(book) if c.source.strip()]
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1)), "run `make notebooks`"
    assert outputs(book), "no outputs: run `make notebooks`"
    failed = [f"{o.ename}: {o.evalue}" for o in outputs(book) if o.output_type == "error"]
    assert not failed


@EACH
def test_outputs_are_of_these_sources(book):
    notebook = book.read()
    stored = notebook.metadata.get("sernb", {}).get("source_hash")
    assert stored == saving.source_hash(notebook), (
        "cells changed since the outputs were made: run `make notebooks`"
    )


@EACH
def test_holds_nothing_of_the_machine_it_ran_on(book):
    notebook = book.read()
    assert set(notebook.metadata) <= {"kernelspec", "language_info", "sernb"}, "run `make notebooks`"
    assert all(set(c.metadata) <= {"tags"} for c in notebook.cells)
    assert not [o for o in outputs(book) if any("widget" in kind for kind in o.get("data", {}))]
    found = {m[0] for text in texts(book) if (m := ABSOLUTE.search(text))}
    assert not found, f"absolute paths: {found}"
