"""Speed of the pseudo-labels' k-means beside scikit-learn's: same frames, threads, batch, restarts and number of steps."""

import statistics
import time

import pandas as pd
import torch
from sklearn.cluster import MiniBatchKMeans

from sernb import audio, heap, pseudo_labels
from sernb.models import self_supervised

K, WIDTH = 512, 768  # clusters of paper 2's middle scale; features of a frame of HuBERT-base
WAYS = ("ours, fp32", "ours, bf16", "scikit-learn")


def speech(packed: audio.Pack, width: int = WIDTH) -> torch.Tensor:
    """Frames of speech (N, width) float32, 50 a second: the last layer of an encoder whose weights are random.

    Its front end begins as a filter bank, so they lie as unevenly as speech does; noise would have no clusters.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = self_supervised.small(width, layers=1).eval()
    waves, found = audio.Waves(packed), []
    with torch.no_grad():
        for rows in audio.buckets(waves.lengths, 16):
            x, frames = encoder(*waves.batch(rows))
            found += [of[:n] for of, n in zip(x, frames.tolist(), strict=True)]
    return torch.cat(found)


def measure(
    frames: torch.Tensor, k: int, recipe: pseudo_labels.Recipe, rounds: int = 3, on="cpu"
) -> pd.DataFrame:
    """Seconds and inertia of each way, in alternating rounds with seeds of their own; the median round counts.

    No way stops early, so that all of them take the same number of batches. `frames` (N, D) float32 in main memory:
    scikit-learn needs them so. One row a way: seconds, mean inertia, ratio of both to scikit-learn's.
    """
    seconds, inertias = {way: [] for way in WAYS}, {way: [] for way in WAYS}
    for seed in range(rounds):
        for way in WAYS:
            started = time.perf_counter()
            centres = (
                _theirs(frames, k, recipe, seed)
                if way == WAYS[-1]
                else _ours(frames, k, recipe, seed, way, on)
            )
            seconds[way].append(time.perf_counter() - started)
            inertias[way].append(pseudo_labels.inertia(frames, centres, on))
    rows = {
        way: {
            "seconds": statistics.median(seconds[way]), "inertia": statistics.mean(inertias[way]),
            "frames/s": recipe.passes * len(frames) / statistics.median(seconds[way]),
        }
        for way in WAYS
    }  # fmt: skip
    table, theirs = pd.DataFrame(rows).T.rename_axis("way"), rows[WAYS[-1]]
    table["… times as fast as scikit-learn"] = theirs["seconds"] / table["seconds"]
    table["inertia / scikit-learn's"] = table["inertia"] / theirs["inertia"]
    return table


def _ours(frames, k, recipe, seed, way, on):
    whole = pseudo_labels.Recipe(recipe.batch, recipe.passes, recipe.restarts, 10**9, half="bf16" in way)
    return pseudo_labels.fit(frames, k, torch.Generator().manual_seed(seed), whole, on)


def _theirs(frames, k, recipe, seed):
    machine = MiniBatchKMeans(
        k, batch_size=recipe.batch, max_iter=int(recipe.passes), n_init=recipe.restarts, max_no_improvement=None,
        reassignment_ratio=0.0, compute_labels=False, random_state=seed,
    )  # fmt: skip
    return torch.from_numpy(machine.fit(frames.numpy()).cluster_centers_)


def memory(k: int, width: int, sizes, recipe: pseudo_labels.Recipe, folder) -> pd.DataFrame:
    """Largest growth of this process's own memory in MiB while frames of several sizes are clustered from disk.

    Pages of the file that the system keeps are not counted: it takes them back when they are needed elsewhere. Linux
    only, since it asks /proc.
    """
    rows = []
    for n in sizes:
        with pseudo_labels.OnDisk(folder / f"{n}.f16", width) as out:
            generator = torch.Generator().manual_seed(0)
            for start in range(0, n, 100_000):
                out.add(torch.randn(min(100_000, n - start), width, generator=generator))
        before, most = heap.own("RssAnon"), 0
        frames = out.read()
        nearest = pseudo_labels._nearest

        def watched(*arguments, nearest=nearest, before=before):
            nonlocal most
            found = nearest(*arguments)
            most = max(most, heap.own("RssAnon") - before)
            return found

        pseudo_labels._nearest = watched
        try:
            pseudo_labels.fit(frames, k, torch.Generator().manual_seed(0), recipe)
        finally:
            pseudo_labels._nearest = nearest
        rows.append({"frames": n, "on disk / MiB": 2 * n * width / 2**20, "own memory / MiB": most / 2**20})
    return pd.DataFrame(rows)
