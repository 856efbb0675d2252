"""Many tasks on Dask workers: processes of this machine, Slurm jobs, or the workers of a scheduler that runs already.

A worker does one task at a time and lives for the whole grid, so packed data and compiled models stay warm. The
settings are Dask's own (files in ~/.config/dask, DASK_… variables). Those that matter here:

    distributed:
      adaptive: {maximum: 4}              # workers at most; default: one per GPU, else as Dask divides the CPUs
      scheduler: {allowed-failures: 3}    # a task is given up when this many workers more than one died of it
    jobqueue:
      slurm:
        cores: 8                          # of a job; a worker trains with all of them
        memory: 32GB
        queue: gpu                        # the partition
        account: speech
        walltime: "12:00:00"
        job-extra-directives: ["--gres=gpu:1"]
        worker-extra-args: ["--resources", "GPU=1"]       # then a task asks for one GPU
        job-script-prologue: ["module load cuda"]
        log-directory: slurm-logs         # where a job's own complaints are found

All workers must see the folders of SERNB_DATA, SERNB_RESULTS and SERNB_CACHE under the same paths. Whoever reaches the
scheduler's port can run code on its workers: on a network that is not yours, set distributed.comm.tls.
"""

import collections
import contextlib
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError

from tqdm.auto import tqdm

from sernb import local_workers, paths

ADDRESS = re.compile(r"\w+://\S+:\d+")
RETRIES = 1  # of a task that raised: a file server may have been away; a training goes on from its checkpoint
FOLDERS = ("DATA", "RESULTS", "FIGURES", "CACHE")
#: Two trainings in one process would draw from each other's random numbers.
_ALONE = threading.Lock()


class WorkerDied(RuntimeError):
    """A task's workers died of it again and again."""


def check(cluster: str) -> str:
    """`cluster`; raises ValueError where it is none of those that there are."""
    if cluster in ("none", "local", "slurm") or (isinstance(cluster, str) and ADDRESS.fullmatch(cluster)):
        return cluster
    raise ValueError(
        f"cluster {cluster!r} is unknown; there are 'none' (here, in order), 'local' (worker processes on this "
        "machine), 'slurm' (jobs), or the address of a Dask scheduler such as 'tcp://10.0.0.1:8786'."
    )


def each(
    call: Callable, tasks: dict, cluster: str, label: str, progress: bool = True
) -> dict[str, Exception]:
    """`call(name, value)` on a worker for every task, what it returns thrown away; the errors of those that failed.

    A result that lived in a worker's memory would be lost with the worker, and its task repeated: a call stores what
    it makes and does nothing where that is stored. Ctrl-C and SIGTERM stop the workers at once.
    """
    with _terminable(), _opened(check(cluster), len(tasks)) as (client, pool):
        if progress:
            print(f"{label}: {len(tasks)} tasks, dashboard at {client.dashboard_link}", flush=True)
        with tqdm(total=len(tasks), desc=label, disable=not progress, leave=False) as bar:
            return _fed(client, pool, call, tasks, bar)


def _fed(client, pool, call, tasks, bar):
    """As many tasks in flight as there are workers: one that dies takes no other task's good name with it."""
    import distributed

    waiting, running, errors = collections.deque(tasks.items()), {}, {}
    folders = {name: getattr(paths, name) for name in FOLDERS}
    while waiting or running:
        pool.tend()
        try:
            there = len(client.nthreads())
            bar.set_postfix(workers=there)
            while waiting and len(running) < max(pool.number, there):
                name, value = waiting.popleft()
                future = client.submit(
                    _on_worker, call, name, value, folders, key=f"{name}-{uuid.uuid4().hex}", pure=False,
                    retries=RETRIES, resources={"GPU": 1} if pool.gpu else None,
                )  # fmt: skip
                running[future] = name
            done = distributed.wait(list(running), timeout=0.2, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            continue  # more workers may have come
        except (CancelledError, OSError):
            lost = [*running.values(), *(name for name, _ in waiting)]
            gone = ConnectionError("the Dask scheduler is gone; the same call again continues")
            return errors | dict.fromkeys(lost, gone)
        for future in done:
            name = running.pop(future)
            bar.update()
            if future.status == "error":
                errors[name] = _plain(future.exception())
    bar.refresh()  # which may have left out the last steps, for coming fast
    return errors


def _on_worker(call, name, value, folders):
    for folder, path in folders.items():
        setattr(paths, folder, path)
    with _ALONE:
        call(name, value)


def _plain(error):
    """The error, in plain words where it is Dask's own."""
    import distributed

    if not isinstance(error, distributed.KilledWorker):
        return error
    return WorkerDied(
        f"{error.allowed_failures + 1} workers died of it, the last at {error.last_worker.address}. Killed from outside "
        "without a word, a worker most likely ran out of memory: give each more, or run fewer side by side "
        "(distributed.adaptive.maximum)."
    )


@dataclasses.dataclass(frozen=True)
class _Pool:
    """How many workers will come, whether each has a GPU, and what keeps up their number."""

    number: int
    gpu: bool
    tend: Callable[[], None] = lambda: None


@contextlib.contextmanager
def _opened(cluster, tasks):
    """A client and its pool of workers."""
    import dask
    import distributed

    most = int(min(tasks, dask.config.get("distributed.adaptive.maximum")))
    if cluster == "slurm":
        with _slurm() as jobs, distributed.Client(jobs) as client:
            # Adapting between equal bounds replaces a job that is lost; scaling would not.
            jobs.adapt(minimum_jobs=most, maximum_jobs=most)
            yield client, _Pool(most, "GPU=" in " ".join(map(str, _setting("worker-extra-args"))))
    elif cluster == "local":
        with distributed.LocalCluster(n_workers=0, silence_logs="CRITICAL") as here:
            with (
                distributed.Client(here) as client,
                local_workers.Processes(here.scheduler_address, most) as own,
            ):
                yield client, _Pool(own.number, own.gpu, own.tend)
    else:
        with _connected(cluster) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            yield client, _Pool(len(workers) or 1, any("GPU" in worker["resources"] for worker in workers))


def _connected(address):
    import distributed

    try:
        return distributed.Client(address)
    except OSError as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address} ({error}). Start one with `dask scheduler`, and workers with "
            f"`dask worker {address} --nthreads 1`."
        ) from error


def _setting(name):
    import dask

    return dask.config.get(f"jobqueue.slurm.{name}")


def _slurm():
    """Slurm jobs of one worker each, unless more are configured."""
    before = signal.getsignal(signal.SIGINT)
    import dask_jobqueue  # which on import makes Ctrl-C end the process with status 0

    signal.signal(signal.SIGINT, before)
    if not shutil.which("sbatch"):
        raise FileNotFoundError(
            "cluster='slurm' needs sbatch, which is not on this machine: run it where jobs are submitted from."
        )
    lacking = [name for name in ("cores", "memory") if _setting(name) is None]
    if lacking:
        raise ValueError(
            f"cluster='slurm' needs {' and '.join(f'jobqueue.slurm.{name}' for name in lacking)} in a file below "
            "~/.config/dask (or DASK_CONFIG), such as: jobqueue: {slurm: {cores: 8, memory: 32GB, queue: gpu}}."
        )
    processes = _setting("processes") or 1
    threads = f"export OMP_NUM_THREADS={_setting('cores') // processes}"
    jobs = dask_jobqueue.SLURMCluster(
        processes=processes,
        worker_extra_args=[*_setting("worker-extra-args"), *local_workers.OPTIONS],
        job_script_prologue=[*_setting("job-script-prologue"), threads],
    )
    tested = subprocess.run(
        ["sbatch", "--test-only"], input=jobs.job_script(), capture_output=True, text=True
    )
    if tested.returncode:
        jobs.close()
        raise ValueError(
            f"sbatch refuses such a job: {tested.stderr.strip()}. Its settings are jobqueue.slurm of Dask."
        )
    return jobs


@contextlib.contextmanager
def _terminable():
    """SIGTERM like Ctrl-C inside the `with`, so that workers are stopped first, and then as it was to be taken."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = []

    def stop(number, frame):
        signal.signal(signal.SIGTERM, before)
        came.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if came:
            os.kill(os.getpid(), signal.SIGTERM)
