"""Margin and prototype losses: one interface, loss(embeddings, targets) → scalar."""

import math

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
        return self.scale * F.linear(F.normalize(x.to(self.weight.dtype)), F.normalize(self.weight))

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
        return self.linear(x.to(self.linear.weight.dtype))

    def forward(self, x, target):
        return F.cross_entropy(self.logits(x), target)


class AAMSoftmax(AMSoftmax):
    """Additive angular margin softmax (Deng et al. 2019, ArcFace; paper 5's AAM).

    L = −mean log e^{s cos(θ_y + m)} / (e^{s cos(θ_y + m)} + Σ_{j≠y} e^{s cos θ_j}),   m in radians

    Past θ_y = π − m, where the cosine would rise again, cos θ_y − m sin m takes its place, so that the loss keeps
    falling with cos θ_y. Shape, range and `logits` as in AMSoftmax.
    """

    def forward(self, x, target):
        logits = self.logits(x)
        own = logits.gather(1, target[:, None]) / self.scale
        sine = (1 - own.square()).clamp(min=1e-12).sqrt()
        moved = own * math.cos(self.margin) - sine * math.sin(self.margin)
        moved = torch.where(own > -math.cos(self.margin), moved, own - self.margin * math.sin(self.margin))
        return F.cross_entropy(logits.scatter(1, target[:, None], self.scale * moved), target)


class Triplet(nn.Module):
    """Triplet loss over all triplets of a batch (Schroff et al. 2015; paper 5's Tri).

    L = mean over the violating (a, p, n) of max(0, ‖x̂_a − x̂_p‖ − ‖x̂_a − x̂_n‖ + m),   x̂ = x / ‖x‖

    Shape: embeddings (B, features), targets (B,) int64 → scalar in [0, 2 + m]; 0 where none violates.
    """

    def __init__(self, margin: float = 0.2):
        super().__init__()
        self.margin = margin

    def forward(self, x, target):
        x = F.normalize(_precise(x))
        square = 2 - 2 * x @ x.T
        distance = square.clamp(min=1e-12).sqrt()  # (B, B); the gradient of a root is infinite at 0
        same = target[:, None] == target
        positive = same & ~torch.eye(len(x), dtype=torch.bool, device=x.device)
        hinge = (distance[:, :, None] - distance[:, None, :] + self.margin).clamp(min=0)  # (a, p, n)
        hinge = hinge * (positive[:, :, None] & ~same[:, None, :])
        return hinge.sum() / (hinge > 0).sum().clamp(min=1)


def episode(x, target):
    """A batch as an episode: (K·N, features), targets → (K, N, features), classes ascending, in the batch's order.

    Raises ValueError unless there are two classes or more, each with the same number N ≥ 2 of utterances.
    """
    classes, counts = target.unique(return_counts=True)
    if len(classes) < 2 or counts.min() < 2 or counts.min() != counts.max():
        raise ValueError(
            "an episode needs two classes or more with the same number of utterances, two or more; found "
            f"{dict(zip(classes.tolist(), counts.tolist(), strict=True))}."
        )
    order = torch.argsort(target, stable=True)
    return x[order].reshape(len(classes), -1, x.shape[1])


QUERIES = ("one", "all")


def centroids(x, queries: str = "one"):
    """Queries and their centroids, equation 2: no query is in any centroid that it is compared with.

    one  as printed: the last of each class is asked, the other N − 1 make the class's centroid
    all  leave-one-out: every utterance is asked; its own class's centroid is the mean of the other N − 1, the other
         classes' are the means of all N

    Shape: an episode (K, N, features) → queries (Q, features), centroids (Q, K, features), own class (Q,) int64.
    """
    if queries not in QUERIES:
        raise ValueError(f"queries {queries!r} is unknown; there are {', '.join(QUERIES)}.")
    k, n, features = x.shape
    if queries == "one":
        own = torch.arange(k, device=x.device)
        return x[:, -1], x[:, :-1].mean(1).expand(k, k, features), own
    asked, own = x.reshape(k * n, features), torch.arange(k, device=x.device).repeat_interleave(n)
    left = (x.sum(1, keepdim=True) - x).reshape(k * n, 1, features) / (n - 1)
    is_own = F.one_hot(own, k).bool()[..., None]
    return asked, torch.where(is_own, left, x.mean(1)), own


class Prototypical(nn.Module):
    """Prototypical loss (Snell et al. 2017; paper 5's Proto): −‖x_q − c_k‖² as the logit of class k.

    L = −mean_q log e^{−‖x_q − c_y‖²} / Σ_k e^{−‖x_q − c_k‖²}

    Shape: embeddings (K·N, features), targets with N of each of K classes → scalar ≥ 0; see `centroids`.
    """

    def __init__(self, queries: str = "one"):
        super().__init__()
        self.queries = queries

    def forward(self, x, target):
        asked, centres, own = centroids(episode(_precise(x), target), self.queries)
        return F.cross_entropy(-(asked[:, None] - centres).square().sum(2), own)


READINGS = ("tightening", "relaxing")


class AngularPrototypical(nn.Module):
    """Angular prototypical loss with a margin, paper 5's equations 3 to 5: AProto (m = 0), AMProto (m > 0), NAMP (m < 0).

    S_k = w cos(x_q, c_k) + b,   S_y = w (cos(x_q, c_y) ± m) + b,   L = −mean_q log e^{S_y} / Σ_k e^{S_k}

    `reading` says what a *negative* margin does. "tightening": + m, as equation 4 is printed; the own class must win by
    |m|, as in AM-Softmax. "relaxing": − m, as the text argues; the own class is given |m|, and classes may overlap. A
    margin m in one reading is −m in the other. w is learned as e^ω and therefore positive in effect; b is learned as
    printed and has no effect, since it is the same for every class.

    `learned`: m is learned with its sign kept, ±e^μ, from `margin` on. It degenerates: ∂L/∂(what is added) =
    w (p_y − 1) < 0 always, so nothing holds it.

    Shape: embeddings (K·N, features), targets with N of each of K classes → scalar ≥ 0; see `centroids`.
    """

    def __init__(
        self, margin=0.0, reading="tightening", queries="one", scale=10.0, offset=-5.0, learned=False
    ):
        super().__init__()
        if reading not in READINGS:
            raise ValueError(f"reading {reading!r} is unknown; there are {', '.join(READINGS)}.")
        if scale <= 0 or (learned and not margin):
            raise ValueError(
                f"expected scale > 0 and, to be learned, a margin other than 0; found {scale} and {margin}."
            )
        self.reading, self.queries, self.sign = reading, queries, math.copysign(1.0, margin)
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.offset = nn.Parameter(torch.tensor(offset))
        size = torch.tensor(float(margin) if not learned else math.log(abs(margin)))
        self.learned = learned
        self.size = nn.Parameter(size, requires_grad=learned)

    @property
    def scale(self):
        return self.log_scale.exp()

    @property
    def margin(self):
        return self.sign * self.size.exp() if self.learned else self.size

    def forward(self, x, target):
        asked, centres, own = centroids(episode(_precise(x), target), self.queries)
        cosine = F.cosine_similarity(asked[:, None], centres, dim=2)  # (Q, K)
        added = self.margin if self.reading == "tightening" else -self.margin
        return F.cross_entropy(
            self.scale * (cosine + added * F.one_hot(own, cosine.shape[1])) + self.offset, own
        )


class Joint(nn.Module):
    """Cross-entropy of a linear layer plus a loss on embeddings, equation 5: L = L_ce + L_metric.

    `logits` are the linear layer's, (B, classes). `forward` as in the losses it adds up.
    """

    def __init__(self, features: int, classes: int, metric: nn.Module):
        super().__init__()
        self.softmax, self.metric = Softmax(features, classes), metric

    def logits(self, x):
        return self.softmax.logits(x)

    def forward(self, x, target):
        return self.softmax(x, target) + self.metric(x, target)


#: Paper 5's losses in the order of its Table 4.
NAMES = ("SM", "AM", "AAM", "Tri", "Proto", "AProto", "AMProto", "NAMP")
#: Where the paper is silent: its best margins of Fig. 2, and those of the losses' own papers.
MARGINS = {"AM": 0.2, "AAM": 0.2, "Tri": 0.2, "AMProto": 0.3, "NAMP": -0.3}
METRIC = ("Tri", "Proto", "AProto", "AMProto", "NAMP")


def build(
    name: str,
    features: int,
    classes: int,
    *,
    margin: float | None = None,
    reading: str = "tightening",
    queries: str = "one",
    ce: bool = True,
    learned: bool = False,
) -> nn.Module:
    """A loss of paper 5 by its name in Table 4: `loss(embeddings, targets)`; `logits` where it has a classifier.

    `ce`: losses on embeddings (METRIC) are added to cross-entropy, else stand alone, without `logits`. `margin` None:
    MARGINS. Raises ValueError for an unknown name, or a margin of AMProto or NAMP with the other's sign.
    """
    if name not in NAMES:
        raise ValueError(f"loss {name!r} is unknown; there are {', '.join(NAMES)}.")
    margin = MARGINS.get(name, 0.0) if margin is None else margin
    if (name == "AMProto" and margin < 0) or (name == "NAMP" and margin > 0):
        raise ValueError(f"{name} with margin {margin}: AMProto's is positive, NAMP's negative.")
    if name in ("AM", "AAM"):
        return {"AM": AMSoftmax, "AAM": AAMSoftmax}[name](features, classes, margin=margin)
    if name == "SM":
        return Softmax(features, classes)
    if name == "Tri":
        metric = Triplet(margin)
    elif name == "Proto":
        metric = Prototypical(queries)
    else:
        metric = AngularPrototypical(margin, reading, queries, learned=learned)
    return Joint(features, classes, metric) if ce else metric


def _precise(x):
    """At least float32: distances are not for bf16."""
    return x if x.dtype == torch.float64 else x.float()


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
