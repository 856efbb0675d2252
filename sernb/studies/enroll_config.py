"""The configurations of paper 5's study: every hyper-parameter, with the presets quick, reduced and paper."""

from dataclasses import dataclass

from sernb.studies import presets

#: What is verified against neutral and never trained on: the paper's (section 4.1), and ours for RAVDESS.
UNSEEN = {"iemocap": "frustration", "meld": "surprise+fear+disgust", "ravdess": "fear+disgust+surprise+calm"}
#: Rows of Table 5 → what departs from the paper's encoder.
ENCODERS = {
    "NAMP": {},
    "Emobase": {"input": "emobase"},
    "Transformer": {"encoder": "no_gru"},
    "BLSTM": {"encoder": "blstm"},
    "BLSTM+NetVLAD": {"encoder": "blstm_netvlad"},
    "CNN+NetVLAD": {"encoder": "cnn_netvlad", "input": "spectrogram"},
}


@dataclass(frozen=True)
class Config:
    """One training, and its enrolments. The defaults are the paper's hyper-parameters (Table 3); where it is silent, see
    NOTES."""

    data: str = "real"
    preset: str = "paper"
    corpus: str = "iemocap"  # or the path of your own CSV
    classes: str = "four"  # what is trained on: a set of labels.CLASSES, or emotions joined by +
    unseen: str = ""  # emotions to verify, joined by +; none: UNSEEN, or every emotion that is no class
    against: str = "neutral"  # what they are verified against
    enrol_corpus: str = ""  # another corpus to enrol from and to verify in
    fold: int = 0
    seed: int = 0
    loss: str = "NAMP"  # one of losses.NAMES
    margin: float | None = None  # None: losses.MARGINS
    reading: str = "tightening"  # what a negative margin does: as equation 4 is printed, or "relaxing", as the text argues
    learned: bool = False  # the margin, with its sign kept
    ce: bool = True  # losses on embeddings are added to cross-entropy
    queries: str = "one"  # per class and episode, as printed; or "all", leave-one-out
    input: str = "vq_wav2vec"  # see enroll_material.INPUTS
    encoder: str = "ours"  # see models.enrolment_encoders
    recurrent: int = 256  # nodes of the GRU, or of each direction of a BLSTM
    nodes: int = 512  # of the transformer; MELD: 128
    heads: int = 2
    dropout: float = 0.1  # silent
    width: float = 1.0  # of the CNN's convolutions
    embedding: int = 512  # of the encoders with NetVLAD; silent
    normalisation: str = "train"  # silent; see features.Normalise
    crop: float = 10.0  # seconds of a training utterance at most; silent
    n: int = 10  # utterances per class in an episode
    enrolled: int = 10  # N_P, utterances per class
    draws: int = 21  # of enrolled utterances; odd, so that a majority of draws is one
    epochs: int = 100
    optimiser: str = "adamax"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: str = "step"  # a tenth …
    decay: int = 20  # … every so many epochs
    select: str = "last"  # silent
    shuffle_labels: bool = False

    @classmethod
    def of(cls, preset: str = "quick", **overrides) -> "Config":
        """A preset with overrides; see presets.of. MELD's transformer has 128 nodes (Table 3)."""
        if preset == "paper" and overrides.get("corpus") == "meld":
            overrides = {"nodes": 128} | overrides
        return presets.of(cls, PRESETS, preset, overrides)


#: What each preset overrides. `paper` overrides nothing; `reduced` is what two cores train in a minute.
PRESETS = {
    "quick": {
        "data": "stand-in", "input": "emobase", "recurrent": 32, "nodes": 32, "width": 0.25, "embedding": 64, "epochs": 6, "learning_rate": 5e-3,
        "queries": "all",
    },
    "reduced": {
        "input": "emobase", "recurrent": 64, "nodes": 64, "width": 0.25, "embedding": 128, "epochs": 30, "decay": 12,
        "learning_rate": 2e-3,
    },
    "paper": {},
}  # fmt: skip


def losses(reading: str) -> dict[str, dict]:
    """Rows of Table 4 → what makes their loss, under a reading of the margin's sign.

    NAMP in one reading is AMProto in the other, so both are given as "tightening": one training serves both.
    """
    rows = {name: {"loss": name} for name in ("SM", "AM", "AAM", "Tri", "Proto", "AProto", "AMProto", "NAMP")}
    return {name: canonical(**row, reading=reading) for name, row in rows.items()}


def canonical(loss: str, margin: float | None = None, reading: str = "tightening") -> dict:
    """The same loss as fields of Config, in the reading "tightening", the printed one.

    w (cos − m) is w (cos + m') with m' = −m: the margin's sign and the loss's name change places. A margin of 0 is
    AProto, whatever it is called.
    """
    from sernb.losses import MARGINS

    margin = MARGINS.get(loss, 0.0) if margin is None else margin
    if loss not in ("AProto", "AMProto", "NAMP"):
        return {"loss": loss, "margin": None if margin == MARGINS.get(loss, 0.0) else margin}
    added = margin if reading == "tightening" else -margin
    if not added:
        return {"loss": "AProto", "margin": None}
    name = "AMProto" if added > 0 else "NAMP"
    return {"loss": name, "margin": None if added == MARGINS[name] else added}
