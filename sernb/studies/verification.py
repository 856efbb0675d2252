"""Verifying emotions with a trained encoder of paper 5: which are enrolled, who is asked, and what was said."""

import numpy as np
import pandas as pd
import torch

from sernb import enroll
from sernb.studies.enroll_config import UNSEEN, Config

#: Fig. 5: which classes are enrolled from confident utterances only (all annotators agree): (against, unseen).
CONFIDENCE = {
    "confident": (True, True), "less confident": (False, False), "confident neutral": (True, False),
    "confident {unseen}": (False, True),
}  # fmt: skip


def unseen(config: Config, material) -> list[str]:
    """Emotions to verify: the configured ones; else UNSEEN of the corpus, or all, as far as they are no class."""
    _, queries = material.pools(config.fold)
    there = set(material.table.loc[queries, "asked"])
    if config.unseen:
        names = config.unseen.split("+")
        if set(names) - there:
            raise ValueError(
                f"unseen {config.unseen!r}: test speakers have {', '.join(sorted(there))}; nothing else can be verified."
            )
        return names
    usual = UNSEEN.get(config.enrol_corpus or config.corpus, "+".join(sorted(there))).split("+")
    return [name for name in usual if name in there - set(material.classes)]


def asked(
    config: Config,
    material,
    embeddings: pd.DataFrame,
    *,
    against: str | None = None,
    names: list[str] | None = None,
    enrolled: int | None = None,
    draws: int | None = None,
    confidence: str | None = None,
) -> pd.DataFrame:
    """Two-class verifications of one fold: a row a task and query, a column a draw.

    `embeddings` by utterance; `names` are verified `against` an emotion, with `enrolled` utterances of each, `draws`
    times (None: as configured); `confidence` is one of CONFIDENCE, None: whatever the annotators said. Columns: speaker,
    emotion, task "neutral | fear", fold, d0, d1 … (True: verified as the unseen emotion), predicted (the majority).

    Raises ValueError for too few utterances to enrol, or for what `enroll.check` refuses.
    """
    against, names = against or config.against, names or unseen(config, material)
    frames = []
    for place, name in enumerate(names):
        generator = np.random.default_rng([config.seed, config.fold, place])
        pools = [_pool(material, config.fold, part, (against, name)) for part in (0, 1)]
        candidates = _confident(pools[0], confidence, against, name)
        queries = pools[1]
        enroll.check(
            material.table, pools[0].index, queries.index, material.whole[config.fold].shared_speakers
        )
        x = torch.tensor(embeddings.loc[pools[0].index].to_numpy())
        rows = {e: pools[0].index.get_indexer(ids) for e, ids in candidates.items()}
        rows = enroll.draw(rows, enrolled or config.enrolled, draws or config.draws, generator)
        said = enroll.verify(x, rows, torch.tensor(embeddings.loc[queries.index].to_numpy())).astype(
            bool
        )  # (draws, Q)
        frame = queries[["speaker", "asked"]].rename(columns={"asked": "emotion"})
        frame = frame.assign(task=f"{against} | {name}", fold=material.whole[config.fold].name)
        frame["predicted"] = np.where(2 * said.sum(0) > len(said), name, against)
        frames.append(frame.join(pd.DataFrame(said.T, frame.index).add_prefix("d")))
    return pd.concat(frames)


def _pool(material, fold, part, names):
    """Rows of the table to enrol from (part 0) or to ask (1) of two emotions."""
    rows = material.table.loc[material.pools(fold)[part]]
    return rows[rows["asked"].isin(names)]


def _confident(pool, confidence, against, name):
    """Candidates by emotion; of a confidence group only those on which all annotators agree, or only the others."""
    ids = {emotion: pool.index[pool["asked"] == emotion] for emotion in (against, name)}
    if confidence is None:
        return ids
    if pool["agreement"].isna().all():
        raise ValueError("the corpus does not say how far its annotators agreed; see the column `agreement`.")
    wanted = dict(zip((against, name), CONFIDENCE[confidence], strict=True))
    clear = pool["agreement"] == 1
    fair = pool["agreement"] >= 0.5  # below, the paper leaves out
    return {e: of[(clear if wanted[e] else fair & ~clear)[of]] for e, of in ids.items()}


def available(material, folds, confidence, against: str, name: str) -> int:
    """How many utterances of either emotion every one of `folds` has to enrol, of a confidence group or (None) of all."""
    few = (_confident(_pool(material, f, 0, (against, name)), confidence, against, name) for f in folds)
    return min(len(ids) for of in few for ids in of.values())


def angles(config: Config, material, embeddings: pd.DataFrame, names=None, against=None) -> pd.DataFrame:
    """Fig. 3: 180° · D_neu / (D_neu + D_k) of every query, prototypes from all that may be enrolled.

    Columns emotion (the target), truth ("target" or the emotion verified against), angle.
    """
    against, frames = against or config.against, []
    for name in names or [c for c in material.classes if c != against] + unseen(config, material):
        pool, queries = (_pool(material, config.fold, part, (against, name)) for part in (0, 1))
        means = embeddings.loc[pool.index].groupby(pool["asked"]).mean().loc[[against, name]]
        x = torch.tensor(embeddings.loc[queries.index].to_numpy())
        near = enroll.distances(torch.tensor(means.to_numpy())[None], x)[0].clamp(min=0).numpy()  # (Q, 2)
        angle = 180 * near[:, 0] / near.sum(1)
        truth = np.where(queries["asked"] == name, "target", against)
        frames.append(pd.DataFrame({"emotion": name, "truth": truth, "angle": angle}, queries.index))
    return pd.concat(frames)
