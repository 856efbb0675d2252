"""Freed memory kept by the process while it trains on a CPU, mapped memory given back, and how much memory it has.

glibc gives every large block back to the kernel as soon as it is freed, and the kernel clears each page again at the
next step. A training step on a CPU allocates the same gigabytes every time, so this costs up to a third of it.
"""

import contextlib
import ctypes
import mmap
import sys

_MIB = 2**20
# mallopt's parameters, from <malloc.h>
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}
#: Where glibc's own adjustment ends after the first large block is freed.
_GIVE_BACK = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 * _MIB, _TRIM_THRESHOLD: 64 * _MIB}


def _glibc():
    """The C library where it is glibc, else None: others manage memory their own way, and nothing is done."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "gnu_get_libc_version") else None


@contextlib.contextmanager
def kept(wanted: bool = True):
    """Keep freed blocks for reuse inside the `with`, and give them back after it."""
    library = _glibc() if wanted else None
    if library is None:
        yield
        return
    _set(library, _KEEP)
    try:
        yield
    finally:
        _set(library, _GIVE_BACK)
        library.malloc_trim(0)


class Pages:
    """Gives back what reading a memory-mapped file adds to the process's memory, whenever about `most` bytes were read.

    The system keeps the pages in its cache and a later read finds them there, but a cluster that counts and limits the
    memory of a job no longer finds a whole corpus in it. Nothing is done for an array that is not a mapped file whole,
    nor where the system takes no such advice.
    """

    AROUND = 2**16  # Linux maps what lies around a page along with it

    def __init__(self, array, most: int = 2**28):
        self.map = (
            array.base if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") else None
        )
        self.most, self.read = most, 0

    def reading(self, pieces: int, size: int) -> None:
        """To be called after `pieces` of the array, `size` bytes in all, were read."""
        self.read += size + pieces * self.AROUND
        if self.map is not None and self.read > self.most:
            self.map.madvise(mmap.MADV_DONTNEED)
            self.read = 0


def own(entry: str) -> float:
    """Bytes that the kernel states of this process: "VmRSS" in memory now, "VmHWM" at most, "RssAnon" without files.

    NaN elsewhere than on Linux.
    """
    if sys.platform != "linux":
        return float("nan")
    with open("/proc/self/status") as file:
        return next(1024.0 * int(line.split()[1]) for line in file if line.startswith(f"{entry}:"))


def watch_anew() -> None:
    """From here on "VmHWM" is the most since now."""
    if sys.platform == "linux":
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")


def _set(library, values):
    for parameter, value in values.items():
        library.mallopt(parameter, value)
