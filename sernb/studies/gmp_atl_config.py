"""The configurations of paper 2's study: every hyper-parameter, the presets, and the small encoders of our own."""

from dataclasses import dataclass

from sernb.studies import presets


@dataclass(frozen=True)
class Config:
    """One row of Table 3 or 4 on one fold. The defaults are the paper's (section 4.1.2); where it is silent, see NOTES."""

    data: str = "real"
    preset: str = "paper"
    corpus: str = "iemocap"  # or the path of your own CSV
    unseen: str = ""  # no corpus is only tested on here
    classes: str = "four"
    division: str = "session"  # who is left out of a fold: a session, or a speaker
    fold: int = 0
    seed: int = 0
    model: str = "base"  # or "svm": openSMILE emobase functionals and an RBF support vector machine
    encoder: str = "facebook/hubert-base-ls960"  # a hub name, a local directory, or one of OWN
    pretrained_on: str = ""  # of OWN: corpora joined by +, never the one evaluated
    pseudo_labels: bool = True  # stages 1 and 2; without them, stage 3 begins from the encoder as it is
    loss: str = "am_softmax"  # or "softmax": Table 3's "CE"
    scale: float = 30.0  # s of AM-Softmax
    margin: float = 0.2  # m of AM-Softmax
    gender_weight: float = 0.1  # 1 − α_e of equation 1; 0: labels that are not gender-augmented
    layer: int = -3  # whose frames are clustered: an index of transformers' hidden_states
    clustered: str = "stage 1"  # or "pre-trained": whose features; the text says both
    scales: tuple = (64, 512, 4096)
    start: float = 0.08  # share of frames that begin a masked span
    length: int = 10  # frames of a span
    masked: float = 0.05  # share masked in stages 1 and 3: what transformers does when it fine-tunes; silent
    hidden: int = 256  # of the BiLSTM, each direction; silent
    embedding: int = 256  # silent
    normalisation: str = "none"  # of the input: what the encoder does by itself
    crop: float = 8.0  # seconds at most in training; silent
    epochs_1: int = 20  # of stage 1; silent, as are the next two
    epochs_2: int = 20
    epochs: int = 30  # of stage 3
    batch_size: int = 64
    optimiser: str = "adam"
    learning_rate: float = 1e-4  # "initial": how it goes on is silent
    weight_decay: float = 0.0
    schedule: str = "cosine"
    select: str = "best"
    average: float = 0.0
    patience: int | None = None
    checkpointing: bool = False  # activations computed again on the way back: less memory, a third slower
    passes: float = 100.0  # of k-means, as are the next three: HuBERT's
    restarts: int = 20
    cluster_batch: int = 10_000
    half: bool = False  # distances in bf16
    shuffle_labels: bool = False  # a control: nothing may be learned

    @classmethod
    def of(cls, preset: str = "quick", **overrides) -> "Config":
        """A preset with overrides; see presets.of."""
        return presets.of(cls, PRESETS, preset, overrides)


_OWN = {
    "embedding": 64, "hidden": 64, "batch_size": 16, "learning_rate": 5e-4, "crop": 3.0, "restarts": 2,
    "cluster_batch": 4000,
}  # fmt: skip
#: What each preset overrides. `paper` overrides nothing; `reduced` is what two cores without HuBERT's weights can do.
PRESETS = {
    "quick": {
        **_OWN, "data": "stand-in", "corpus": "emodb", "division": "speaker", "encoder": "tiny",
        "pretrained_on": "emovo+savee", "scales": (16, 64, 128), "crop": 2.0, "epochs_1": 5, "epochs_2": 4,
        "epochs": 8, "learning_rate": 1e-3, "passes": 3.0, "restarts": 1,
    },
    "paper": {},
    "reduced": {
        **_OWN, "encoder": "small", "pretrained_on": "ravdess+emovo", "epochs_1": 12, "epochs_2": 8, "epochs": 15,
        "scales": (64, 512, 2048), "passes": 10.0,
    },
}  # fmt: skip

#: Encoders that the workbook pre-trains itself (fields of pretraining.Config), by name.
OWN = {
    "tiny": {
        "width": 96, "layers": 4, "epochs": 14, "batch_size": 8, "learning_rate": 2e-3, "crop": 2.0, "clusters": 64, "passes": 4, "restarts": 1,
    },
    "small": {"width": 128, "layers": 6, "epochs": 40},
}  # fmt: skip
#: Layers of Table 4.
LAYERS = tuple(range(-1, -9, -1))
#: Rows of Table 3, in its order, and how they are configured.
ROWS = {
    "no pseudo-labels; CE": {"pseudo_labels": False, "loss": "softmax"},
    "no pseudo-labels; AMS": {"pseudo_labels": False},
    "pseudo-labels; CE": {"loss": "softmax"},
    "pseudo-labels; AMS": {},
}
#: Fields that stages 1 and 2 do not depend on.
_ONLY_3 = {"loss", "scale", "margin", "epochs", "pseudo_labels", "model"}
_ONLY_2 = {
    "layer", "clustered", "scales", "start", "length", "epochs_2", "passes", "restarts", "cluster_batch", "half",
}  # fmt: skip
IGNORED = {1: _ONLY_3 | _ONLY_2, 2: _ONLY_3}
