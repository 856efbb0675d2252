"""Paper 2's training steps at the size of HuBERT-base: seconds, memory, and the share of the machine's matrix rate.

The weights are random: they cost the same. As in the study, the convolutional front end has been computed before, so
a step begins from its features.
"""

import gc
import statistics
import time

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from sernb import attributes, audio, heap, training
from sernb.losses import Softmax
from sernb.models import gmp_atl, self_supervised
from sernb.studies import gmp_atl_network
from sernb.studies.gmp_atl_config import Config

CLASSES = 4
SIZES = {"HuBERT-base": self_supervised.base, "small": self_supervised.small}


def matrices(on: torch.device, side: int | None = None, repeats: int = 5) -> float:
    """GFLOP/s of the product of two square matrices in the dtype that the hardware is fast at: the steps' ceiling."""
    side = side or (8192 if on.type == "cuda" else 2048)
    a, b = (torch.randn(side, side, device=on).to(training.dtype(on)) for _ in range(2))
    times = [_timed(lambda: a @ b, on) for _ in range(repeats + 1)]
    return 2 * side**3 / min(times[1:]) / 1e9


def measure(
    size: str = "HuBERT-base", batch_size: int = 16, seconds: float = 8.0, steps: int = 3
) -> pd.DataFrame:
    """One row a stage: parameters, seconds of the median step, utterances/s, GFLOP/s, % of the matrix rate, memory.

    A batch is `batch_size` utterances of `seconds` each; the study's configuration has 64 of at most 8 s. Operations are
    counted by torch, which leaves out the BiLSTM's on some devices. Memory is the most that a stage's model, gradients,
    optimiser and activations take: what the accelerator allocates, or how far this process grows (Linux only, else NaN).
    """
    on, rows = training.device(), []
    rate = matrices(on)
    for stage in (1, 2, 3):
        with heap.kept(on.type == "cpu"):
            row = _stage(stage, size, batch_size, seconds, steps, on)
        rows.append({"stage": stage, **row, "% of the matrix rate": 100 * row["GFLOP/s"] / rate})
    found = pd.DataFrame(rows).assign(**{"matrix rate / (GFLOP/s)": rate, "encoder": size})
    dtype = str(training.dtype(on)).removeprefix("torch.")
    return found.assign(
        **{"batch": f"{batch_size} of {seconds:g} s", "dtype": dtype, "device": training.device_name(on)}
    )


def _stage(stage, size, batch_size, seconds, steps, on):
    before = _memory_reset(on)
    torch.manual_seed(0)
    encoder = SIZES[size]()
    encoder.freeze_front()
    frames = int(encoder.frames(torch.tensor(round(seconds * audio.RATE))))
    x = torch.randn(batch_size, encoder.channels, frames, device=on).half()
    model, objective = _model(stage, Config.of("paper"), encoder, x, on)
    own = [p for p in model.parameters() if p.requires_grad]
    plan = training.FitConfig(1, "adam", fused=gmp_atl_network.STEP["fused"])
    optimiser = training.OPTIMISERS[plan.optimiser](own, plan)
    model.train()

    def step():
        optimiser.zero_grad(set_to_none=True)
        objective().backward()
        torch.nn.utils.clip_grad_norm_(own, gmp_atl_network.STEP["clip"])
        optimiser.step()

    with FlopCounterMode(display=False) as counter:
        step()
    taken = statistics.median(_timed(step, on) for _ in range(steps))
    return {
        "parameters": sum(p.numel() for p in model.parameters()), "step / s": taken, "utterances/s": batch_size / taken,
        "GFLOP/s": counter.get_total_flops() / taken / 1e9, "memory / GiB": (_memory_peak(on) - before) / 2**30,
    }  # fmt: skip


def _model(stage, config, encoder, x, on):
    """The stage's model and its loss of the batch `x`, (B, channels, T), whose labels are drawn."""
    rows, _, width = x.shape
    frames = torch.full((rows,), width, device=on)
    if stage == 2:
        model = gmp_atl.MaskedPrediction(encoder, config.scales, config.start, config.length).to(on)
        labels = torch.stack([torch.randint(k, (rows, width)) for k in config.scales], 2).to(on)
        mask = model.mask(frames, width, torch.Generator().manual_seed(0)).to(on)

        def objective():
            with training.autocast(on, training.dtype(on)):
                return model.losses(x, frames, labels, mask).sum()

        return model, objective
    emotions, genders = (torch.randint(k, (rows,), device=on) for k in (CLASSES, 2))
    loss = {"loss": "softmax"} if stage == 1 else {}
    model = gmp_atl_network.recogniser(Config.of("paper", **loss), encoder, CLASSES)
    controls = {"gender": attributes.multitask(config.gender_weight)} if stage == 1 else {}
    model.attributes = attributes.Heads(
        config.embedding, controls, {"gender": 2}, torch.Generator().manual_seed(0), Softmax
    )
    model.to(on)

    def objective():
        with training.autocast(on, training.dtype(on)):
            embeddings = model.encoder(x, frames)
        losses = model.attributes.losses(embeddings, {"gender": genders})
        return model.attributes.total(model.head(embeddings, emotions), losses)

    return model, objective


def _timed(call, on):
    if on.type == "cuda":
        torch.cuda.synchronize(on)
    started = time.perf_counter()
    call()
    if on.type == "cuda":
        torch.cuda.synchronize(on)
    return time.perf_counter() - started


def _memory_reset(on) -> float:
    """Bytes in use now; from here on the peak is watched anew."""
    gc.collect()
    if on.type == "cuda":
        torch.cuda.reset_peak_memory_stats(on)
        return torch.cuda.memory_allocated(on)
    heap.watch_anew()
    return heap.own("VmRSS")


def _memory_peak(on) -> float:
    return torch.cuda.max_memory_allocated(on) if on.type == "cuda" else heap.own("VmHWM")
