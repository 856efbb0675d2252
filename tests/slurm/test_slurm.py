"""A notebook's grid through a real Slurm, one job cancelled in the middle. `make test-slurm` starts the Slurm."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import tiny_study
from nbformat.v4 import new_code_cell, new_notebook
from tiny_study import Config

from sernb import grid, paths, store

pytestmark = pytest.mark.skipif(
    "SLURM_CONF" not in os.environ, reason="needs a Slurm: `make test-slurm` starts one (Debian, as root)"
)
CONFIGS = "[Config(fold, seconds=2) for fold in folds]"


SETTINGS = {
    "PYTHONPATH": os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests")]),
    "DASK_CONFIG": str(Path(__file__).parent / "dask"),
}


def jobs():
    """The ids of the jobs that run."""
    command = ["squeue", "--noheader", "--states=RUNNING", "--format=%i"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def still_running(seconds=20):
    """The jobs that run when they have had time to end."""
    end = time.monotonic() + seconds
    while (there := jobs()) and time.monotonic() < end:
        time.sleep(0.5)
    return there


def test_a_notebooks_grid_with_a_job_cancelled_in_the_middle(tmp_path, monkeypatch):
    cells = [
        new_code_cell('cluster = "none"\nfolds = [0]', metadata={"tags": ["parameters"]}),
        new_code_cell(
            "import tiny_study\nfrom tiny_study import Config\nfrom sernb import grid\n"
            f"results = grid.run(tiny_study, {CONFIGS}, cluster)\nprint([r.meta['pid'] for r in results])"
        ),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), tmp_path / "a.ipynb")
    folds = list(range(12))
    command = [
        sys.executable,
        "-m",
        "papermill",
        "a.ipynb",
        "out.ipynb",
        "-p",
        "cluster",
        "slurm",
        "-y",
        f"folds: {folds}",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | SETTINGS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )  # fmt: skip
    end, cancelled = time.monotonic() + 300, None
    while process.poll() is None and time.monotonic() < end:
        if cancelled is None and len(store.find("tiny")) >= 3 and (running := jobs()):
            cancelled = running[0]
            subprocess.run(["scancel", cancelled], check=True)
        time.sleep(0.5)
    out = process.communicate(timeout=1)[0]
    assert process.returncode == 0, out
    assert cancelled is not None
    found = store.find("tiny")
    assert len(found) == len(folds)
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "serial")
    serial = {
        r.key: r for r in grid.run(tiny_study, [Config(fold, seconds=2) for fold in folds], progress=False)
    }
    assert os.getpid() not in {r.meta["pid"] for r in found}
    for run in found:
        pd.testing.assert_frame_equal(run.predictions, serial[run.key].predictions)
    assert not still_running(), "the grid is over, and its jobs go on"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_an_interrupt_cancels_the_jobs(number, tmp_path):
    script = (
        "import tiny_study\nfrom sernb import grid\n"
        "grid.run(tiny_study, [tiny_study.Config(fold, seconds=600) for fold in (0, 1)], 'slurm')"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=os.environ | SETTINGS)
    end = time.monotonic() + 60
    while not jobs():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(30) == -number
    assert not still_running()
