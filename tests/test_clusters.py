"""Grids on worker processes: the same results as in order, whatever raises, dies, is killed or interrupted."""

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
import pandas as pd
import psutil
import pytest
import tiny_study
from tiny_study import Config

from sernb import clusters, grid, paths, store


def workers_of(process=None):
    """The worker processes of a process."""
    found = []
    for child in psutil.Process(process).children():
        try:
            found += [child] if "distributed.cli.dask_worker" in child.cmdline() else []
        except psutil.NoSuchProcess:
            pass
    return found


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
    configs = [Config(fold, seed, seconds=0.3) for fold in range(20) for seed in range(2)]
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
    path = os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests")])
    process = subprocess.Popen(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True
    )
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
