"""Label files that lie beside the audio of a published corpus: found by name, read whatever their encoding."""

import csv
import io
from pathlib import Path

from . import table

#: Bytes that are no UTF-8 (they arrive as surrogates) and the control characters U+0080…9F stand for quotation marks
#: and dashes of Windows-1252 that a tool passed on unconverted.
_WINDOWS = {0xDC00 + i: bytes([i]).decode("cp1252", "replace") for i in range(0x80, 0x100)}
_WINDOWS |= {i: bytes([i]).decode("cp1252", "replace") for i in range(0x80, 0xA0)}


def named(root: Path, *names: str) -> list[Path]:
    """Files below `root` with one of the lower-case `names`, in any case: the nearest to the root first.

    A release may carry its predecessors' label files further down.
    """
    found = [file for file in table.walk(root) if file.name.lower() in names]
    return sorted(found, key=lambda file: (len(file.parts), names.index(file.name.lower()), file))


def needed(root: Path, expected: str, *names: str) -> Path:
    """The nearest of `named`; raises FileNotFoundError naming what was `expected`."""
    found = named(root, *names)
    if not found:
        raise FileNotFoundError(
            f"{root}: expected the label file {expected}, found none of that name. The audio alone has no labels: put "
            "the corpus's label files beside it."
        )
    return found[0]


def text(file: Path) -> str:
    """A text in UTF-8, with or without byte-order mark, its stray Windows-1252 characters mended."""
    return file.read_bytes().decode("utf-8-sig", "surrogateescape").translate(_WINDOWS)


def rows(file: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a CSV. Raises ValueError naming the columns it lacks."""
    reader = csv.DictReader(io.StringIO(text(file), newline=""))
    missing = columns - set(reader.fieldnames or ())
    if missing:
        raise ValueError(f"{file}: lacks the columns {sorted(missing)}, found {reader.fieldnames}.")
    return list(reader)
