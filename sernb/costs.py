"""What the papers' full grids cost: their trainings and hours of audio, over what was measured of one training."""

from dataclasses import dataclass

import pandas as pd

from sernb import paths


@dataclass(frozen=True)
class Grid:
    """Trainings that a table or figure needs: how many, over how many epochs, with how many hours of audio in each.

    `stage` names the row of `measured` whose speed they have. Hours are those of the training part.
    """

    paper: int
    what: str
    stage: str
    trainings: int
    epochs: int
    hours: float


_IEMOCAP = (83 + 126 + 111 + 99) / 60  # four classes, by paper 2's table of minutes
_EMODB = 535 * 2.78 / 3600  # utterances by their mean duration
_FIVE = (
    _IEMOCAP + (408 * 2.78 + 420 * 3.1 + 1000 * 1.9 + 864 * 3.7) / 3600
)  # EMO-DB, EMOVO, CASIA, RAVDESS: five classes
_MSP = 0.6 * 67_929 * 5.7 / 3600  # v1.10 in four classes, its training part
_CREMAD = 0.7 * 5606 * 2.54 / 3600
_WILD = 705 / 60  # as the paper prints it
_MELD = 8245 * 3.1 / 3600
GRIDS = (
    Grid(1, "IEMOCAP: ten folds, four models, other kernels", "MSAC-SERNet", 50, 100, 0.8 * _IEMOCAP),
    Grid(1, "EMO-DB: ten folds, four models, other kernels", "MSAC-SERNet", 50, 100, 0.8 * _EMODB),
    Grid(1, "five corpora: five draws, ten models, two more normalisations of two", "MSAC-SERNet", 70, 100, 0.9 * _FIVE),
    Grid(2, "stage 1, five folds", "GMP-ATL", 5, 20, 0.8 * _IEMOCAP),
    Grid(2, "stage 2, five folds, eight layers", "GMP-ATL", 40, 20, 0.8 * _IEMOCAP),
    Grid(2, "stage 3, five folds: four rows of Table 3, seven more layers", "GMP-ATL", 55, 30, 0.8 * _IEMOCAP),
    Grid(3, "Figures 2 and 3: A, D, five rates", "CNN14", 10, 30, _MSP),
    Grid(3, "Figures 2 and 3: B, ten folds, five rates, scrambled or not", "CNN14", 100, 30, 0.8 * _IEMOCAP),
    Grid(3, "Figures 2 and 3: C, E, ten folds, five rates, C scrambled too", "CNN14", 150, 30, _MSP + 0.8 * _IEMOCAP),
    Grid(3, "Table 1: CREMA-D at five rates", "CNN14", 5, 30, _CREMAD),
    Grid(3, "Table 1: 16 settings on IEMOCAP in ten folds", "CNN14", 160, 30, 0.8 * _IEMOCAP),
    Grid(4, "46 models", "CNN-LSTM", 46, 150, _WILD),
    Grid(5, "IEMOCAP: ten folds of eight losses, without cross-entropy, eight margins, six encoders, three class sets", "GRU-transformer", 290, 100, 0.8 * _IEMOCAP),
    Grid(5, "MELD: the same", "GRU-transformer", 29, 100, _MELD),
)  # fmt: skip


def measured() -> pd.DataFrame:
    """What `speed_papers` measured, kept under figures/real: stage, device, speed in hours of audio an hour."""
    file = paths.FIGURES / "real" / "costs.csv"
    return pd.read_csv(file) if file.exists() else pd.DataFrame(columns=["stage", "device", "speed"])


def table(speeds: pd.DataFrame | None = None) -> pd.DataFrame:
    """Hours of every paper's full grid at the `paper` preset, per device; NaN where a stage was not measured there."""
    speeds = measured() if speeds is None else speeds
    speed = speeds.pivot_table("speed", "stage", "device") if len(speeds) else pd.DataFrame()
    rows = []
    for grid in GRIDS:
        row = {
            "paper": grid.paper,
            "trainings": grid.trainings,
            "hours of audio": grid.trainings * grid.epochs * grid.hours,
        }
        for device in speed:
            row[f"hours on {device}"] = row["hours of audio"] / speed[device].get(grid.stage, float("nan"))
        rows.append(row)
    return pd.DataFrame(rows).groupby("paper").agg(lambda of: of.sum(skipna=False))
