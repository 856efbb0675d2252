"""Detectors of utterances that are none of the trained classes. A larger score means further out of distribution.

All but rODIN and Mahalanobis are pytorch-ood's. What they are fitted on are training embeddings, never validation, test or outside ones;
their constants are the literature's. Logits are what the model predicts from: s · cos θ under AM-Softmax.
"""

from collections.abc import Callable

import pandas as pd
import torch
from pytorch_ood.detector import (
    KNN,
    EnergyBased,
    MaxLogit,
    MaxSoftmax,
    ReAct,
    ViM,
    odin_preprocessing,
)
from torch.nn import functional as F

EPSILON, TEMPERATURE = 0.0014, 1000.0  # Liang et al. 2018
PERCENTILE = 0.9  # of activations in training, at which ReAct clips (Sun et al. 2021)
NEIGHBOUR = 50  # Sun et al. 2022; fewer where there are fewer training utterances

#: The paper's five, and what it lacks.
PAPER = ("ODIN", "rODIN", "MaxLogit", "ReAct", "Mahalanobis")
FURTHER = ("max softmax", "energy", "KNN", "ViM")


class Detectors:
    """Detectors that look at the embedding, fitted on training utterances.

    `logits` maps embeddings (B, D) to (B, classes); `head` is the (classes, D) matrix with logits = head · x / ‖x‖ where
    the embedding is normalised (AM-Softmax), which ViM projects with. embeddings (N, D), targets (N,) int64, each of
    0 … classes − 1 occurring.
    """

    def __init__(self, logits: Callable, head: torch.Tensor, embeddings: torch.Tensor, targets: torch.Tensor):
        self.logits, self.mahalanobis = logits, Mahalanobis(embeddings, targets)
        self.react = ReAct(None, self.logits, threshold=float(torch.quantile(embeddings, PERCENTILE)))
        self.knn = KNN(None, k=min(NEIGHBOUR, len(embeddings) // 2)).fit_features(embeddings, targets)
        unit = F.normalize(embeddings)
        # The literature keeps most of the space: 1000 of 2048 dimensions; here half, and no fewer than the classes.
        self.vim = ViM(None, max(len(head), embeddings.shape[1] // 2), head, torch.zeros(len(head)))
        self.vim.fit_features(unit, targets)

    @torch.no_grad()
    def __call__(self, embeddings: torch.Tensor) -> pd.DataFrame:
        """Scores (N rows) of all detectors but ODIN and rODIN, which need the input."""
        logits = self.logits(embeddings)
        clipped = self.logits(embeddings.clamp(max=self.react.threshold))
        return pd.DataFrame({
            "MaxLogit": MaxLogit.score(logits), "ReAct": EnergyBased.score(clipped),
            "Mahalanobis": self.mahalanobis(embeddings),
            "max softmax": MaxSoftmax.score(logits), "energy": EnergyBased.score(logits),
            "KNN": self.knn.predict_features(embeddings), "ViM": self.vim.predict_features(F.normalize(embeddings)),
        })  # fmt: skip


class Mahalanobis:
    """½ min_c (z − μ_c)ᵀ Σ⁻¹ (z − μ_c) with class means and one covariance for all (Lee et al. 2018), in fp64.

    Fewer utterances than dimensions leave directions without variance: the pseudo-inverse ignores them, where
    pytorch-ood's fp32 inverse would be ruled by rounding.
    """

    def __init__(self, embeddings: torch.Tensor, targets: torch.Tensor):
        z = embeddings.double()
        self.means = torch.stack([z[targets == c].mean(0) for c in range(int(targets.max()) + 1)])
        centred = z - self.means[targets]
        self.precision = torch.linalg.pinv(centred.T @ centred / len(z), hermitian=True)

    def __call__(self, embeddings: torch.Tensor) -> torch.Tensor:
        away = embeddings.double()[:, None] - self.means  # (B, classes, D)
        return torch.einsum("bcd,de,bce->bc", away, self.precision, away).min(1).values / 2


def odin(
    model: Callable, x: torch.Tensor, epsilon: float = EPSILON, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """ODIN: −max softmax(f(x̂) / T) at x̂ = x − ε sign ∇_x CE(f(x) / T, ŷ) (Liang et al. 2018). (B,) in [−1, −1/classes].

    `model` maps the normalised filter bank x (B, F, T) to logits. At ε = 0 it is max softmax at T.
    """
    perturbed = odin_preprocessing(model, x, eps=epsilon, temperature=temperature)
    with torch.no_grad():
        return -(model(perturbed) / temperature).softmax(1).max(1).values


def rodin(
    model: Callable, x: torch.Tensor, epsilon: float = EPSILON, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """rODIN, paper 1: the perturbation reversed, x̂ = x + ε sign ∇_x CE(f(x) / T, ŷ); our reading, the paper gives no equation."""
    return odin(model, x, -epsilon, temperature)
