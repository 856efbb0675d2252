"""Corpora: what lies on disk → one tidy table. One file per corpus; a user's own is one CSV."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd

from sernb import paths

from . import (
    casia,
    catalogue,
    crema_d,
    emodb,
    emovo,
    epst,
    iemocap,
    meld,
    msp_podcast,
    ravdess,
    savee,
    standin,
    table,
    tess,
)

READERS = {
    "emodb": emodb.read,
    "emovo": emovo.read,
    "ravdess": ravdess.read,
    "casia": casia.read,
    "tess": tess.read,
    "savee": savee.read,
    "crema_d": crema_d.read,
    "epst": epst.read,
    "iemocap": iemocap.read,
    "msp_podcast": msp_podcast.read,
    "meld": meld.read,
}


def names() -> list[str]:
    return list(READERS)


def load(name: str, root: Path | None = None, data: str = "real", seed: int = 0) -> pd.DataFrame:
    """One corpus as a table: index utterance; columns `table.COLUMNS`. A name that ends in .csv is a user's own table.

    `data="real"` reads `root` (default: the folder `name` below SERNB_DATA); "stand-in" makes and reads speech
    by espeak-ng in the corpus's layout. Raises ValueError for an unknown name, FileNotFoundError for a wrong root.
    """
    if name not in READERS and not name.endswith(".csv"):
        raise ValueError(
            f"corpus {name!r} is unknown; there are {', '.join(READERS)}. Your own: the path of its CSV."
        )
    if data not in ("real", "stand-in"):
        raise ValueError(f"data {data!r} is unknown; there are 'real' and 'stand-in'.")
    if name.endswith(".csv"):
        if data == "stand-in":
            raise ValueError(f"{name} holds recordings, and a stand-in is made: pass data='real'.")
        return read_table(name)
    if data == "stand-in":
        if root is not None:
            raise ValueError("a stand-in is made, not read: root only goes with data='real'.")
        root = standin.make(name, seed)
    root = Path(root or paths.DATA / name).expanduser().resolve()
    try:
        with _naming(root):
            found = READERS[name](root)
    except FileNotFoundError as error:
        corpus = catalogue.CATALOGUE[name]
        raise FileNotFoundError(f"{error} How to get {corpus.title}: {corpus.obtain}.") from error
    found.attrs["data"] = data
    return found


@contextlib.contextmanager
def _naming(source: Path):
    """A ValueError inside the `with` names what was read, if it does not by itself."""
    try:
        yield
    except ValueError as error:
        if str(source) in str(error):
            raise
        raise ValueError(f"{source}: {error}") from error


def present(names: list[str]) -> list[str]:
    """Those of `names` that lie below SERNB_DATA with audio, in their order; label files alone do not count."""

    def heard(name):
        files = table.walk(paths.DATA / name)
        return any(file.suffix.lower() in catalogue.CATALOGUE[name].endings for file in files)

    return [name for name in names if heard(name)]


def several(names, csv=None, data="real", seed=0, most: int | None = None) -> pd.DataFrame:
    """Corpora under one another as one table, a user's own `csv` last; at most `most` utterances of each, by seed.

    Stand-ins and recordings are never mixed: a `csv` goes with data="real" or with no other corpus. Raises
    FileNotFoundError naming every corpus that does not lie under SERNB_DATA.
    """
    if csv is not None and names and data == "stand-in":
        raise ValueError(f"{csv} holds recordings: expected data='real', or corpora=[] to look at it alone.")
    if not names and csv is None:
        raise ValueError(f"expected the name of a corpus or a csv; there are {', '.join(READERS)}.")
    lacking = [n for n in names if n in READERS and not (paths.DATA / n).is_dir()] if data == "real" else []
    if lacking:
        raise FileNotFoundError(
            f"no folder {', '.join(lacking)} below {paths.DATA}: expected one folder per corpus. Set SERNB_DATA, "
            "or take them off the list."
        )
    if data == "stand-in":
        standin.make_all(names, seed)  # side by side
    tables = [load(name, data=data, seed=seed) for name in names]
    tables += [read_table(csv)] if csv is not None else []
    if most is not None:
        tables = [t if len(t) <= most else t.sample(most, random_state=seed).sort_index() for t in tables]
    whole = pd.concat(tables)
    whole.attrs = {"data": tables[0].attrs["data"]}
    table.check(whole)
    return whole


def _located(csv, name, line):
    try:
        return str((csv.parent / Path(name).expanduser()).resolve())
    except (ValueError, RuntimeError, OSError) as error:  # a NUL, a home that nobody has, a loop of links
        raise ValueError(f"{csv}: line {line}: {name!r} cannot be a file's name: {error}.") from error


def read_table(csv) -> pd.DataFrame:
    """A user's own corpus: a CSV with `file`, `speaker`, `emotion`; every other column of a table is optional.

    `file` may be relative to the CSV. Without `corpus` the CSV's name is it; without `utterance` it is
    corpus/stem (and start, where one file holds several). Raises ValueError naming what is missing.
    """
    csv = Path(csv).expanduser().resolve()
    text = dict.fromkeys(
        ("file", "speaker", "session", "emotion", "corpus", "utterance", "gender", "language", "split"), str
    )
    try:  # only an empty field is missing: there are speakers called NA
        given = pd.read_csv(csv, dtype=text, encoding="utf-8-sig", keep_default_na=False, na_values=[""])
        given = given.astype({name: float for name in ("start", "end", "agreement") if name in given})
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{csv}: is not in UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error
    except ValueError as error:
        raise ValueError(f"{csv}: no table can be read from it: {error}") from error
    missing = {"file", "speaker", "emotion"} - set(given)
    if missing:
        raise ValueError(f"{csv}: lacks the columns {sorted(missing)}, found {list(given)}.")
    if given["file"].isna().any():
        raise ValueError(f"{csv}: line {int(np.argmax(given['file'].isna())) + 2} names no file.")
    if not len(given):
        raise ValueError(f"{csv}: has a header and not one line under it.")
    given["corpus"] = given["corpus"] if "corpus" in given else csv.stem
    bare = given["speaker"].notna() & ~given["speaker"].str.contains("/", na=False)
    given.loc[bare, "speaker"] = given["corpus"] + "/" + given["speaker"]
    given["file"] = [_located(csv, name, line) for line, name in enumerate(given["file"], 2)]
    if "utterance" not in given:
        name = given["corpus"] + "/" + given["file"].map(lambda f: Path(f).stem)
        several = name.duplicated(keep=False) & ("start" in given)
        given["utterance"] = name.where(
            ~several, name + "@" + given.get("start", pd.Series(0, given.index)).astype(str)
        )
    with _naming(csv):
        own = table.build(given.to_dict("records"))
    own.attrs["data"] = "real"
    return own
