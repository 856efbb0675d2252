"""One plain loop for every study: optimiser, precision, early stopping, checkpoints and exact resume."""

import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from tqdm.auto import tqdm

from sernb import heap, together, writing

OPTIMISERS = {
    "adamw": lambda p, c: torch.optim.AdamW(p, c.learning_rate, weight_decay=c.weight_decay, fused=c.fused),
    "adam": lambda p, c: torch.optim.Adam(p, c.learning_rate, weight_decay=c.weight_decay, fused=c.fused),
    "adamax": lambda p, c: torch.optim.Adamax(p, c.learning_rate, weight_decay=c.weight_decay),
    "sgd": lambda p, c: torch.optim.SGD(p, c.learning_rate, momentum=0.9, weight_decay=c.weight_decay),
}


@dataclass(frozen=True)
class FitConfig:
    """How to train. `select` is "best" (highest validation score, the later of equals) or "last"."""

    epochs: int
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    # "constant"; "cosine": warm-up over the first 5 % of steps, then to zero; "step": a tenth every `decay` epochs
    schedule: str = "constant"
    decay: int = 20
    patience: int | None = None  # epochs without a better validation score
    select: str = "best"
    average: float = 0.0  # decay per step of an exponential moving average of the weights; 0 = none
    clip: float | None = None  # largest gradient norm
    fused: bool = False  # Adam's step in one kernel; the same numbers but for rounding
    checkpoint_every: float = 20.0  # seconds


class NotFinite(RuntimeError):
    """The loss is NaN or infinite."""


def device(name: str = "auto") -> torch.device:
    """The GPU where there is one, of several processes each its own; else the CPU."""
    if name == "auto" and together.number() > 1:
        return together.accelerator().device
    return torch.device(
        "cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name
    )


def gpus() -> list[str]:
    """The GPUs of this machine by the names that CUDA_VISIBLE_DEVICES has for them; asks nothing of the GPUs."""
    seen = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return seen[: torch.cuda.device_count()] or [str(i) for i in range(torch.cuda.device_count())]


def device_name(on: torch.device) -> str:
    return torch.cuda.get_device_name(on) if on.type == "cuda" else on.type


def dtype(on: torch.device, name: str = "auto") -> torch.dtype:
    """bf16 where the hardware multiplies it faster than fp32: CUDA from Ampere on, CPUs with AMX or AVX-512 BF16."""
    if name != "auto":
        return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]
    if on.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if fast else torch.float32


def autocast(on: torch.device, to: torch.dtype):
    return torch.autocast(on.type, torch.bfloat16, enabled=to == torch.bfloat16)


def compiled(module: torch.nn.Module, wanted: bool, on: torch.device):
    """torch.compile where wanted and possible; on a CPU it needs a C++ compiler, and says so when there is none."""
    if not wanted:
        return module
    if on.type == "cpu" and not shutil.which(os.environ.get("CXX", "g++")):
        warnings.warn("no C++ compiler found: training runs uncompiled, about a quarter slower", stacklevel=2)
        return module
    return torch.compile(module, dynamic=False)


def fit(
    model: torch.nn.Module,
    objective: Callable[[dict, torch.Generator], torch.Tensor],
    batches: Callable[[torch.Generator], Iterable[dict]],
    config: FitConfig,
    *,
    seed: int,
    steps_per_epoch: int,
    validate: Callable[[], dict[str, float]] | None = None,
    checkpoint: Path | None = None,
    progress: bool = True,
    label: str = "",
    also: dict | None = None,
    items: Callable[[dict], float] | None = None,
) -> pd.DataFrame:
    """Train `model` in place and return its learning curves, one row per epoch.

    `batches(generator)` yields one epoch's batches (dicts; `utterances` names their ids, and `progress`, the share
    of the training that is done, is added), `objective(batch, generator)` gives the scalar loss, `validate()` a dict with `score`, larger is better. Every draw of an epoch
    comes from a generator seeded by (seed, epoch), so a run cut off anywhere and resumed from `checkpoint` equals
    an uninterrupted one; `also` names what else it needs to go on, things with state_dict and load_state_dict.
    `items(batch)` is how many the loss is a mean over: where it is given, several processes divide the batches (see
    together). Raises NotFinite naming the utterances of the batch whose loss is not finite.
    """
    state = _State(model, config, steps_per_epoch, also or {})
    if together.number() > 1 and items is not None:
        state.divided, objective = True, together.divided(model, objective, items)
    if checkpoint is not None and checkpoint.exists():
        state.load(checkpoint)
    bar = tqdm(
        total=config.epochs,
        initial=len(state.curves),
        desc=label,
        disable=not (progress and together.first()),
        leave=False,
    )
    with bar, heap.kept(all(p.device.type == "cpu" for p in model.parameters())):
        for epoch in range(len(state.curves), config.epochs):
            if state.exhausted(config.patience):
                break
            state.epoch(epoch, objective, batches, validate, seed)
            bar.update()
            bar.set_postfix(loss=f"{state.curves[-1]['train_loss']:.3f}", refresh=False)
            last = epoch + 1 == config.epochs or state.exhausted(config.patience)
            if checkpoint is not None and (last or time.monotonic() - state.saved > config.checkpoint_every):
                state.save(checkpoint)
    state.finish()
    return pd.DataFrame(state.curves)


class _State:
    """Everything that a resumed run needs."""

    def __init__(self, model, config, steps_per_epoch, also):
        self.also = also
        self.model, self.config, self.steps_per_epoch = model, config, steps_per_epoch
        parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = OPTIMISERS[config.optimiser](parameters, config)
        self.scheduler = _schedule(self.optimiser, config, steps_per_epoch)
        self.curves, self.best, self.best_state = [], -math.inf, None
        self.average = _copy(model) if config.average else None
        self.saved, self.divided = time.monotonic(), False

    def epoch(self, epoch, objective, batches, validate, seed):
        mixed = seed * 1_000_003 + epoch
        # Dropout and its like; of several processes each draws its own.
        torch.manual_seed(mixed + (7919 * together.accelerator().process_index if self.divided else 0))
        generator = torch.Generator().manual_seed(mixed)
        started, losses, names = time.perf_counter(), [], []
        self.model.train()
        for step, batch in enumerate(batches(generator)):
            batch["progress"] = (epoch + step / self.steps_per_epoch) / self.config.epochs
            losses.append(self._step(batch, objective, generator))
            names.append(batch["utterances"])
        losses = together.mean(torch.stack(losses)) if self.divided else torch.stack(losses)
        _refuse_not_finite(losses, names, epoch)  # once an epoch: reading a loss stalls an accelerator
        row = {"epoch": epoch + 1, "train_loss": float(losses.mean())}
        row["learning_rate"] = self.optimiser.param_groups[0]["lr"]
        if validate is not None:
            found = (
                together.agreed(lambda: self._validate(validate))
                if self.divided
                else self._validate(validate)
            )
            row |= {f"valid_{k}": v for k, v in found.items()}
        self.curves.append(row | {"seconds": time.perf_counter() - started})
        score = row.get("valid_score", -math.inf)
        if self.config.select == "best" and validate is not None and score >= self.best:
            self.best_state = self.average_copy() if self.average else _copy(self.model)
        self.best = max(self.best, score)

    def _step(self, batch, objective, generator):
        loss = objective(batch, generator)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.config.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        self.scheduler.step()
        if self.average:
            for name, value in self.model.state_dict().items():
                into = self.average[name]
                into.lerp_(value, 1 - self.config.average) if into.is_floating_point() else into.copy_(value)
        return loss.detach()

    def average_copy(self):
        return {k: v.clone() for k, v in self.average.items()}

    def _validate(self, validate):
        self.model.eval()
        if not self.average:
            return validate()
        training = _copy(self.model)
        self.model.load_state_dict(self.average)
        found = validate()
        self.model.load_state_dict(training)
        return found

    def exhausted(self, patience):
        scores = [row.get("valid_score", -math.inf) for row in self.curves]
        return (
            patience is not None
            and len(scores) > patience
            and max(scores[-patience:]) < max(scores[:-patience])
        )

    def finish(self):
        if self.best_state is not None:
            self.model.load_state_dict(self.best_state)
        elif self.average:
            self.model.load_state_dict(self.average)
        self.model.eval()

    def save(self, path):
        if not together.first():
            return
        everything = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        everything |= {f"also {name}": thing.state_dict() for name, thing in self.also.items()}
        everything |= {"scheduler": self.scheduler.state_dict(), "curves": self.curves, "best": self.best}
        everything |= {"best_state": self.best_state, "average": self.average}
        self.saved = time.monotonic()
        try:
            with writing.whole_file(path) as temporary, open(temporary, "wb") as f:
                torch.save(everything, f)
        except (OSError, RuntimeError) as error:  # torch's own where the file takes no more
            warnings.warn(
                f"{path}: no checkpoint could be written ({error}). The training goes on; cut off, it would start from "
                "the last checkpoint there is. Free the disk, or let SERNB_RESULTS name another folder.",
                stacklevel=2,
            )

    def load(self, path):
        try:
            everything = torch.load(path, weights_only=True)
            missing = {
                "model",
                "optimiser",
                "scheduler",
                "curves",
                "best",
                "best_state",
                "average",
            } - everything.keys()
        except Exception as error:  # a damaged file makes torch raise almost anything
            everything, missing = {}, str(error).split("\n")[0] or type(error).__name__
        if missing:
            warnings.warn(
                f"{path}: the checkpoint is damaged ({missing}); the training starts anew.", stacklevel=2
            )
            return
        self.model.load_state_dict(everything["model"])
        self.optimiser.load_state_dict(everything["optimiser"])
        self.scheduler.load_state_dict(everything["scheduler"])
        for name, thing in self.also.items():
            thing.load_state_dict(everything[f"also {name}"])
        self.curves, self.best = everything["curves"], everything["best"]
        self.best_state, self.average = everything["best_state"], everything["average"]


def _refuse_not_finite(losses, utterances, epoch):
    bad = (~torch.isfinite(losses)).nonzero().flatten()
    if len(bad):
        first = int(bad[0])
        names = ", ".join(map(str, list(utterances[first])[:8]))
        raise NotFinite(
            f"the loss is {losses[first].item()} in epoch {epoch + 1}, step {first + 1}; the batch holds {names}. "
            "Look at those recordings, lower the learning rate or clip the gradient."
        )


def _copy(model):
    return {k: v.detach().clone() for k, v in model.state_dict().items()}


def _schedule(optimiser, config, steps_per_epoch):
    total = max(1, config.epochs * steps_per_epoch)
    warm = max(1, total // 20)
    shapes = {
        "constant": lambda step: 1.0,
        "cosine": lambda step: min((step + 1) / warm, (1 + math.cos(math.pi * min(step / total, 1))) / 2),
        "step": lambda step: 0.1 ** (step // (config.decay * steps_per_epoch)),
    }
    if config.schedule not in shapes:
        raise ValueError(f"schedule {config.schedule!r} is unknown; there are {', '.join(shapes)}.")
    return torch.optim.lr_scheduler.LambdaLR(optimiser, shapes[config.schedule])
