"""Executing notebooks headless: find, check the parameters, render to build/, move on success, stop cleanly.

Papermill does the executing. It lets a misspelled parameter pass, destroys a notebook executed in place, and leaves
the kernel running after SIGTERM; the functions here are what holds that together.
"""

import ast
import contextlib
import hashlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat

from sernb import paths


class Stopped(KeyboardInterrupt):
    """SIGINT or SIGTERM arrived. A KeyboardInterrupt, because asyncio lets nothing else through at once."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass(frozen=True)
class Notebook:
    """A notebook on disk. `name` is its place below notebooks/ without the ending, or its stem elsewhere."""

    path: Path
    name: str

    @classmethod
    def at(cls, path: Path) -> "Notebook":
        path, home = Path(path).resolve(), (paths.ROOT / "notebooks").resolve()
        inside = path.is_relative_to(home)
        return cls(path, path.relative_to(home).with_suffix("").as_posix() if inside else path.stem)

    def read(self):
        try:
            return nbformat.read(self.path, as_version=4)
        except OSError:
            raise
        except Exception as error:  # nbformat lets through whatever its parts raise
            raise ValueError(f"{self.path} is no notebook: {type(error).__name__}: {error}") from error

    def parameters(self) -> dict:
        """Names and default values of the cell tagged `parameters`; see `parameters`."""
        return parameters(self.read(), self.name)


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook: the file it was rendered to, its seconds, and the error if it failed."""

    notebook: Notebook
    file: Path
    seconds: float
    error: str | None = None


def committed(home: Path | None = None) -> list[Notebook]:
    """The workbook's notebooks in order: by their numbers, then by name."""
    home = Path(home or paths.ROOT / "notebooks")
    found = (p for p in home.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    return [Notebook.at(p) for p in sorted(found, key=lambda p: _in_order(p.relative_to(home).as_posix()))]


def _in_order(text: str) -> list:
    return [(0, int(t), "") if t.isdigit() else (1, 0, t) for t in re.split(r"(\d+)", text) if t]


def find(names: list[str]) -> list[Notebook]:
    """Notebooks from paths, folders, names (`1_msac_sernet/11_single_corpus`) or numbers (`11`); none given: all.

    Raises FileNotFoundError for a name that fits nothing, ValueError for one that fits several notebooks.
    """
    if not names:
        return committed()
    found = []
    for name in names:
        found += [n for n in _matching(name) if n not in found]
    return found


def _matching(name: str) -> list[Notebook]:
    path = Path(name).expanduser()
    if path.is_file():
        return [Notebook.at(path)]
    if path.is_dir() and (inside := committed(path)):
        return inside
    wanted, known = name.removesuffix(".ipynb").strip("/"), committed()
    for fits in (
        lambda n: wanted in (n.name, n.path.stem),
        lambda n: wanted == n.path.stem.split("_")[0],
    ):
        if len(hits := [n for n in known if fits(n)]) > 1:
            raise ValueError(
                f"{name!r} fits several notebooks: {', '.join(n.name for n in hits)}. Name one in full."
            )
        if hits:
            return hits
    if hits := [n for n in known if n.name.startswith(f"{wanted}/")]:
        return hits
    listed = ", ".join(n.name for n in known) or "none"
    raise FileNotFoundError(
        f"{name!r} is no notebook: expected a path, or a name or number of one of: {listed}."
    )


def parameters(notebook, name: str) -> dict:
    """Names and values of the cell tagged `parameters`; {} without such a cell.

    Raises ValueError where the cell holds anything but assignments of literals, since papermill replaces by name.
    """
    cells = [
        c for c in notebook.cells if c.cell_type == "code" and "parameters" in c.metadata.get("tags", [])
    ]
    found = {}
    try:
        nodes = [node for cell in cells for node in ast.parse(cell.source).body]
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"{name}: the parameters cell is no Python: {error}") from error
    for node in nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        try:
            found[target.id] = ast.literal_eval(node.value)
        except (AttributeError, ValueError, TypeError) as error:
            raise ValueError(
                f"{name}: the parameters cell holds `{ast.unparse(node)}`; expected `name = literal` only. "
                "Move what is computed to a later cell."
            ) from error
    return found


def value(text: str):
    """A parameter's value from the command line: a Python literal where it is one, else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def choose(notebook: Notebook, given: dict, offered: dict) -> dict:
    """What to pass to a notebook: all of `given`, and of `offered` what it declares and was set (not None).

    Raises ValueError naming the notebook, the parameter and the known ones if a given one is not declared.
    """
    known = notebook.parameters()
    for name in given:
        if name not in known:
            raise ValueError(
                f"{notebook.name} has no parameter {name!r}; it has {', '.join(known) or 'none'}. Nothing was executed."
            )
    return {k: v for k, v in offered.items() if k in known and v is not None} | given


def place(notebook: Notebook, passed: dict, build: Path | None = None) -> Path:
    """Where a notebook is rendered: build/rendered/<preset>-<data>[-<other parameters>]/<name>.ipynb."""
    values = notebook.parameters() | passed
    others = [f"{k}_{v}" for k, v in sorted(passed.items()) if k not in ("preset", "data")]
    parts = [str(values[k]) for k in ("preset", "data") if k in values] + others
    folder = "-".join(re.sub(r"[^\w.-]+", "_", part).replace("__", "_").strip("_") for part in parts)
    if len(folder) > 100:
        folder = f"{folder[:80]}-{hashlib.sha256(folder.encode()).hexdigest()[:12]}"
    return (
        Path(build or paths.ROOT / "build" / "rendered").resolve()
        / (folder or "plain")
        / f"{notebook.name}.ipynb"
    )


def execute(notebook: Notebook, passed: dict, file: Path) -> Outcome:
    """Execute a notebook in the working directory into `file`.

    It is written beside `file` as *.partial.ipynb, moved on success, and left as *.failed.ipynb if a cell fails.
    Raises Stopped, the kernel shut down and the partial one left, on SIGINT or SIGTERM.
    """
    import papermill

    partial, failed = (file.with_suffix(f".{word}.ipynb") for word in ("partial", "failed"))
    file.parent.mkdir(parents=True, exist_ok=True)
    failed.unlink(missing_ok=True)
    started = time.monotonic()
    try:
        with this_interpreter(), stoppable():
            papermill.execute_notebook(
                str(notebook.path),
                str(partial),
                passed or None,
                kernel_name="python3",
                language="python",
                progress_bar=False,
            )
    except papermill.exceptions.PapermillExecutionError as error:
        os.replace(partial, failed)
        # Papermill puts a note before the failing cell and one at the top; the reader counts without them.
        first = error.source.strip().split("\n")[0]
        cell = f"cell {error.cell_index + 1} (In [{error.exec_count}]: {first})"
        return Outcome(notebook, failed, time.monotonic() - started, f"{cell}: {error.ename}: {error.evalue}")
    except Exception as error:  # the kernel died or did not start, say: the next notebook may work
        if partial.exists():
            os.replace(partial, failed)
        return Outcome(notebook, failed, time.monotonic() - started, f"{type(error).__name__}: {error}")
    os.replace(partial, file)
    return Outcome(notebook, file, time.monotonic() - started)


@contextlib.contextmanager
def this_interpreter():
    """Make `python3` the kernel of the running interpreter, whatever kernels the user has installed elsewhere."""
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory(prefix="sernb-kernel-") as folder:
        spec = Path(folder) / "kernels" / "python3"
        spec.mkdir(parents=True)
        argv = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        argv.append("--IPKernelApp.log_level=50")  # what a cell raises is in the notebook; the rest is noise
        described = {"argv": argv, "display_name": "Python 3", "language": "python"}
        described["env"] = {"SERNB_EXPLORE": "0"}  # nobody clicks here, wherever the command was given
        (spec / "kernel.json").write_text(json.dumps(described))
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            yield
        finally:
            os.environ.pop("JUPYTER_PATH")
            if before is not None:
                os.environ["JUPYTER_PATH"] = before


@contextlib.contextmanager
def stoppable():
    """Turn the first SIGINT or SIGTERM into Stopped; a second one acts as usual, should the clean-up hang."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop(number, frame):
        for n in numbers:
            signal.signal(n, signal.SIG_DFL)
        raise Stopped(number)

    before = {n: signal.signal(n, stop) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
