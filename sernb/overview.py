"""What corpora hold, before any model: counts, levels, clips to listen to, maps in two dimensions."""

import base64
import io

import numpy as np
import pandas as pd
import soundfile

LEAST = 1 / 32768  # of full scale: one step of 16 bits, -90.3 dBFS; digital silence counts as that


def levels(packed) -> pd.DataFrame:
    """Levels of every utterance in dBFS, 0 dBFS being a constant at full scale (a full-scale sine has -3.0).

    level  20 log10 of the root mean square over the whole utterance, pauses included
    peak   20 log10 of the largest sample
    floor  the level that a tenth of the utterance's 25 ms frames stay below: its pauses, the room and the noise
    """
    width = round(0.025 * packed.rate)
    rows = []
    for start, end in zip(packed.offsets[:-1], packed.offsets[1:], strict=True):
        x = packed.samples[start:end].astype(np.float64) / 32768
        frames = x[: len(x) // width * width].reshape(-1, width) if len(x) >= width else x[None]
        quiet = np.quantile(np.sqrt(np.square(frames).mean(1)), 0.1)
        rows.append((np.sqrt(np.square(x).mean()), np.abs(x).max(), quiet))
    values = 20 * np.log10(np.maximum(rows, LEAST))
    return pd.DataFrame(values, packed.ids, columns=["level", "peak", "floor"])


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per corpus, in the table's order; needs the columns of `levels` beside the table's own.

    `rarest` and `commonest` are shares of the labelled utterances in %; durations and levels are medians.
    """
    rows = {}
    for corpus, part in table.groupby("corpus", sort=False):
        speakers = part.dropna(subset="speaker").drop_duplicates("speaker")["gender"]
        seconds, shares = part["end"] - part["start"], part["emotion"].value_counts(normalize=True)
        rows[corpus] = {
            "language": ", ".join(sorted(part["language"].dropna().unique())), "utterances": len(part),
            "women": (speakers == "female").sum(), "men": (speakers == "male").sum(),
            "gender unknown": speakers.isna().sum(), "minutes": seconds.sum() / 60, "seconds": seconds.median(),
            "emotions": len(shares), "rarest / %": 100 * shares.min(), "commonest / %": 100 * shares.max(),
            **{f"{name} / dBFS": part[name].median() for name in ("level", "peak", "floor")},
        }  # fmt: skip
    return pd.DataFrame(rows).T.rename_axis("corpus").infer_objects()


def examples(table: pd.DataFrame, emotions, corpora: int = 4) -> pd.DataFrame:
    """The same emotions in several languages: rows emotions, columns corpora, cells utterance ids.

    One corpus per language, up to `corpora` of them, filled up with others. An example is spoken by a woman where
    there is one, and has its group's median duration. An emotion that one of the corpora lacks is left out.
    """
    each = table.drop_duplicates("corpus")
    firsts = each[~each["language"].duplicated() | each["language"].isna()]["corpus"]
    chosen = list(dict.fromkeys([*firsts, *each["corpus"]]))[:corpora]
    found = {
        c: {e: _typical(table[(table["corpus"] == c) & (table["emotion"] == e)]) for e in emotions}
        for c in chosen
    }
    return pd.DataFrame(found).reindex(emotions).dropna()


def _typical(group):
    if group.empty:
        return np.nan
    group = group[group["gender"] == "female"] if (group["gender"] == "female").any() else group
    return (group["end"] - group["start"]).sort_values(kind="stable").index[(len(group) - 1) // 2]


def speech(x: np.ndarray, rate: int, seconds: float | None = None) -> np.ndarray:
    """An utterance without the silence around it (10 ms frames 35 dB below the loudest), its peak at half of full scale.

    With `seconds`, at most its first ones.
    """
    width = rate // 100
    frames = np.sqrt(np.square(x[: len(x) // width * width].reshape(-1, width)).mean(1))
    heard = np.flatnonzero(frames > frames.max() * 10 ** (-35 / 20))
    x = x[heard[0] * width : (heard[-1] + 1) * width]
    x = x if seconds is None else x[: round(seconds * rate)]
    return x / (2 * np.abs(x).max())


def player(x: np.ndarray, rate: int) -> str:
    """A player in HTML, waveform inside as MP3: a second of 16 kHz takes about 3 KB, as WAV it would take 32 KB."""
    file = io.BytesIO()
    soundfile.write(file, x, rate, format="MP3")
    coded = base64.b64encode(file.getvalue()).decode()
    return f'<audio controls style="width:13em" src="data:audio/mpeg;base64,{coded}"></audio>'


def players(clips: pd.DataFrame, rate: int) -> str:
    """An HTML table of players; cells are waveforms."""
    return clips.map(lambda x: player(x, rate)).to_html(escape=False, border=0)


def in_two_dimensions(x, method: str, seed: int) -> np.ndarray:
    """t-SNE (perplexity 30) or UMAP (15 neighbours) of 50 principal components: (N, F) → (N, 2).

    Expects features of one scale. Both keep neighbourhoods; distances between far groups say little.
    """
    from sklearn.decomposition import PCA

    n, width = np.shape(x)
    x = PCA(min(50, n - 1, width), random_state=seed).fit_transform(x)
    if method == "t-SNE":
        from sklearn.manifold import TSNE

        return TSNE(perplexity=min(30, (n - 1) / 3), init="pca", random_state=seed).fit_transform(x)
    if method == "UMAP":
        from umap import UMAP

        return UMAP(n_neighbors=min(15, n - 1), random_state=seed, n_jobs=1).fit_transform(x)
    raise ValueError(f"method {method!r} is unknown; there are 't-SNE' and 'UMAP'.")


def same_neighbours(x, labels: pd.Series, k: int = 10) -> tuple[float, float]:
    """Share of an utterance's k nearest others that have its label, and that share for others drawn at random.

    In 0…1; utterances without a label are left out.
    """
    from sklearn.neighbors import NearestNeighbors

    known = labels.notna().to_numpy()
    codes = pd.factorize(labels[known])[0]
    nearest = NearestNeighbors(n_neighbors=k).fit(np.asarray(x)[known]).kneighbors(return_distance=False)
    counts = np.bincount(codes)
    chance = (counts * (counts - 1)).sum() / (len(codes) * (len(codes) - 1))
    return float((codes[nearest] == codes[:, None]).mean()), float(chance)
