"""Episodes: batches with the same number of utterances of every class, as metric learning wants them."""

import torch


def per_epoch(utterances: int, n: int, classes: int) -> int:
    """Episodes of an epoch: training utterances / (N·K), at least one. Paper 5 leaves it open."""
    return max(1, utterances // (n * classes))


def episodes(codes: torch.Tensor, n: int, count: int, generator: torch.Generator):
    """`count` episodes: positions (K·N,) with N utterances of each class, none twice, drawn anew for every episode.

    `codes` (utterances,) int64 are the classes; negative ones belong to none and are never drawn. Raises ValueError
    where a class has fewer than N.
    """
    members = [(codes == c).nonzero().flatten() for c in codes[codes >= 0].unique()]
    for rows in members:
        if len(rows) < n:
            raise ValueError(
                f"class {int(codes[rows[0]])} has {len(rows)} training utterances; an episode needs {n}. Take a smaller N, "
                "or leave the class out."
            )
    for _ in range(count):
        yield torch.cat([rows[torch.randperm(len(rows), generator=generator)[:n]] for rows in members])
