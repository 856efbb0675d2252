"""Enrolling by hand: which utterances, how many, how much nearer; every query is verified at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from sernb import enroll, metrics, store
from sernb.explore import lookup
from sernb.studies import enroll_to_verify, recognition, verification


@dataclass(frozen=True)
class Trial:
    """What may be enrolled, who is asked, and the embeddings of both. `table` has the column `asked`, the emotion."""

    embeddings: pd.DataFrame
    table: pd.DataFrame
    candidates: pd.Index
    queries: pd.Index
    against: str
    unseen: list[str]

    @classmethod
    def of(cls, result: store.Result, material=None) -> "Trial":
        """Of a stored run of paper 5: enrolled from its fold's validation speakers, asked of its test speakers.

        Raises FileNotFoundError for a frozen run, ValueError for another study's, or where no emotion is unseen.
        """
        if result.meta["study"] != enroll_to_verify.NAME:
            raise ValueError(
                f"{result.meta['study']} enrols nothing; expected a run of {enroll_to_verify.NAME}."
            )
        config = recognition.config(enroll_to_verify.Config, result.config)
        material = lookup.material(result) if material is None else material
        names = verification.unseen(config, material)
        if not names:
            raise ValueError(f"{config.corpus}: every emotion of the test speakers was trained on.")
        candidates, queries = material.pools(config.fold)
        shared = material.whole[config.fold].shared_speakers
        enroll.check(material.table, candidates, queries, shared)
        found = enroll_to_verify.embeddings(result)
        return cls(found, material.table, candidates, queries, config.against, names)

    @classmethod
    def among(cls, encode: Callable, table: pd.DataFrame, against: str = "neutral", speakers=None) -> "Trial":
        """Of any table whose rows are whole files, through `encode`: files → embeddings (files, features).

        `speakers` are enrolled from, None: every second one; all others are asked. Raises ValueError for a table of
        segments, too few speakers, or without `against` and another emotion.
        """
        table = table[table["emotion"].notna()].assign(asked=lambda t: t["emotion"])
        if table["file"].duplicated().any():
            raise ValueError("the encoder takes whole files; this table cuts several utterances out of one.")
        names = sorted(table["speaker"].dropna().unique())
        if len(names) < 2:
            raise ValueError(
                f"enrolling needs two speakers or more, one to enrol and one to ask; found {names}."
            )
        own = table["speaker"].isin(names[::2] if speakers is None else speakers)
        others = [e for e in sorted(table["asked"].unique()) if e != against]
        if against not in set(table["asked"]) or not others:
            raise ValueError(f"there is no {against!r} to verify against, or nothing else.")
        candidates, queries = table.index[own], table.index[~own & table["speaker"].notna()]
        enroll.check(table, candidates, queries)
        embeddings = pd.DataFrame(np.asarray(encode(table["file"].tolist())), table.index)
        return cls(embeddings, table, candidates, queries, against, others)

    def pool(self, emotion: str) -> pd.Index:
        """Utterances of an emotion that may be enrolled."""
        return self.candidates[self.table.loc[self.candidates, "asked"] == emotion]

    def most(self, emotion: str) -> int:
        """So many utterances can be enrolled of this emotion and of the one it is verified against."""
        return min(len(self.pool(e)) for e in (emotion, self.against))

    def draw(self, emotion: str, n: int, seed: int) -> dict[str, pd.Index]:
        """`n` utterances of each of the two emotions at random."""
        pools = {e: self.pool(e) for e in (self.against, emotion)}
        rows = enroll.draw(
            {e: np.arange(len(ids)) for e, ids in pools.items()}, n, 1, np.random.default_rng(seed)
        )
        return {e: ids[np.sort(of)] for (e, ids), of in zip(pools.items(), rows[0], strict=True)}

    def verify(self, emotion: str, enrolled: Mapping[str, pd.Index], margin: float = 0.0) -> pd.DataFrame:
        """Every query of the two emotions: speaker, emotion (truth), `nearer`, predicted.

        `nearer` = D_against − D_unseen, cosine distances to the two prototypes; what exceeds the margin is verified as the
        unseen emotion. A margin of 0 is the paper's rule. Raises ValueError where one of the two has nothing enrolled.
        """
        names = [self.against, emotion]
        if empty := [e for e in names if not len(enrolled[e])]:
            raise ValueError(f"nothing is enrolled as {', '.join(empty)}.")
        frame = self._asked(emotion)
        means = np.stack([self.embeddings.loc[enrolled[e]].mean().to_numpy() for e in names])
        away = enroll.distances(torch.tensor(means)[None], self._of(frame.index))[0].numpy()
        frame["nearer"] = away[:, 0] - away[:, 1]
        frame["predicted"] = np.where(frame["nearer"] > margin, emotion, self.against)
        return frame

    def by_chance(self, emotion: str, n: int, margin: float, seed: int, draws: int = 200) -> np.ndarray:
        """UAR in % of so many random enrolments of `n` utterances each: what the choice of utterances is worth."""
        frame, pools = self._asked(emotion), [self.pool(e) for e in (self.against, emotion)]
        ids = pools[0].append(pools[1])
        rows = {0: np.arange(len(pools[0])), 1: len(pools[0]) + np.arange(len(pools[1]))}
        rows = enroll.draw(rows, n, draws, np.random.default_rng(seed))
        away = enroll.distances(enroll.prototypes(self._of(ids), rows), self._of(frame.index)).numpy()
        said = away[:, :, 0] - away[:, :, 1] > margin  # (draws, queries)
        truth = (frame["emotion"] == emotion).to_numpy()
        return 50 * (said[:, truth].mean(1) + (~said[:, ~truth]).mean(1))

    def _asked(self, emotion):
        rows = self.table.loc[self.queries]
        rows = rows[rows["asked"].isin([self.against, emotion])]
        return rows[["speaker", "asked"]].rename(columns={"asked": "emotion"})

    def _of(self, ids):
        return torch.tensor(self.embeddings.loc[ids].to_numpy())


def score(frame: pd.DataFrame) -> float:
    """UAR of a verification in %."""
    return 100 * metrics.uar(frame["emotion"], frame["predicted"])
