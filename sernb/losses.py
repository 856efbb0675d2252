"""Margin and prototype losses."""

import torch
from torch import nn
from torch.nn import functional as F


class AMSoftmax(nn.Module):
    """Additive margin softmax, paper 1 equations 1 and 2 (Wang et al. 2018; the same as CosFace).

    cos θ_j = xᵀ w_j / (‖x‖ ‖w_j‖),   L = −mean log e^{s (cos θ_y − m)} / (e^{s (cos θ_y − m)} + Σ_{j≠y} e^{s cos θ_j})

    Shape: embeddings (B, features), targets (B,) int64 → scalar ≥ 0. `logits` gives s · cos θ, (B, classes), in
    [−s, s], without the margin: that is what is predicted from and what detectors score.
    """

    def __init__(self, features: int, classes: int, scale: float = 30.0, margin: float = 0.2):
        super().__init__()
        if classes < 2 or scale <= 0:
            raise ValueError(f"AM-Softmax needs classes ≥ 2 and scale > 0, found {classes} and {scale}.")
        self.scale, self.margin = scale, margin
        self.weight = nn.Parameter(torch.empty(classes, features))
        nn.init.xavier_normal_(self.weight)

    def logits(self, x):
        return self.scale * F.linear(F.normalize(x.float()), F.normalize(self.weight))

    def forward(self, x, target):
        logits = self.logits(x)
        margins = self.scale * self.margin * F.one_hot(target, logits.shape[1])
        return F.cross_entropy(logits - margins, target)


class Softmax(nn.Module):
    """Linear layer and cross-entropy, with the interface of the margin losses: L = −mean log softmax(Wx + b)_y."""

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def logits(self, x):
        return self.linear(x.float())

    def forward(self, x, target):
        return F.cross_entropy(self.logits(x), target)


class BinarySoftmax(Softmax):
    """Paper 3's loss, binary cross-entropy on the softmax outputs as written (section 3):

    L = −mean over utterances and classes of y log p + (1 − y) log(1 − p),   p = softmax(Wx + b), y one-hot

    Not the cross-entropy that goes with a softmax: every wrong class is pushed down by itself. Computed in fp32 outside
    autocast. Shape: embeddings (B, features), targets (B,) int64 → scalar ≥ 0.
    """

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def forward(self, x, target):
        p = self.logits(x).softmax(1)
        return F.binary_cross_entropy(p, F.one_hot(target, p.shape[1]).float())
