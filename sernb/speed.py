"""Training throughput beside the usual way and beside the machine's ceiling, measured in the same run as ratios."""

import statistics
import time

import pandas as pd
import soundfile
import torch
import torchaudio
from torch.utils.flop_counter import FlopCounterMode

from sernb import audio, heap, training
from sernb.studies import msac_network, msac_sernet

#: Way, dtype and compilation of each row; "as configured" is what the hardware is fast at.
WAYS = (("ours", "auto"), ("usual", "auto"), ("ours", "fp32"), ("usual", "fp32"), ("usual, eager", "fp32"))


WORKERS = 2  # of the usual way's loader; each fetches two batches ahead


class Files(torch.utils.data.Dataset):
    """The usual way: every item opens its file, crops it and computes its filter bank with torchaudio."""

    def __init__(self, table, targets, crop, n_mels):
        self.files, self.targets, self.crop = table["file"].tolist(), targets.tolist(), crop
        self.mel = torchaudio.transforms.MelSpectrogram(
            audio.RATE, 1024, 400, 160, n_mels=n_mels, window_fn=torch.hamming_window, center=False
        )

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        x, rate = soundfile.read(self.files[i], dtype="float32", always_2d=True)
        x = torch.from_numpy(x.mean(1))
        if rate != audio.RATE:
            x = torchaudio.functional.resample(x, rate, audio.RATE)
        x = x / x.abs().max()
        room = max(len(x) - self.crop, 0)
        start = int(torch.randint(room + 1, ()))
        x = x[start : start + self.crop]
        frames = 1 + max(len(x) - 400, 0) // 160
        x = torch.nn.functional.pad(x, (0, self.crop + 624 - len(x)))
        return (self.mel(x) + 1e-6).log(), frames, self.targets[i]


def ceilings(on: torch.device, repeats: int = 3) -> dict[str, float]:
    """What the machine can do: rates of a large convolution in fp32 and bf16 (GFLOP/s) and of a copy (GB/s)."""
    found = {}
    for name, to in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        x = torch.randn(32, 128, 40, 150, device=on).to(to, memory_format=torch.channels_last)
        w = torch.randn(128, 128, 3, 3, device=on).to(to, memory_format=torch.channels_last)
        with torch.no_grad():
            seconds = _seconds(lambda x=x, w=w: torch.conv2d(x, w, padding=1), on, repeats)
        found[f"convolution {name}"] = 2 * 128 * 128 * 9 * x[:, 0].numel() / seconds / 1e9
    source, target = torch.ones(2**26, device=on), torch.empty(2**26, device=on)
    found["copy"] = 2 * source.nbytes / _seconds(lambda: target.copy_(source), on, repeats) / 1e9
    return found


def _seconds(call, on, repeats):
    call()
    return min(_timed(call, on) for _ in range(repeats))


def _timed(call, on):
    _wait(on)
    started = time.perf_counter()
    call()
    _wait(on)
    return time.perf_counter() - started


def _wait(on):
    if on.type == "cuda":
        torch.cuda.synchronize(on)


class Trainer:
    """One way of feeding and computing the same training step.

    The usual way also lacks what ours does to the step itself: the channels-last layout and the kept memory.
    """

    def __init__(self, way, dtype, config, compiled):
        material = msac_sernet.data(config)
        self.on = training.device()
        self.network = msac_network.Network(
            config, material, material.table, material.folds[config.fold], self.on
        )
        self.network.to = training.dtype(self.on, dtype)
        encoder = self.network.model.encoder
        if way != "ours":
            encoder.to(memory_format=torch.contiguous_format)
        self.network.encoder = training.compiled(encoder, compiled and way != "usual, eager", self.on)
        self.optimiser = torch.optim.AdamW(self.network.model.parameters(), config.learning_rate)
        self.config, self.table, self.generator = config, material.table, torch.Generator().manual_seed(0)
        self.way, self.batches = way, None
        self.network.model.train()
        self.waited, self.steps, self.shares = 0.0, 0, []

    def round(self, steps) -> float:
        """Seconds a step, after a warm-up that uses up what the loader's workers had fetched ahead.

        The workers live for this round only: left alive, they would fetch while another way is timed.
        """
        ours = self.way == "ours"
        self.batches = self._ours() if ours else self._usual()
        with heap.kept(ours and self.on.type == "cpu"):
            for _ in range(2 if ours else WORKERS * 2):
                self.step()
            waited, done = self.waited, self.steps
            seconds = _timed(lambda: [self.step() for _ in range(steps)], self.on) / steps
        self.shares.append((self.waited - waited) / (self.steps - done) / seconds)
        self.batches.close()
        return seconds

    def _ours(self):
        while True:
            yield from self.network.batches(self.generator)

    def _usual(self):
        rows = self.network.rows["train"].numpy()
        targets = self.network.targets.cpu()[rows]
        files = Files(
            self.table.iloc[rows], targets, round(self.config.crop * audio.RATE), self.config.n_mels
        )
        loader = torch.utils.data.DataLoader(
            files,
            self.config.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=2,
            persistent_workers=True,
        )
        normalise = self.network.model.normalise
        while True:
            for x, frames, target in loader:
                x, frames, target = x.to(self.on), frames.to(self.on), target.to(self.on)
                groups = torch.zeros(len(x), dtype=torch.long, device=self.on)
                yield {"x": normalise(x, frames, groups).contiguous(), "frames": frames, "targets": target}

    def step(self):
        started = time.perf_counter()
        batch = next(self.batches)
        _wait(self.on)
        self.waited += time.perf_counter() - started
        self.steps += 1
        loss = self.network.objective(batch, self.generator)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()


def measure(config, rounds: int = 3, steps: int = 4, compiled: bool = False) -> tuple[pd.DataFrame, dict]:
    """Utterances per second of every way, in alternating rounds; the median round counts.

    Returns the table (way, dtype, compiled, utterances/s, data path in % of a step, GFLOP/s, ratio of ours at the
    hardware's dtype to the row) and the ceilings measured between the rounds.
    """
    trainers = {way: Trainer(*way, config, compiled) for way in WAYS}
    for trainer in trainers.values():  # compile
        trainer.round(1)
        trainer.shares.clear()
    seconds, rates = {way: [] for way in WAYS}, []
    for _ in range(rounds):
        rates.append(ceilings(training.device()))
        for way, trainer in trainers.items():
            seconds[way].append(trainer.round(steps))
    ceiling = {name: statistics.median(rate[name] for rate in rates) for name in rates[0]}
    work = flops(config) / 1e9
    ours, rows = statistics.median(seconds[WAYS[0]]), []
    for way, trainer in trainers.items():
        step = statistics.median(seconds[way])
        rows.append({
            "way": way[0], "dtype": str(trainer.network.to).removeprefix("torch."),
            "compiled": compiled and way[0] != "usual, eager", "utterances/s": config.batch_size / step,
            "data path, % of a step": 100 * statistics.median(trainer.shares),
            "GFLOP/s": work / step, "ours is … times as fast": step / ours,
        })  # fmt: skip
    return pd.DataFrame(rows), ceiling


def flops(config) -> int:
    """Floating-point operations of one training step, counted by torch (a multiplication and an addition are two)."""
    model = msac_network.MSACSERNet(config.n_mels, config.kernels, config.width, config.embedding).to("meta")
    width = int(1 + (round(config.crop * audio.RATE) - 400) // 160)
    x = torch.empty(config.batch_size, config.n_mels, width, device="meta")
    frames = torch.full((config.batch_size,), width, device="meta")
    with FlopCounterMode(display=False) as counter:
        model(x, frames).sum().backward()
    return counter.get_total_flops()


def packing(table, hours: float, folder) -> float:
    """Seconds to decode and pack an hour of a table's audio into an empty folder."""
    started = time.perf_counter()
    audio.pack(table, cache=folder)
    return (time.perf_counter() - started) / hours
