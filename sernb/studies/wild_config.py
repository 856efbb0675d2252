"""The configurations of paper 4's study: every hyper-parameter, the approaches and their sets of attributes."""

from dataclasses import dataclass
from itertools import combinations

from sernb.studies import presets

APPROACHES = ("MTL", "GR", "AD")
ATTRIBUTES = ("corpus", "gender", "speaker", "language")
#: Every set of attributes, from the single ones to all four.
SETS = tuple("+".join(of) for n in range(1, 5) for of in combinations(ATTRIBUTES, n))
#: α of equations 1 to 3 (section 4.2): GR's rises to it linearly over the epochs.
ALPHA = {"MTL": 0.1, "GR": 0.5, "AD": 0.5}


@dataclass(frozen=True)
class Config:
    """One training. The defaults are the paper's hyper-parameters (section 4.2); where it is silent, see NOTES."""

    data: str = "real"
    preset: str = "paper"
    corpus: str = "emovo+emodb+iemocap+epst+ravdess+savee"
    unseen: str = "tess+crema_d"
    classes: str = "three"  # see labels.THREE
    fold: int = 0  # the seed that draws 80/10/10 of the hours, speakers disjoint
    seed: int = 0
    model: str = "base"  # or "svm"
    approach: str = "baseline"  # or one of APPROACHES
    attributes: str = ""  # names joined by +
    n_mels: int = 40
    normalisation: str = "utterance"
    crop: float = 4.0  # seconds; silent
    width: float = 1.0
    embedding: int = 512  # silent: with the other widths it gives the printed number of parameters
    dropout: float = 0.5
    frequency_mask: int = 3
    time_mask: int = 30
    masks: int = 1
    warp_time: float = 0.0
    warp_frequency: float = 0.0
    epochs: int = 150
    batch_size: int = 64  # silent
    optimiser: str = "sgd"  # momentum 0.9
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    schedule: str = "constant"
    select: str = "best"
    average: float = 0.0
    patience: int | None = 30  # silent
    shuffle_labels: bool = False

    @classmethod
    def of(cls, preset: str = "quick", **overrides) -> "Config":
        """A preset with overrides; see presets.of."""
        return presets.of(cls, PRESETS, preset, overrides)


#: What each preset overrides. `paper` overrides nothing.
PRESETS = {
    "quick": {
        "data": "stand-in", "corpus": "emovo+emodb+savee", "unseen": "tess", "width": 0.25, "epochs": 24,
        "batch_size": 16, "crop": 2.0, "dropout": 0.2, "optimiser": "adamw", "learning_rate": 1.5e-3, "schedule": "cosine",
        "patience": None,
    },
    # at the paper's rate the validation curve still rises after 40 epochs; at this one it is flat
    "reduced": {
        "width": 0.5, "epochs": 30, "batch_size": 32, "crop": 3.0, "optimiser": "adamw", "learning_rate": 1e-3,
        "schedule": "cosine", "select": "last", "patience": None,
    },
    "paper": {},
}  # fmt: skip
