"""Control of speech attributes: multi-task heads, gradient reversal, discriminators, and their composition.

Papers 1 (section III-E) and 4 (section 3).

A declaration such as `{"gender": multitask(0.2), "speaker": reverse(0.15)}` says what becomes of each attribute; `Heads`
makes the heads and their losses under any encoder's embedding.
"""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from sernb.losses import AMSoftmax

UNKNOWN = -1  # the target of an utterance whose attribute is not known


@dataclass(frozen=True)
class Control:
    """What becomes of an attribute: learned along (`multitask`) or unlearned (`reverse`), with its weight α in the loss."""

    kind: str
    weight: float
    strength: float = 1.0  # of the reversed gradient; α in the loss is the only weight in the equations
    growing: bool = False  # strength from 0 over the training, as 2 / (1 + e^(−10 p)) − 1 (Ganin 2016)
    rising: bool = False  # weight from 0 over the training, linearly (paper 4's gradient reversal)

    def __post_init__(self):
        if self.kind not in ("multitask", "reverse"):
            raise ValueError(f"an attribute is controlled by 'multitask' or 'reverse', found {self.kind!r}.")
        if not 0 <= self.weight < 1:
            raise ValueError(f"an attribute's weight is a share of the loss in [0, 1), found {self.weight}.")


def multitask(weight: float) -> Control:
    """The embedding is to tell the attribute: L_a joins the loss with weight α."""
    return Control("multitask", weight)


def reverse(weight: float, strength: float = 1.0, growing: bool = False) -> Control:
    """The embedding is to hide the attribute: the head learns to tell it, the encoder receives −strength × its gradient."""
    return Control("reverse", weight, strength, growing)


def shared(approach: str, attributes: Sequence[str], alpha: float) -> dict[str, Control]:
    """Paper 4's equations 1 and 2: L = (1 − α) L_E + α mean_a L_a, by "MTL", or by "GR" with α rising from 0."""
    if approach not in ("MTL", "GR"):
        raise ValueError(f"approach {approach!r} is unknown; there are 'MTL' and 'GR' (and Discriminators).")
    kind, rising = ("multitask", False) if approach == "MTL" else ("reverse", True)
    return {a: Control(kind, alpha / len(attributes), rising=rising) for a in attributes}


#: Every variant of Tables IV–IX: attribute → kind of control. Weights stand in WEIGHTS. GMT (gender multi-task) and TAP
#: (speaker reversed) are Table IV's names of G_ML and S_GR, their numbers are the same; AGR and AMTL are our reading.
VARIANTS = {
    "Base": {},
    "Base+S_GR": {"speaker": "reverse"},
    "Base+G_ML": {"gender": "multitask"},
    "Base+L_GR": {"language": "reverse"},
    "Base+S_GR+L_GR": {"speaker": "reverse", "language": "reverse"},
    "Base+S_GR+G_ML": {"speaker": "reverse", "gender": "multitask"},
    "Base+L_GR+G_ML": {"language": "reverse", "gender": "multitask"},
    "Base+MSAC": {"speaker": "reverse", "gender": "multitask", "language": "reverse"},
    "Base+AGR": {"speaker": "reverse", "gender": "reverse", "language": "reverse"},
    "Base+AMTL": {"speaker": "multitask", "gender": "multitask", "language": "multitask"},
}
ALIASES = {"Base+GMT": "Base+G_ML", "Base+TAP": "Base+S_GR"}

#: α of each attribute (section IV-B); emotion has what is left of 1. One language is nothing to control.
WEIGHTS = {
    "iemocap": {"speaker": 0.3, "gender": 0.2},
    "emodb": {"speaker": 0.1, "gender": 0.05},
    "cross-corpus": {"speaker": 0.15, "gender": 0.2, "language": 0.15},
}


def declaration(variant: str, weights: Mapping[str, float]) -> dict[str, Control]:
    """A variant's controls with their weights; an attribute without a weight (one language only) is left out.

    Raises ValueError for an unknown variant.
    """
    kinds = VARIANTS[canonical(variant)]
    return {
        attribute: Control(kind, weights[attribute])
        for attribute, kind in kinds.items()
        if attribute in weights
    }


def canonical(variant: str) -> str:
    """A variant's name in VARIANTS from any order of its parts (the tables differ) or Table IV's own name."""
    parts = set(ALIASES.get(variant, variant).split("+"))
    for name in VARIANTS:
        if set(name.split("+")) == parts:
            return name
    raise ValueError(f"variant {variant!r} is unknown; there are {', '.join([*VARIANTS, *ALIASES])}.")


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def reversal(x: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """Gradient reversal (Ganin & Lempitsky 2015): x forwards, −strength × gradient backwards."""
    return _Reversal.apply(x, strength)


class Heads(nn.Module):
    """One head per controlled attribute under an embedding: L = (1 − Σ α) L_E + Σ α_a L_a, equations 3 to 5.

    `classes` gives each attribute's number of classes. `loss(features, classes)` makes a head (default AM-Softmax,
    as in the paper) with its initial values from `generator`, so that the emotion model's own are the same with any
    declaration. Raises ValueError where the weights leave the emotion nothing or an attribute has one class only.
    """

    def __init__(
        self,
        features: int,
        controls: Mapping[str, Control],
        classes: Mapping[str, int],
        generator: torch.Generator,
        loss: Callable[[int, int], nn.Module] = AMSoftmax,
    ):
        super().__init__()
        self.controls = dict(controls)
        if (whole := sum(c.weight for c in controls.values())) >= 1:
            raise ValueError(
                f"the attributes' weights sum to {whole:g}; the emotion needs a share of the loss."
            )
        _refuse_single({name: classes[name] for name in controls})
        with _drawn_from(generator):
            self.heads = nn.ModuleDict({name: loss(features, classes[name]) for name in controls})

    def losses(self, embedding, targets: Mapping[str, torch.Tensor], progress: float = 1.0):
        """L_a of every attribute, over the utterances whose attribute is known (0 where nobody's is).

        embedding (B, features); targets (B,) int64, `UNKNOWN` for what is not known; progress in [0, 1].
        """
        found = {}
        for name, control in self.controls.items():
            known = targets[name] != UNKNOWN
            x = embedding[known]
            if control.kind == "reverse":
                x = reversal(x, _strength(control, progress))
            found[name] = self.heads[name](x, targets[name][known]) if len(x) else embedding.sum() * 0
        return found

    def total(self, emotion, losses: Mapping[str, torch.Tensor], progress: float = 1.0):
        """Equation 5 from L_E and the attributes' losses."""
        weights = {n: c.weight * (progress if c.rising else 1.0) for n, c in self.controls.items()}
        total = (1 - sum(weights.values())) * emotion
        for name, weight in weights.items():
            total = total + weight * losses[name]
        return total


class Discriminators(nn.Module):
    """Paper 4's adversaries, equation 3: one per attribute, seeing nothing but the emotion probabilities.

    In turn: `train_on` lets every discriminator learn to tell its attribute from the probabilities (own optimiser, the
    classifier untouched); `against` is the classifier's loss (1 − α) L_E − α mean_a L_a, in which the discriminators
    stand still. `discriminator(emotions, classes)` makes one, with initial values from `generator`. Raises ValueError
    where an attribute has one class only.
    """

    def __init__(
        self,
        emotions: int,
        classes: Mapping[str, int],
        alpha: float,
        discriminator: Callable[[int, int], nn.Module],
        generator: torch.Generator,
    ):
        super().__init__()
        _refuse_single(classes)
        self.alpha = alpha
        with _drawn_from(generator):
            self.heads = nn.ModuleDict({a: discriminator(emotions, n) for a, n in classes.items()})
        self.requires_grad_(False)  # the classifier's optimiser leaves them alone

    def losses(self, probabilities, targets: Mapping[str, torch.Tensor]):
        """Cross-entropy of every attribute over the utterances whose attribute is known."""
        found = {}
        for name, head in self.heads.items():
            known = targets[name] != UNKNOWN
            logits = head(probabilities[known])
            found[name] = F.cross_entropy(logits, targets[name][known]) if known.any() else logits.sum()
        return found

    def train_on(self, probabilities, targets, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
        """One step of the discriminators; returns their losses before it, still on the device."""
        with _learning(self):
            losses = self.losses(probabilities.detach(), targets)
            optimiser.zero_grad(set_to_none=True)
            sum(losses.values()).backward()
            optimiser.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def against(self, emotion, probabilities, targets):
        """The classifier's loss; no gradient reaches the discriminators."""
        losses = list(self.losses(probabilities, targets).values())
        return (1 - self.alpha) * emotion - self.alpha * sum(losses) / len(losses)


def _refuse_single(classes):
    for name, number in classes.items():
        if number < 2:
            raise ValueError(f"{name} has {number} class in training: there is nothing to control.")


@contextlib.contextmanager
def _learning(module):
    module.requires_grad_(True)
    try:
        yield
    finally:
        module.requires_grad_(False)


@contextlib.contextmanager
def _drawn_from(generator):
    """Initial values drawn inside come from `generator`; the global one goes on as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield


def _strength(control, progress):
    growth = 2 / (1 + math.exp(-10 * progress)) - 1 if control.growing else 1.0
    return control.strength * growth
