"""Writing on a disk that many processes share and that may be full: whole or not at all, and saying what is wrong."""

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_REFUSED = {
    errno.ENOSPC: "the disk is full: free some of it",
    errno.EDQUOT: "your quota is used up: remove something of yours",
    errno.EFBIG: "files may not grow that large here (ulimit -f): raise the limit",
    errno.EROFS: "it is mounted read-only: mount it to be written",
    errno.EACCES: "you may not write there: change its permissions",
    errno.EPERM: "you may not write there: change its permissions",
}
UNFINISHED = ".writing-"


class NotWritten(OSError):
    """A folder takes nothing more; the message says which, why, and what to do."""


@contextlib.contextmanager
def into(folder: Path, variable: str):
    """Turn the refusals of the operating system inside the `with` into NotWritten; `variable` moves the folder."""
    try:
        yield
    except NotWritten:
        raise
    except OSError as error:
        why = _REFUSED.get(error.errno, f"{error}: mend that")
        raise NotWritten(
            f"{folder} cannot be written: {why}, or let {variable} name another folder. What is stored stays; the "
            "same command again continues."
        ) from error


@contextlib.contextmanager
def beside(folder: Path):
    """A temporary folder on the same disk, to fill and then `place`; it is removed in the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=UNFINISHED))
    temporary.chmod(0o755)  # mkdtemp's is for this user alone; a store may be shared
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def place(made: Path, folder: Path, whole: Callable[[Path], bool]) -> None:
    """Move what was made to its place, where another process may put the same at this moment: the first one stays.

    What lies there and is not `whole` gives way. A reader sees nothing or a whole folder.
    """
    while True:
        try:
            return os.rename(made, folder)
        except OSError:
            if not folder.is_dir():
                raise
        if whole(folder):
            return None
        with (
            beside(folder) as aside,
            contextlib.suppress(FileNotFoundError),
        ):  # another process may be quicker
            os.rename(folder, aside / "damaged")


@contextlib.contextmanager
def whole_file(file: Path):
    """The name of a temporary file to write, which becomes `file` where nothing is raised."""
    file.parent.mkdir(parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(dir=file.parent, prefix=f"{file.stem}.", suffix=".tmp")
    os.close(number)
    try:
        yield Path(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def sweep(folder: Path, hours: float = 1.0) -> None:
    """Remove what killed writers left beside results: unfinished folders in which nothing has changed for hours."""
    for left in folder.glob(f"{UNFINISHED}*"):
        try:
            newest = max(f.stat().st_mtime for f in (left, *left.rglob("*")))
        except FileNotFoundError:  # its writer, or another sweeper, was quicker
            continue
        if time.time() - newest > hours * 3600:
            shutil.rmtree(left, ignore_errors=True)
