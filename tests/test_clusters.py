"""Grids on worker processes: the same results as in order, whatever raises, dies, is killed or interrupted."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import dask
import distributed
import nbformat
import pandas as pd
import psutil
import pytest
import tiny_study
from nbformat.v4 import new_code_cell, new_notebook
from tiny_study import Config

from sernb import cli, clusters, grid, local_workers, paths, store


def workers_of(process=None):
    """The worker processes of a process."""
    found = []
    for child in psutil.Process(process).children():
        try:
            found += [child] if "distributed.cli.dask_worker" in child.cmdline() else []
        except psutil.NoSuchProcess:
            pass
    return found


def with_tests():
    """An environment for processes that import from here."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests")])}


def same(one, other):
    """Equal but for when and where they were computed."""
    pd.testing.assert_frame_equal(one.predictions, other.predictions)
    pd.testing.assert_frame_equal(one.curves, other.curves)
    assert one.key == other.key and one.metrics == other.metrics and one.config == other.config
    assert (one.state()["w"] == other.state()["w"]).all()


def serially(configs, monkeypatch, tmp_path):
    """The same grid in order, in a store of its own."""
    with monkeypatch.context() as patch:
        patch.setattr(paths, "RESULTS", tmp_path / "serial")
        return grid.run(tiny_study, configs, progress=False)


def test_whatever_fails_is_listed_and_all_else_is_stored(tmp_path, monkeypatch, capsys):
    log = str(tmp_path / "log")
    good = [Config(fold) for fold in range(4)]
    bad = [Config(4, fault="raises", log=log), Config(5, fault="dies", log=log), Config(6, fault="no data")]
    again = Config(7, fault="once", log=log)
    with pytest.raises(grid.GridError, match="^3 of 8 configurations of tiny failed:") as error:
        grid.run(tiny_study, [*good, *bad, again], "local")
    lines = str(error.value).splitlines()[1:]
    assert lines[0] == "  fold=6, fault='no data': FileNotFoundError: there is no corpus 'nowhere'"
    said = {re.search(r"fold(\d)", line)[1]: line for line in lines[1:]}
    assert said["4"].endswith("ValueError: no luck with fold 4")
    assert re.search(r"WorkerDied: 4 workers died of it, .* ran out of memory: give each more", said["5"])
    trained = Counter(map(int, open(log)))
    assert trained == {4: 1 + clusters.RETRIES, 5: 4, 7: 2}
    out = capsys.readouterr()
    assert "tiny: 7 tasks, dashboard at http://127.0.0.1:" in out.out and "7/7" in out.err
    found = grid.run(tiny_study, [*good, again], "local")  # nothing is missing: no worker is started
    assert "dashboard" not in capsys.readouterr().out
    for one, other in zip(found, serially([*good, again], monkeypatch, tmp_path), strict=True):
        same(one, other)
    assert os.getpid() not in {r.meta["pid"] for r in found}
    assert not workers_of()


def test_forty_configurations_survive_a_dozen_kills(tmp_path, monkeypatch):
    configs = [Config(fold, seed, seconds=0.2) for fold in range(20) for seed in range(2)]
    draw, killed, over = random.Random(0), [], threading.Event()

    def kill():
        while not over.wait(draw.uniform(0.1, 1.0)):
            if len(killed) < 12 and (there := workers_of()):
                victim = draw.choice(there)
                victim.kill()
                killed.append(victim.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        # Two kills a second: by chance some task loses more workers than a task in life may before it is to blame.
        with dask.config.set({"distributed.scheduler.allowed-failures": 12}):
            found = grid.run(tiny_study, configs, "local", progress=False)
    finally:
        over.set()
        killer.join()
    assert len(killed) >= 10
    assert len(store.find("tiny")) == len(configs) == len({r.key for r in found})
    for one, other in zip(found, serially(configs, monkeypatch, tmp_path), strict=True):
        same(one, other)
    monkeypatch.setattr(tiny_study, "run", None)  # a second call trains nothing
    started = time.monotonic()
    assert [r.key for r in grid.run(tiny_study, configs, "local")] == [r.key for r in found]
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_an_interrupt_stops_the_workers_and_keeps_what_is_done(number, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import tiny_study\nfrom tiny_study import Config\nfrom sernb import grid\nif __name__ == '__main__':\n"
        "    quick, slow = [Config(0), Config(1)], [Config(i, seconds=60) for i in (2, 3)]\n"
        "    grid.run(tiny_study, quick + slow, 'local', progress=False)\n"
    )
    process = subprocess.Popen(
        [sys.executable, script], env=with_tests(), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    end = time.monotonic() + 120
    while len(store.find("tiny")) < 2:
        assert process.poll() is None and time.monotonic() < end, process.stderr.read()
        time.sleep(0.2)
    workers = workers_of(process.pid)
    assert workers
    process.send_signal(number)
    error = process.communicate(timeout=30)[1]
    assert process.returncode == (-number if number == signal.SIGTERM else -signal.SIGINT), error
    gone, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive and len(store.find("tiny")) == 2


def test_a_scheduler_that_runs_already(monkeypatch, tmp_path):
    with pytest.raises(
        ConnectionError, match="no Dask scheduler answers at tcp://127.0.0.1:9 .*dask scheduler"
    ):
        with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
            grid.run(tiny_study, [Config()], "tcp://127.0.0.1:9")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=4, dashboard_address=None) as there:
        configs = [Config(fold, seconds=0.05) for fold in range(6)]
        found = grid.run(tiny_study, configs, there.scheduler_address, progress=False)
        for one, other in zip(found, serially(configs, monkeypatch, tmp_path), strict=True):
            same(one, other)
        assert there.scheduler.workers, "the workers are not ours to stop"


def test_a_scheduler_that_goes_away_is_said(tmp_path):
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard", "--scheduler-file", tmp_path / "scheduler.json"]
    process = subprocess.Popen(command, env=with_tests(), stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not (tmp_path / "scheduler.json").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    address = json.loads((tmp_path / "scheduler.json").read_text())["address"]
    threading.Timer(5, process.kill).start()  # it has no worker: both tasks still wait
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        with pytest.raises(
            grid.GridError, match="2 of 2 .*(\n.*the Dask scheduler is gone; the same call again.*){2}"
        ):
            grid.run(tiny_study, [Config(0), Config(1)], address, progress=False)
    process.wait()


def test_every_worker_has_a_gpu_of_its_own_and_its_successor_the_same(monkeypatch):
    started = []

    class Popen:
        returncode = None

        def __init__(self, command, env, **_):
            started.append((env["CUDA_VISIBLE_DEVICES"], command[-2:]))

        def poll(self):
            return self.returncode

        def terminate(self):
            self.returncode = 0

        def wait(self, timeout=None):
            pass

    monkeypatch.setattr("sernb.training.gpus", lambda: ["2", "5", "7"])
    monkeypatch.setattr(subprocess, "Popen", Popen)
    with local_workers.Processes("tcp://nowhere:1", 2) as workers:
        assert started == [("2", ["--resources", "GPU=1"]), ("5", ["--resources", "GPU=1"])]
        workers.running[1].returncode = -signal.SIGKILL
        workers.tend()
        assert [gpu for gpu, _ in started] == ["2", "5", "5"]
        for _ in range(local_workers.BROKEN):
            workers.running[0].returncode = 1
            workers.tend()
        workers.running[0].returncode = 1
        with pytest.raises(RuntimeError, match="workers end with status 1 by themselves"):
            workers.tend()


def test_what_slurm_lacks_is_said_before_anything_waits(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="needs sbatch, which is not on this machine"):
        grid.run(tiny_study, [Config()], "slurm")
    script = tmp_path / "sbatch"
    script.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: moon' >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(
        ValueError, match="needs jobqueue.slurm.cores and jobqueue.slurm.memory in a file below"
    ):
        grid.run(tiny_study, [Config()], "slurm")
    settings = {"cores": 2, "memory": "1GB", "queue": "moon", "interface": "lo"}
    with dask.config.set({f"jobqueue.slurm.{name}": value for name, value in settings.items()}):
        with pytest.raises(
            ValueError, match="sbatch refuses such a job: .*invalid partition specified: moon"
        ):
            grid.run(tiny_study, [Config()], "slurm")


@pytest.mark.parametrize("name", ["moon", "tcp://", "tcp://host", "Local", ""])
def test_an_unknown_cluster_is_refused(name, capsys):
    with pytest.raises(ValueError, match=f"cluster {name!r} is unknown; there are 'none'"):
        grid.run(tiny_study, [], name)
    assert cli.main(["run", "--cluster", name]) == 2
    assert f"cluster {name!r} is unknown" in capsys.readouterr().err


def test_a_notebooks_grid_on_workers_fails_with_status_1_and_stops_with_its_runner(
    tmp_path, monkeypatch, capsys
):
    """Two runs side by side, each with its own store: one that is stopped, and one with a fault."""
    monkeypatch.setenv("PYTHONPATH", with_tests()["PYTHONPATH"])
    cells = [
        new_code_cell('cluster = "none"\nseconds = 0.0\nfault = ""', metadata={"tags": ["parameters"]}),
        new_code_cell(
            "import tiny_study\nfrom tiny_study import Config\nfrom sernb import grid\n"
            "configs = [Config(0), Config(1, seconds=seconds), Config(2, fault=fault)]\n"
            "print([r.meta['pid'] for r in grid.run(tiny_study, configs, cluster)])"
        ),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    run = ["run", str(tmp_path / "a.ipynb"), "--cluster", "local", "--out", str(tmp_path / "out")]
    stopped, elsewhere = tmp_path / "stopped", {**os.environ, "SERNB_RESULTS": str(tmp_path / "stopped")}
    command = [sys.executable, "-m", "sernb.cli", *run, "-p", "seconds", "60"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=elsewhere
    )
    assert cli.main([*run, "-p", "fault", "raises"]) == 1
    assert "GridError: 1 of 3 configurations of tiny failed:" in (error := capsys.readouterr().err)
    assert "ValueError: no luck with fold 2" in error and len(store.find("tiny")) == 2
    end = time.monotonic() + 60
    while len(store.find("tiny", root=stopped)) < 2:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    own = [w for c in psutil.Process(process.pid).children() for w in workers_of(c.pid)]
    assert own
    process.terminate()
    error = process.communicate(timeout=30)[1]
    assert process.returncode == 143 and "stopped by SIGTERM" in error and "Traceback" not in error
    assert not psutil.wait_procs(own, timeout=5)[1] and len(store.find("tiny", root=stopped)) == 2
