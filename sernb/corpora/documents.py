"""Label files that lie beside the audio of a published corpus: found by name, read whatever their encoding."""

import codecs
import csv
import io
from collections.abc import Iterable
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
    """A text in UTF-8, with or without byte-order mark, its stray Windows-1252 characters mended; or in UTF-16 with one.

    Raises ValueError naming a file that holds NUL characters, which no text does.
    """
    content = file.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        found = content.decode("utf-16", "replace")
    else:
        found = content.decode("utf-8-sig", "surrogateescape").translate(_WINDOWS)
    if "\0" in found:
        raise ValueError(
            f"{file}: expected text in UTF-8, found NUL characters. Is it damaged, or UTF-16? Save it as UTF-8."
        )
    return found


def rows(file: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a CSV. Raises ValueError naming the columns it lacks, or the line that is too short for them."""
    reader, found = csv.DictReader(io.StringIO(text(file), newline="")), []
    try:
        missing = columns - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{file}: lacks the columns {sorted(missing)}, found {reader.fieldnames}.")
        for row in reader:
            if short := [name for name in columns if row[name] is None]:
                raise ValueError(f"{file}, line {reader.line_num}: has no {short[0]}; is the file cut off?")
            found.append(row)
    except csv.Error as error:
        raise ValueError(f"{file}, line {reader.line_num}: {error}.") from error
    return found


def keyed(file: Path, pairs: Iterable[tuple]) -> dict:
    """A dict of (key, value). Raises ValueError where a key comes twice with different values: which one is right?"""
    found = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise ValueError(f"{file}: {key} comes twice and differs: {found[key]} and {value}. Remove one.")
    return found


def number(file: Path, said: str, kind=float):
    """What a field of a label file says as a number; ValueError naming the file where it is none."""
    try:
        return kind(said)
    except ValueError:
        raise ValueError(f"{file}: expected a number, found {said!r}.") from None
