"""Several processes that train one model, a GPU each, by accelerate; in a process alone, everything here does nothing.

A script that trains as always is started once per GPU,

    accelerate launch --num_processes 4 one_fold.py

    # one_fold.py
    from sernb import grid
    from sernb.studies import gmp_atl
    grid.run(gmp_atl, [gmp_atl.Config.of("paper", fold=0)])

and the notebook finds the fold in the store. Every process computes its share of each batch, DDP averages the gradients,
and the first process alone judges validation speakers, clusters, and writes checkpoints, stages and results. A training
is divided where it says what its loss is a mean over (`items` of training.fit; so far paper 2's stages); others run
whole in every process. Without GPUs the processes share the CPUs (gloo), started by `torchrun --nproc-per-node 2
one_fold.py`.
"""

import atexit
import datetime
import functools
import os
from collections.abc import Callable


def number() -> int:
    """How many processes there are; LOCAL_RANK and WORLD_SIZE are what accelerate and torchrun set."""
    return int(os.environ["WORLD_SIZE"]) if "LOCAL_RANK" in os.environ else 1


def first() -> bool:
    return number() == 1 or os.environ["RANK"] == "0"


@functools.cache
def accelerator():
    """accelerate's own, made when it is first needed: it connects the processes, until they end."""
    import accelerate
    import torch
    from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

    made = accelerate.Accelerator(
        cpu=not torch.cuda.is_available(), mixed_precision="no",  # autocast is the training's own
        kwargs_handlers=[
            DistributedDataParallelKwargs(find_unused_parameters=True),  # the mask vector where nothing is masked
            InitProcessGroupKwargs(timeout=datetime.timedelta(days=1)),  # the others wait while the first clusters
        ],
    )  # fmt: skip
    atexit.register(
        made.end_training
    )  # a process that ends connected may be aborted for threads that still run
    return made


def agreed(make: Callable):
    """What `make()` gives, or raises, in the first process, in all of them; the others wait for it."""
    if number() == 1:
        return make()
    from accelerate.utils import broadcast_object_list

    accelerator()
    found = [None, None]
    if first():
        try:
            found[0] = make()
        except Exception as error:  # raised by all, so that none waits for ever
            found[1] = error
    value, error = broadcast_object_list(found)
    if error is not None:
        raise error
    return value


def divided(model, objective: Callable, items: Callable) -> Callable:
    """`objective(batch, generator)` of `model` over this process's share of a batch, weighted by its `items`.

    L = Σ_p items(share p) / items(batch) · L(share p): DDP's mean over the processes of items(share) · processes /
    items(batch) times the share's loss. Utterances are dealt in turn, since a batch may be ordered by length.
    """
    import torch

    class Objective(torch.nn.Module):
        """The whole pass as a module: DDP must see every forward that it averages the gradients of."""

        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, batch, generator):
            return objective(batch, generator)

    through = accelerator().prepare_model(Objective())
    rows = slice(accelerator().process_index, None, number())

    def of_share(batch, generator):
        if len(batch["utterances"]) < number():
            raise ValueError(
                f"a batch of {len(batch['utterances'])} utterances for {number()} processes: start fewer."
            )
        share = {name: value if name == "progress" else _part(value, rows) for name, value in batch.items()}
        return number() * items(share) / items(batch) * through(share, generator)

    return of_share


def mean(values):
    """The mean over the processes."""
    return accelerator().reduce(values, "mean")


def _part(value, rows):
    return {k: _part(v, rows) for k, v in value.items()} if isinstance(value, dict) else value[rows]
