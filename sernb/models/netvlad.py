"""NetVLAD: a set of frames as one vector of unit length (Arandjelović et al. 2016; paper 5's Table 5)."""

import torch
from torch import nn
from torch.nn import functional as F


class NetVLAD(nn.Module):
    """Soft-assigned residuals to K learned centres, summed over an utterance's own frames.

    a_k(x_t) = softmax_k(w_kᵀ x_t + b_k),   V_k = Σ_t a_k(x_t) (x_t − c_k)

    Each V_k is scaled to unit length (intra-normalisation), then the whole to unit length: every centre has norm
    1 / √K, however many frames it won, and the length of the utterance drops out.

    Shape: x (B, D, T), frames (B,) ≥ 1 → (B, K · D), ‖·‖₂ = 1; computed in fp32.
    """

    def __init__(self, features: int, clusters: int = 8):
        super().__init__()
        self.assign = nn.Linear(features, clusters)
        self.centres = nn.Parameter(torch.empty(clusters, features))
        nn.init.orthogonal_(self.centres)  # Xie et al. 2019
        self.embedding = clusters * features

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def forward(self, x, frames):
        x = x.float().transpose(1, 2)  # (B, T, D)
        valid = torch.arange(x.shape[1], device=x.device) < frames[:, None]
        weights = torch.where(valid[..., None], self.assign(x).softmax(2), 0)  # (B, T, K)
        residuals = weights.transpose(1, 2) @ x - weights.sum(1)[..., None] * self.centres  # (B, K, D)
        return F.normalize(F.normalize(residuals, dim=2).flatten(1), dim=1)
