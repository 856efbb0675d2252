"""Dask workers as processes of this machine: one per GPU, else sharing the CPUs; one that dies is started again.

Dask's own LocalCluster gives a worker up for good that is killed while it starts.
"""

import os
import subprocess
import sys
import threading
import time

#: One task at a time, and no limit of Dask's on memory: it would count the pages of a mapped pack and kill for them.
OPTIONS = ("--nthreads", "1", "--memory-limit", "0")
BROKEN = 5  # workers that may end by themselves, with an error, before it is taken for more than bad luck
CALLER = "SERNB_CALLER"  # the environment variable that tells a worker whose it is
PATIENCE = 3.0  # seconds that workers have to end when asked


class Processes:
    """Workers of the scheduler at `address`, at most `most`; a context manager. `tend` replaces those that died."""

    def __init__(self, address: str, most: int):
        import dask.system
        from distributed.deploy.utils import nprocesses_nthreads

        from sernb import training

        self.gpus, cpus = training.gpus(), dask.system.CPU_COUNT
        self.gpu = bool(self.gpus)
        self.number = min(most, len(self.gpus) or nprocesses_nthreads(cpus)[0])
        self.environment = {
            **os.environ, "OMP_NUM_THREADS": str(max(1, cpus // self.number)), "DASK_LOGGING__DISTRIBUTED": "critical",
            "PYTHONPATH": os.pathsep.join(folder or os.getcwd() for folder in sys.path), CALLER: str(os.getpid()),
        }  # fmt: skip
        self.command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            address,
            "--no-nanny",
            "--no-dashboard",
        ]
        self.command += [*OPTIONS, "--preload", __name__, *(("--resources", "GPU=1") if self.gpu else ())]
        self.running: list[subprocess.Popen | None] = [None] * self.number
        self.broken = 0

    def __enter__(self):
        self.tend()
        return self

    def __exit__(self, error, *_):
        there = [process for process in self.running if process is not None]
        for process in there:
            process.kill() if error else process.terminate()  # what is stored is whole, whenever it is killed
        end = time.monotonic() + PATIENCE
        for process in there:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def tend(self) -> None:
        """Start every worker that is not running. Raises RuntimeError where they end by themselves, not killed."""
        for place, process in enumerate(self.running):
            if process is not None and process.poll() is None:
                continue
            self.broken += process is not None and process.returncode > 0
            if self.broken > BROKEN:
                raise RuntimeError(
                    f"workers end with status {process.returncode} by themselves; what they say is in the terminal. "
                    f"The command: {' '.join(self.command)}"
                )
            own = {"CUDA_VISIBLE_DEVICES": self.gpus[place]} if self.gpu else {}
            # Its own session: Ctrl-C is for the caller, who then stops the workers.
            self.running[place] = subprocess.Popen(
                self.command, env=self.environment | own, stdin=subprocess.DEVNULL, start_new_session=True
            )


def dask_setup(worker) -> None:
    """Run in every worker as it starts: a caller that was killed stops no worker, so the worker looks after itself."""
    caller = int(os.environ[CALLER])  # not the parent of now: it may have gone while the worker started

    def watch():
        while os.getppid() == caller:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
