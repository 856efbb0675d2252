"""The tidy table: one row per utterance, the same columns for every corpus, checked."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from sernb import decoding

COLUMNS = [
    "file",
    "start",
    "end",
    "corpus",
    "speaker",
    "gender",
    "language",
    "emotion",
    "agreement",
    "session",
    "split",
]
_TEXT = ["file", "corpus", "speaker", "gender", "language", "emotion", "session", "split"]
AUDIO = {".wav", ".flac"}
NAMED = 100  # files that one warning names: a download may lack thousands
SILENCE = 1e-4  # of full scale, peak to peak: the dither of a 16-bit file is below it, no utterance is


def walk(root: Path) -> Iterator[Path]:
    """Files below a folder in sorted order; hidden ones and hidden folders are no part of a corpus."""
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def files(root: Path, expected: str, endings: Iterable[str] = AUDIO) -> list[Path]:
    """Audio files below a corpus's root, hidden ones ignored, sorted.

    Raises FileNotFoundError saying what was expected (`expected`, an example path) and what was found.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root} is no folder: expected a corpus with files such as {root / expected}. Set SERNB_DATA to the "
            "folder that holds the corpora, or pass root=."
        )
    found = [file for file in walk(root) if file.suffix.lower() in endings]
    if not found:
        entries = sorted(p.name for p in root.iterdir())
        raise FileNotFoundError(
            f"{root}: expected audio such as {expected}, found {entries[:8] or 'an empty folder'}."
        )
    return found


def read(
    root: Path,
    expected: str,
    layout: str,
    parse: Callable[[Path], dict | str | None],
    found: list[Path] | None = None,
    left_out: Iterable[tuple] = (),
) -> pd.DataFrame:
    """A corpus of one file per utterance: the table of what `parse` makes of each file that is `found`.

    `parse` gives an utterance, the reason why a file is none, or None where its name does not follow the `layout`
    (in words). Such files are left out, as is a second copy of an utterance. Raises FileNotFoundError where no file
    follows the layout: the root is another folder.
    """
    found, rows, left_out = files(root, expected) if found is None else found, {}, list(left_out)
    for file in found:
        row = parse(file) or f"its name is not {layout} as in {Path(expected).with_suffix('')}"
        if isinstance(row, str):
            left_out.append((file, row))
            continue
        first = rows.setdefault(row["utterance"].lower(), {"file": file, **row})
        if first["file"] != file:
            left_out.append((file, f"a second copy of {first['file']}"))
    if not rows:
        names = ", ".join(str(file.relative_to(root)) for file in found[:3])
        why = f"; the first: {left_out[0][1]}" if left_out else ""
        raise FileNotFoundError(
            f"{root}: expected audio such as {expected} ({layout}), found {len(found)} files that are named otherwise "
            f"or not labelled: {names}{', …' if len(found) > 3 else ''}{why}. Pass the corpus's own folder."
        )
    return build(rows.values(), left_out)


def build(rows: Iterable[dict], left_out: Iterable[tuple] = ()) -> pd.DataFrame:
    """A checked table from one dict per utterance (`utterance`, `file` and what is known).

    Every file is decoded once: one that cannot be decoded, is empty or silent is left out, listed in
    `attrs["left_out"]` as (file, reason) and named in one warning.
    """
    rows, left_out = list(rows), [(str(file), reason) for file, reason in left_out]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        unique = list(dict.fromkeys(str(row["file"]) for row in rows))
        inspected = dict(zip(unique, pool.map(inspect, unique), strict=True))
    left_out += [(file, reason) for file, (_, reason) in inspected.items() if reason]
    kept = [row for row in rows if not inspected[str(row["file"])][1]]
    late = [row for row in kept if row.get("start", 0) >= inspected[str(row["file"])][0]]
    left_out += [(str(row["file"]), f"{row['utterance']} starts after its end") for row in late]
    kept = [row for row in kept if row not in late] if late else kept
    table = pd.DataFrame(kept, columns=["utterance", *_columns(kept)]).set_index("utterance")
    table["file"] = table["file"].astype(str)
    table["start"] = table["start"].astype(float).fillna(0.0)
    whole = pd.Series([inspected[file][0] for file in table["file"]], table.index, dtype=float)
    table["end"] = table["end"].astype(float).fillna(whole)
    for column in _TEXT:
        table[column] = table[column].astype(object).where(table[column].notna(), np.nan)
    table["agreement"] = table["agreement"].astype(float)
    table = table.sort_index()
    table.attrs["left_out"] = sorted(left_out)
    if left_out:
        named = "; ".join(f"{file}: {reason}" for file, reason in sorted(left_out)[:NAMED])
        named += f"; all {len(left_out)} are in attrs['left_out']" * (len(left_out) > NAMED)
        warnings.warn(f"{len(left_out)} files left out: {named}", stacklevel=3)
    check(table)
    return table


def _columns(rows):
    own = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS and name != "utterance")
    return [*COLUMNS, *own]


def inspect(file: str) -> tuple[float, str | None]:
    """Duration in seconds, and why the file is unusable or None. Decodes all of it: a header may lie."""
    if not os.path.isfile(file):
        return np.nan, "there is no such file"
    if os.path.getsize(file) == 0:
        return np.nan, "empty"
    try:
        with decoding.sound(file) as f:
            frames, heard = 0, False
            for block in f.blocks(2**16, dtype="float32", always_2d=True):
                if not np.isfinite(block).all():
                    return np.nan, "holds samples that are not finite"
                frames += len(block)
                heard = heard or (len(block) > 0 and np.ptp(block, axis=0).max() > SILENCE)
            if frames == 0:
                return np.nan, "empty"
            return frames / f.samplerate, None if heard else "silent"
    except (decoding.Undecodable, soundfile.LibsndfileError, OSError) as error:
        return np.nan, f"cannot be decoded ({error})"


def check(table: pd.DataFrame) -> None:
    """Raise ValueError where a table breaks a promise that everything downstream relies on."""
    missing = [c for c in COLUMNS if c not in table]
    if missing:
        raise ValueError(f"the table lacks the columns {missing}; expected {COLUMNS}.")
    if table.index.name != "utterance" or not table.index.is_unique:
        twice = list(table.index[table.index.duplicated()][:3])
        raise ValueError(
            f"expected a unique index named 'utterance', found {table.index.name!r}, repeated: {twice}."
        )
    for column in ("file", "corpus"):
        if table[column].isna().any():
            raise ValueError(
                f"{table.index[table[column].isna()][0]!r} has no {column}; every utterance needs one."
            )
    strange = set(table["gender"].dropna()) - {"female", "male"}
    if strange:
        raise ValueError(f"gender is 'female', 'male' or missing, found {sorted(strange)}.")
    reversed_ = table.index[(table["end"] <= table["start"])]
    if len(reversed_):
        raise ValueError(f"{reversed_[0]!r}: its end is not after its start.")
    outside = table["agreement"].dropna()
    if len(outside) and not outside.between(0, 1).all():
        raise ValueError(f"agreement is a share in 0…1, found {outside.min()} … {outside.max()}.")
    owners = table.dropna(subset="speaker").groupby("speaker")["corpus"].nunique()
    if (owners > 1).any():
        raise ValueError(
            f"speaker {owners.index[owners > 1][0]!r} is in more than one corpus; prefix it by its own."
        )
