"""Enrol and verify: an emotion is the mean embedding of a few utterances, and a query is the nearest one (paper 5).

P̄_k = (1 / N_P) Σ_i P_{k,i},   D_{q,k} = 1 − cos(P_q, P̄_k),   prediction argmin_k D_{q,k}

Which utterances are enrolled decides much of the result, so an experiment draws them many times; all draws are judged
in one matrix product. `Verifier` is the same for a user: enrol a class from a folder of files, verify a file.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

AUDIO = {".wav", ".flac"}


def draw(candidates: Mapping[str, Sequence[int]], n: int, draws: int, generator: np.random.Generator):
    """`draws` times `n` of every class's candidates, none twice in a draw: rows (draws, classes, n), int64.

    Raises ValueError naming a class with fewer candidates than n.
    """
    chosen = []
    for name, rows in candidates.items():
        if len(rows) < n:
            raise ValueError(
                f"{n} utterances of {name!r} are to be enrolled, there are {len(rows)}. Enrol fewer, or from more speakers."
            )
        order = generator.random((draws, len(rows))).argpartition(n - 1, axis=1)[:, :n]
        chosen.append(np.asarray(rows)[order])
    return np.stack(chosen, axis=1).astype(np.int64)


def check(table: pd.DataFrame, enrolled, queries, shared_speakers: bool = False) -> None:
    """Refuse what would flatter: raise ValueError where an utterance is enrolled and asked, or a speaker is.

    `table` has `speaker` by utterance; `shared_speakers` declares that enrolled speakers are also asked (MELD).
    """
    enrolled, queries = pd.Index(enrolled), pd.Index(queries)
    both = enrolled.intersection(queries)
    if len(both):
        raise ValueError(f"{len(both)} utterances are enrolled and also queries, e.g. {both[0]!r}.")
    speakers = [set(table.loc[ids, "speaker"].dropna()) for ids in (enrolled, queries)]
    shared = speakers[0] & speakers[1]
    if shared and not shared_speakers:
        raise ValueError(
            f"{len(shared)} speakers are enrolled from and also asked, e.g. {min(shared)!r}. Enrol from others, or declare "
            "shared_speakers=True."
        )


def prototypes(embeddings: torch.Tensor, rows) -> torch.Tensor:
    """Means over the enrolled: (utterances, features), rows (draws, classes, n) → (draws, classes, features)."""
    rows = torch.as_tensor(rows)
    means = F.embedding_bag(rows.reshape(-1, rows.shape[2]), embeddings.float(), mode="mean")
    return means.reshape(*rows.shape[:2], -1)


def distances(enrolled: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """Cosine distances 1 − cos ∈ [0, 2]: (draws, classes, F), (queries, F) → (draws, queries, classes)."""
    draws, classes, features = enrolled.shape
    cosine = F.normalize(enrolled.float().reshape(-1, features)) @ F.normalize(queries.float()).T
    return 1 - cosine.reshape(draws, classes, -1).transpose(1, 2)


def verify(embeddings: torch.Tensor, rows, queries: torch.Tensor, most: int = 20_000_000) -> np.ndarray:
    """The nearest enrolled class of every query in every draw: (draws, queries), int8; the first of equals.

    `rows` (draws, classes, n) are positions in `embeddings`. One product of all embeddings and all queries serves every
    draw, cos(P_q, P̄_k) = mean_i P_{k,i}ᵀ P̂_q / ‖P̄_k‖; draws go through in groups of at most `most` cosines.
    """
    rows = torch.as_tensor(rows)
    product = embeddings.float() @ F.normalize(queries.float()).T  # (utterances, queries)
    lengths = prototypes(embeddings, rows).norm(dim=2, keepdim=True)  # (draws, classes, 1)
    size = max(1, most // max(1, rows.shape[1] * len(queries)))
    pairs = zip(rows.split(size), lengths.split(size), strict=True)
    return torch.cat([(prototypes(product, r) / of).argmax(1).to(torch.int8) for r, of in pairs]).numpy()


class Verifier:
    """Enrolled emotions, for a user. `encode` maps a list of audio files to embeddings (files, features).

    >>> verifier = Verifier(enroll_to_verify.restored(config).encode)
    >>> verifier.enrol("frustration", "recordings/frustrated"); verifier.enrol("neutral", "recordings/neutral")
    >>> verifier.verify("call.wav")
    """

    def __init__(self, encode: Callable[[list[Path]], torch.Tensor]):
        self.encode, self.enrolled, self.contents = encode, {}, {}

    def enrol(self, name: str, files) -> int:
        """Enrol a class from a folder (its .wav and .flac files) or a list of files; returns how many.

        Raises FileNotFoundError for a folder without audio, ValueError for a file that another class was enrolled from.
        """
        files = (
            sorted(f for f in Path(files).iterdir() if f.suffix.lower() in AUDIO) if _folder(files) else files
        )
        files = [Path(f) for f in files]
        if not files:
            raise FileNotFoundError(
                f"{name!r}: expected {' or '.join(sorted(AUDIO))} files to enrol, found none."
            )
        for file in files:
            of = self.contents.setdefault(_content(file), name)
            if of != name:
                raise ValueError(f"{file} is enrolled as {of!r} and cannot be {name!r} too.")
        self.enrolled[name] = self.encode(files).float().mean(0)
        return len(files)

    def verify(self, file) -> pd.Series:
        """Cosine distance of a file to every enrolled class, the nearest first.

        Raises ValueError for fewer than two classes, or a file that was enrolled (by content).
        """
        if len(self.enrolled) < 2:
            raise ValueError(f"verifying needs two enrolled classes or more, found {list(self.enrolled)}.")
        if (of := self.contents.get(_content(Path(file)))) is not None:
            raise ValueError(f"{file} was enrolled as {of!r}: its distance to itself says nothing.")
        centres = torch.stack(list(self.enrolled.values()))[None]
        found = distances(centres, self.encode([Path(file)]))[0, 0]
        return pd.Series(found.tolist(), list(self.enrolled), name=str(file)).sort_values()


def _folder(files) -> bool:
    return isinstance(files, str | Path) and Path(files).is_dir()


def _content(file: Path) -> str:
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "blake2b").hexdigest()
