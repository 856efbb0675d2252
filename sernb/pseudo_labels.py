"""Pseudo-labels of frames: mini-batch k-means at several scales, on the device, over frames that stay where they lie.

Frames are a tensor (N, D) of any floating type, in main memory, memory-mapped, or on an accelerator; float32 copies
exist of one batch at a time, so memory does not grow with N. The recipe is HuBERT's (batches of 10 000, k-means++,
20 restarts), the algorithm Sculley's (2010) in scikit-learn's variant, which also serves as the oracle.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

CHUNK = 8192  # rows whose distances to all centres are held at once


@dataclass(frozen=True)
class Recipe:
    """How to cluster. `half` takes the inner products in bf16; sums, means and centres stay in float32."""

    batch: int = 10_000
    passes: float = 100  # over all frames at most
    restarts: int = 20  # k-means++ starts, of which the one with the least inertia on a fresh sample is kept
    patience: int = 100  # batches without a better smoothed inertia
    half: bool = False


def fit(frames: torch.Tensor, k: int, generator: torch.Generator, recipe: Recipe = Recipe(), on="cpu"):
    """Centres (k, D) in float32 on the CPU that minimise Σ min_j ‖x − c_j‖², by mini-batches.

    Every centre is the mean of the frames that were nearest to it when they came by. One that none came by since
    10 k frames ago is moved to a frame drawn with probability proportional to its squared distance. Raises
    ValueError for fewer frames than centres.
    """
    if len(frames) < k:
        raise ValueError(f"{len(frames)} frames do not make {k} clusters: take more audio or fewer clusters.")
    size = min(recipe.batch, len(frames))
    centres, middle = _start(frames, k, generator, recipe, on)
    weights = torch.zeros(k, device=on)
    seen, since, smoothed, best, waited = torch.zeros(k, device=on), 0, None, math.inf, 0
    share = min(1.0, 2 * size / (len(frames) + 1))  # of the newest batch in the smoothed inertia
    for _ in range(max(1, int(recipe.passes * len(frames) / size))):
        x = _draw(frames, size, generator, on) - middle
        labels, distances = _nearest(x, centres, recipe.half)
        counts = torch.bincount(labels, minlength=k).float()
        sums = torch.zeros_like(centres).index_add_(0, labels, x)
        weights += counts
        centres += (sums - counts[:, None] * centres) / weights.clamp(min=1)[:, None]
        seen, since = seen + counts, since + size
        if since >= 10 * k:
            _reseed(centres, weights, seen == 0, x, distances, generator)
            seen, since = torch.zeros_like(seen), 0
        here = float(distances.mean())
        smoothed = here if smoothed is None else smoothed + share * (here - smoothed)
        best, waited = (smoothed, 0) if smoothed < best else (best, waited + 1)
        if waited >= recipe.patience:
            break
    return (centres + middle).cpu()


def scales(frames, numbers, seed: int, recipe: Recipe = Recipe(), on="cpu") -> dict[int, torch.Tensor]:
    """Centres at several numbers of clusters: number → (number, D). Each has draws of its own."""
    return {
        k: fit(frames, k, torch.Generator().manual_seed(seed * 1_000_003 + k), recipe, on) for k in numbers
    }


def assign(frames: torch.Tensor, centres: torch.Tensor, half: bool = False, on="cpu") -> torch.Tensor:
    """The nearest centre of every frame: (N,) int64 on the CPU."""
    return _pass(frames, centres, half, on)[0]


def inertia(frames: torch.Tensor, centres: torch.Tensor, on="cpu") -> float:
    """Mean of min_j ‖x − c_j‖² over all frames, from float32 distances."""
    return _pass(frames, centres, False, on)[1] / len(frames)


def _pass(frames, centres, half, on):
    middle = centres.float().mean(0).to(on)
    about, labels, total = centres.float().to(on) - middle, [], 0.0
    for i in range(0, len(frames), CHUNK):
        found, distances = _nearest(frames[i : i + CHUNK].to(on).float() - middle, about, half)
        labels.append(found.cpu())
        total += float(distances.double().sum())
    return torch.cat(labels), total


def _nearest(x, centres, half=False):
    """Labels (B,) and squared distances (B,): argmin_j ‖c_j‖² / 2 − x·c_j, and twice that plus ‖x‖²."""
    offsets = centres.square().sum(1) / 2
    found, least = [], []
    columns = centres.bfloat16().T if half else centres.T
    for rows in x.split(CHUNK):
        if half:
            score, label = (offsets - rows.bfloat16() @ columns).min(1)
        else:
            score, label = torch.addmm(offsets, rows, columns, alpha=-1).min(1)
        found.append(label)
        least.append(score)
    return torch.cat(found), (2 * torch.cat(least) + x.square().sum(1)).clamp(min=0)


def _draw(frames, size, generator, on):
    """`size` frames drawn with replacement, in float32. Sorted: neighbours on disk are read together."""
    rows = torch.randint(len(frames), (size,), generator=generator).sort().values
    return frames.index_select(0, rows.to(frames.device)).to(on).float()


def _start(frames, k, generator, recipe, on):
    """The best of some k-means++ starts on samples of three batches (at least 3 k frames), and the frames' middle."""
    size = min(len(frames), max(3 * recipe.batch, 3 * k))
    middle = _draw(frames, size, generator, on).mean(0)
    judged = _draw(frames, size, generator, on) - middle
    best, least = None, math.inf
    for _ in range(recipe.restarts):
        rows = torch.randperm(len(frames), generator=generator)[:size] if len(frames) == size else None
        sample = (
            frames[rows.to(frames.device)].to(on).float()
            if rows is not None
            else _draw(frames, size, generator, on)
        )
        centres = plus_plus(sample - middle, k, generator, recipe.half)
        found = float(_nearest(judged, centres, recipe.half)[1].mean()) if recipe.restarts > 1 else 0.0
        if found < least:
            best, least = centres, found
    return best, middle


def plus_plus(x: torch.Tensor, k: int, generator: torch.Generator, half: bool = False) -> torch.Tensor:
    """k-means++ (Arthur & Vassilvitskii 2007), greedy: of 2 + ln k frames drawn with probability proportional to the
    squared distance, the one that lowers the inertia most becomes the next centre. (N, D) → (k, D). `half` as in Recipe."""
    trials = 2 + int(math.log(k))
    norms, columns = x.square().sum(1), x.bfloat16() if half else x
    centres = torch.empty(k, x.shape[1], device=x.device)
    first = int(torch.randint(len(x), (), generator=generator))
    centres[0] = x[first]
    closest = (norms - 2 * (x @ x[first]) + norms[first]).clamp(min=0)
    draws = torch.rand(k, trials, generator=generator, dtype=torch.float64).to(x.device)
    for i in range(1, k):
        sums = closest.double().cumsum(0)
        tried = torch.searchsorted(sums, draws[i] * sums[-1]).clamp(max=len(x) - 1)
        distances = (norms[tried, None] - 2 * (columns[tried] @ columns.T) + norms).clamp(
            min=0
        )  # (trials, N)
        distances = torch.minimum(distances, closest)
        chosen = distances.sum(1).argmin()
        closest = distances[chosen]
        centres[i] = x[tried[chosen]]
    return centres


def _reseed(centres, weights, empty, x, distances, generator):
    """Empty clusters begin again at far frames, with the least weight that another cluster has."""
    number = min(int(empty.sum()), int((distances > 0).sum()))
    if number == 0:
        return
    rows = torch.multinomial(distances.cpu(), number, generator=generator).to(x.device)
    at = empty.nonzero().flatten()[:number]
    centres[at] = x[rows]
    weights[at] = weights[~empty].min() if (~empty).any() else 0.0


class OnDisk:
    """Rows written one after another into a memory-mapped float16 array in `folder`, and read as a tensor (N, D)."""

    def __init__(self, file, width: int):
        self.file, self.width, self.rows = file, width, 0

    def __enter__(self):
        self.handle = open(self.file, "wb")
        return self

    def __exit__(self, *_):
        self.handle.close()

    def add(self, rows: torch.Tensor) -> None:
        rows.to("cpu", torch.float16).numpy().tofile(self.handle)
        self.rows += len(rows)

    def read(self) -> torch.Tensor:
        values = np.memmap(self.file, np.float16, "r+", shape=(self.rows, self.width))
        return torch.from_numpy(values)
