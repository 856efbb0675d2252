"""One training in two processes: the same weights as in one with the whole batch, and everything written once."""

import os
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from sernb import grid, paths, store, together, training
from sernb.models import self_supervised
from sernb.studies import gmp_atl, gmp_atl_network

#: Without dropout and masks of the process's own, whose draws cannot be the same, and in fp32; gradient descent, whose
#: steps are the gradients. Batches of nine, of which the processes get five and four.
OPTIONS = {
    "pretrained_on": "", "clustered": "pre-trained", "scales": (4, 8), "epochs_2": 1, "epochs": 1, "passes": 1.0, "restarts": 1,
    "masked": 0.0, "optimiser": "sgd", "learning_rate": 0.02, "crop": 1.0, "batch_size": 9, "hidden": 16, "embedding": 16,
}  # fmt: skip

SCRIPT = """
import sys, torch
from sernb import grid, store, together, training
from sernb.studies import gmp_atl, masked, network, stages

def told(module, name, what):
    whole = getattr(module, name)
    def call(*arguments, **named):
        with open(sys.argv[1], "a") as log:
            print(what(*arguments), file=log)
        return whole(*arguments, **named)
    setattr(module, name, call)

training.dtype = lambda *_: torch.float32
told(store, "write", lambda made: f"writes {made.meta['study']}")
told(stages, "_write", lambda folder, *_: f"writes {folder.name.rpartition('-')[0]}")
told(masked.Trainer, "objective", lambda self, batch, _: f"stage 2 {len(batch['utterances'])} {len(batch['x'])}")
told(network.Network, "objective", lambda self, batch, _: f"stage 3 {len(batch['utterances'])} {len(batch['x'])}")
(found,) = grid.run(gmp_atl, [gmp_atl.Config.of("quick", encoder=sys.argv[2], **OPTIONS)], progress=False)
print(found.key, together.number(), together.accelerator().distributed_type)
"""


def started(number, *arguments, **environment):
    """The processes of one training, connected as accelerate's and PyTorch's launchers do it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {
        "WORLD_SIZE": str(number),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    return [
        subprocess.Popen(
            [sys.executable, "-c", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(paths.ROOT), **group, "RANK": str(i), "LOCAL_RANK": str(i), **environment},
        )
        for i in range(number)
    ]  # fmt: skip


def ended(processes):
    found = [(*process.communicate(timeout=600), process.returncode) for process in processes]
    assert all(status == 0 for *_, status in found), "\n".join(error for _, error, _ in found)
    return [out for out, *_ in found]


def test_two_processes_train_what_one_trains_with_the_whole_batch(tmp_path, monkeypatch):
    torch.manual_seed(0)
    self_supervised.small(32, 3, 16).model.save_pretrained(tmp_path / "mine")
    monkeypatch.setattr(training, "dtype", lambda *_: torch.float32)
    config = gmp_atl.Config.of("quick", encoder=str(tmp_path / "mine"), **OPTIONS)
    gmp_atl.data(config)  # stand-in and pack lie ready for both
    script = SCRIPT.replace("OPTIONS", repr(OPTIONS))
    two = started(
        2, script, str(tmp_path / "log"), str(tmp_path / "mine"), SERNB_RESULTS=str(tmp_path / "two")
    )
    gmp_atl_network._kept.clear()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the two have: sums are rounded alike, and three processes share the CPUs
    try:
        (one,) = grid.run(gmp_atl, [config], progress=False)
    finally:
        torch.set_num_threads(threads)
    said = ended(two)
    assert said == [f"{one.key} 2 DistributedType.MULTI_CPU\n"] * 2
    found = store.read(one.key, tmp_path / "two")
    log = (tmp_path / "log").read_text().splitlines()
    assert [line for line in log if line.startswith("writes")] == ["writes gmp_atl-2", "writes gmp_atl"]
    for stage in ("stage 2", "stage 3"):
        shares = [line for line in log if line.startswith(stage)]
        assert shares.count(f"{stage} 5 5") == shares.count(f"{stage} 4 4") == len(shares) / 2 > 10
    (folder,) = (tmp_path / "two" / "stages").iterdir()
    arrays = [
        gmp_atl_network.stages.load_file(root / "stages" / folder.name / "model.safetensors")
        for root in (paths.RESULTS, tmp_path / "two")
    ]
    start = self_supervised.load(str(tmp_path / "mine")).state_dict()
    moved = max(
        float((torch.from_numpy(arrays[0][f"encoder.{k}"]) - v).abs().max()) for k, v in start.items()
    )
    assert moved > 0.01, "hardly anything was learned"
    for name, whole in arrays[0].items():
        np.testing.assert_allclose(arrays[1][name], whole, rtol=0, atol=1e-6, err_msg=name)
    for name, whole in one.state().items():
        np.testing.assert_allclose(found.state()[name], whole, rtol=0, atol=1e-6, err_msg=name)
    pd.testing.assert_frame_equal(
        found.curves.drop(columns="seconds"), one.curves.drop(columns="seconds"), rtol=0, atol=1e-5
    )
    pd.testing.assert_frame_equal(found.predictions, one.predictions, rtol=0, atol=1e-5)


def test_what_the_first_process_raises_all_raise():
    script = (
        "from sernb import together\n"
        "def make():\n    assert together.first()\n    raise ValueError('the disk is full')\n"
        "try: together.agreed(make)\n"
        "except ValueError as error: print(error)\n"
    )
    assert ended(started(2, script)) == ["the disk is full\n"] * 2


def test_alone_nothing_is_connected_and_a_cluster_excludes_it(monkeypatch):
    assert together.number() == 1 and together.first() and together.agreed(lambda: 3) == 3
    monkeypatch.setenv("WORLD_SIZE", "8")  # a batch system's, say
    assert together.number() == 1
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(
        ValueError, match="cluster='local' in one of 8 processes: either these train, or workers"
    ):
        grid.run(gmp_atl, [], "local")
