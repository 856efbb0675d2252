"""Audio: decode once, pack into one memory-mapped int16 array, gather batches straight on the device.

The usual way, a Dataset that opens a file per utterance and epoch, spends its time in decoding. Here every
utterance is decoded and resampled once, lies back to back in one array, and a batch is one gather.
"""

import collections
import hashlib
import itertools
import json
import math
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr
import torch

from sernb import decoding, heap, paths, writing

RATE = 16_000
FORMAT = 1  # of the packed files; part of their key


@dataclass
class Pack:
    """Utterances back to back: utterance i is samples[offsets[i] : offsets[i + 1]], int16 at `rate` Hz."""

    ids: pd.Index
    samples: np.ndarray  # (total,) int16, memory-mapped
    offsets: np.ndarray  # (utterances + 1,) int64
    peaks: np.ndarray  # (utterances,) float32, largest |sample| / 32768
    digests: np.ndarray  # (utterances,) str, of the decoded samples: content, never paths
    rate: int = RATE
    left_out: list = field(default_factory=list)

    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def utterance(self, name: str) -> np.ndarray:
        """One utterance as float32 in [-1, 1), for listening and plotting."""
        i = self.ids.get_loc(name)
        return self.samples[self.offsets[i] : self.offsets[i + 1]].astype(np.float32) / 32768


def decode(file: str, start: float = 0.0, end: float = math.nan, rate: int = RATE) -> np.ndarray:
    """Samples of one utterance: float32, mono (mean of channels), at `rate` Hz, from `start` to `end` in seconds.

    Raises ValueError naming the file where it holds nothing finite, nothing at all, or only silence;
    soundfile.LibsndfileError or decoding.Undecodable where it cannot be decoded.
    """
    with decoding.sound(file) as f:
        first = round((0.0 if math.isnan(start) else start) * f.samplerate)
        last = f.frames if math.isnan(end) else min(round(end * f.samplerate), f.frames)
        f.seek(min(first, f.frames))
        x = f.read(max(last - first, 0), dtype="float32", always_2d=True).mean(axis=1)
        found = f.samplerate
    if len(x) == 0:
        raise ValueError(f"{file}: empty between {start} and {end} s.")
    if not np.isfinite(x).all():
        raise ValueError(f"{file}: holds samples that are not finite.")
    if not np.abs(x).max() > 0:
        raise ValueError(f"{file}: silent, every sample is zero.")
    return x if found == rate else soxr.resample(x, found, rate).astype(np.float32)


def to_int16(x: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(x * 32768), -32768, 32767).astype(np.int16)


def _sixteen_bits(file: str, *where) -> np.ndarray:
    """What is packed of `decode(file, *where)`; an utterance without a peak could not be scaled by it."""
    samples = to_int16(decode(file, *where))
    if not samples.any():
        raise ValueError(f"{file}: silent, no sample reaches half of the last of 16 bits.")
    return samples


def pack(
    table: pd.DataFrame, rate: int = RATE, cache: Path | None = None, workers: int | None = None
) -> Pack:
    """Decode a table's utterances in parallel and pack them; a second call maps what the first one wrote.

    The key is the content of the files (not their paths), the segments, the ids and the rate. An utterance that
    cannot be decoded is left out, listed in `left_out` and named in a warning. Raises FileNotFoundError for a file that
    has gone since the table was made, and writing.NotWritten where the cache takes nothing more.
    """
    cache = Path(cache or paths.CACHE) / "packs"
    workers = workers or os.cpu_count()
    with ThreadPoolExecutor(workers) as pool:
        contents = dict(zip(files := table["file"].unique(), pool.map(_content, files), strict=True))
        folder = cache / _key(table, contents, rate)
        if not _whole(folder):
            with writing.into(cache, "SERNB_CACHE"):
                _write(table, rate, folder, pool)
    index = pd.read_parquet(folder / "index.parquet")
    left_out = [tuple(x) for x in json.loads((folder / "left_out.json").read_text())]
    if left_out:
        named = "; ".join(f"{file}: {why}" for file, why in left_out[:5])
        warnings.warn(f"{len(left_out)} utterances left out of the pack: {named}", stacklevel=2)
    samples = np.memmap(folder / "samples.i16", dtype=np.int16, mode="r")
    offsets = np.concatenate([[0], index["length"].to_numpy().cumsum()]).astype(np.int64)
    ids = pd.Index(index["utterance"], name="utterance")
    return Pack(ids, samples, offsets, index["peak"].to_numpy(), index["digest"].to_numpy(), rate, left_out)


def pack_files(files, rate: int = RATE) -> Pack:
    """A pack in memory of whole audio files, named by their paths. Raises as `decode` does."""
    samples = [_sixteen_bits(str(file), 0.0, math.nan, rate) for file in files]
    digests = np.array([hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest() for x in samples])
    peaks = np.array([np.abs(x.astype(np.int32)).max() / 32768 for x in samples], np.float32)
    offsets = np.concatenate([[0], np.cumsum([len(x) for x in samples])]).astype(np.int64)
    ids = pd.Index(map(str, files), name="utterance")
    return Pack(ids, np.concatenate(samples), offsets, peaks, digests, rate)


def _content(file: str) -> str:
    try:
        with open(file, "rb") as f:
            return hashlib.file_digest(f, "blake2b").hexdigest()[:32]
    except OSError as error:
        raise FileNotFoundError(
            f"{file} was there when the corpus was read and cannot be read now ({error.strerror}): put it back, or read "
            "the corpus again without it."
        ) from error


def _ahead(pool, call, rows, most: int = 256):
    """pool.map, but never more than so many results in memory: decoding is quicker than a slow disk."""
    rows = iter(rows)
    waiting = collections.deque(pool.submit(call, row) for row in itertools.islice(rows, most))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(call, row) for row in itertools.islice(rows, 1))


def _whole(folder: Path) -> bool:
    """Whether a pack is there with as many samples as its index promises."""
    try:
        lengths = pd.read_parquet(folder / "index.parquet", columns=["length"])["length"]
        return (folder / "samples.i16").stat().st_size == 2 * lengths.sum() and (
            folder / "left_out.json"
        ).exists()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:  # pyarrow's of a damaged file is a ValueError
        warnings.warn(f"{folder}: the pack is damaged ({error}) and is made again.", stacklevel=3)
        return False


def _key(table, contents, rate) -> str:
    h = hashlib.sha256(f"{FORMAT} {rate}".encode())
    for row in table[["file", "start", "end"]].itertuples():
        h.update(f"{row.Index}\0{contents[row.file]}\0{row.start}\0{row.end}\n".encode())
    return h.hexdigest()[:24]


def _write(table, rate, folder, pool):
    """Write beside, then move: a killed writer leaves no pack that looks whole."""
    rows, left_out = [], []

    def one(row):
        try:
            return row, _sixteen_bits(row.file, row.start, row.end, rate), None
        except (ValueError, soundfile.LibsndfileError, OSError) as error:
            return row, None, str(error)

    with writing.beside(folder) as temporary:
        with open(temporary / "samples.i16", "wb") as f:
            for row, x, error in _ahead(pool, one, table[["file", "start", "end"]].itertuples()):
                if error:
                    left_out.append((row.Index, error))
                    continue
                x.tofile(f)
                digest = hashlib.blake2b(x.tobytes(), digest_size=16).hexdigest()
                rows.append((row.Index, len(x), np.abs(x.astype(np.int32)).max() / 32768, digest))
        index = pd.DataFrame(rows, columns=["utterance", "length", "peak", "digest"])
        if index.empty:
            raise ValueError(f"none of {len(table)} utterances could be decoded; the first: {left_out[:1]}")
        index.astype({"peak": "float32"}).to_parquet(temporary / "index.parquet")
        (temporary / "left_out.json").write_text(json.dumps(left_out))
        writing.place(temporary, folder, _whole)
    writing.sweep(folder.parent)


class Waves:
    """A pack's samples on the device, and batches of them by one gather.

    They move to the device whole where they fit into half of its free memory; otherwise they stay memory-mapped,
    each batch is copied, and what was read is given back to the system now and then.
    """

    def __init__(self, packed: Pack, device="cpu"):
        self.ids, self.rate, self.device = packed.ids, packed.rate, torch.device(device)
        self.samples, self.pages = settle(packed.samples, self.device), heap.Pages(packed.samples)
        self.offsets = torch.from_numpy(packed.offsets[:-1].copy())
        self.lengths = torch.from_numpy(packed.lengths())
        self.peaks = torch.from_numpy(packed.peaks)

    def rows(self, ids) -> torch.Tensor:
        """Row numbers of utterance ids; KeyError names the first one that is not packed."""
        return find(self.ids, ids)

    def batch(self, rows, crop: int | None = None, generator: torch.Generator | None = None):
        """Gather utterances: waveforms (B, T) in [-1, 1] scaled by each utterance's own peak, lengths (B,).

        With `crop` (samples) a longer utterance gives a random stretch of that length, drawn from `generator`,
        and T = crop whatever the batch; without it, T is the longest length. What lies past a length is zero.
        """
        lengths, starts = self.lengths[rows], self.offsets[rows]
        if crop is not None:
            starts, lengths = random_stretch(starts, lengths, crop, generator)
        x = gather(self.samples, starts, lengths, crop or int(lengths.max()), self.device)
        self.pages.reading(len(lengths), 2 * int(lengths.sum()))
        scale = (1 / (self.peaks[rows] * 32768)).to(self.device)
        return x.float() * scale[:, None], lengths.to(self.device)


def settle(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """A memory-mapped array on the device where it fits into half of its free memory, else as it is."""
    with warnings.catch_warnings():  # the map is read-only and nothing here writes to it
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        values = torch.from_numpy(array)
    fits = device.type == "cpu" or values.nbytes < torch.cuda.mem_get_info()[0] / 2
    return values.to(device) if fits else values


def find(packed: pd.Index, ids) -> torch.Tensor:
    """Row numbers of utterance ids among the packed ones; KeyError names the first one that is not there."""
    rows = packed.get_indexer(pd.Index(ids))
    if (rows < 0).any():
        missing = pd.Index(ids)[rows < 0]
        raise KeyError(f"{len(missing)} utterances are not in the pack, e.g. {missing[0]!r}.")
    return torch.from_numpy(rows)


def random_stretch(starts, lengths, crop: int, generator):
    """Where a random stretch of `crop` begins in each utterance, and how long it is; short ones are kept whole."""
    room = (lengths - crop).clamp(min=0)
    draw = torch.rand(len(lengths), generator=generator, dtype=torch.float64)
    return starts + (draw * (room + 1)).long(), lengths.clamp(max=crop)


def gather(values, starts, lengths, width: int, device) -> torch.Tensor:
    """Rows values[start : start + length] as (B, width, …), zero past each length.

    On an accelerator that holds `values` this is one gather; in main memory copying slices is several times faster.
    """
    if values.device.type != "cpu":
        time = torch.arange(width, device=values.device)
        index = (starts.to(values.device)[:, None] + time).clamp(max=len(values) - 1)
        inside = time < lengths.to(values.device)[:, None]
        return values[index] * inside.reshape(*inside.shape, *[1] * (values.ndim - 1))
    x = torch.zeros(len(starts), width, *values.shape[1:], dtype=values.dtype)
    for row, start, length in zip(x, starts.tolist(), lengths.tolist(), strict=True):
        row[:length] = values[start : start + length]
    return x.to(device, non_blocking=True)


def buckets(lengths: torch.Tensor, batch_size: int, most: int = 16_000 * 60 * 16) -> list[torch.Tensor]:
    """Positions sorted by length and cut into batches of at most `batch_size` rows and `most` padded samples."""
    batches, batch = [], []
    for i in torch.argsort(lengths, stable=True).tolist():
        if batch and (len(batch) == batch_size or (len(batch) + 1) * int(lengths[i]) > most):
            batches.append(torch.tensor(batch))
            batch = []
        batch.append(i)
    return batches + [torch.tensor(batch)] if batch else batches


def shuffled_buckets(lengths: torch.Tensor, size: int, generator: torch.Generator, pool: int = 16) -> list:
    """One epoch's batches of positions, each of `size` utterances of similar length, in random order.

    Sixteen batches' worth of shuffled utterances are sorted by length at a time, so that little is padded and who
    meets whom is drawn anew every epoch. The incomplete last batch is dropped (it comes up in another epoch).
    """
    order = torch.randperm(len(lengths), generator=generator)
    order = order[: len(order) // size * size]
    batches = []
    for part in order.split(pool * size):
        batches += list(part[torch.argsort(lengths[part], stable=True)].split(size))
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
