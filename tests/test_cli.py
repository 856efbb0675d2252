"""`sernb run` on throw-away notebooks: parameters, rendering, failures, stops, saving."""

import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from sernb import cli, front_door, notebooks, saving

PARAMETERS = 'preset = "quick"\ndata = "stand-in"\nfolds = [0, 1]'


def write(path, *sources, parameters=PARAMETERS):
    cells = [new_markdown_cell("A title")]
    if parameters:
        cells.append(new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells + [new_code_cell(s) for s in sources]), path)
    return path


def text(path):
    cells = nbformat.read(path, as_version=4).cells
    return "".join(o.get("text", "") for c in cells if c.cell_type == "code" for o in c.outputs)


def run(*arguments):
    return cli.main(["run", *map(str, arguments)])


def test_renders_with_parameters_in_the_callers_directory_and_this_interpreter(tmp_path, monkeypatch, capsys):
    source = "import os, sys\nprint(preset, data, sum(folds), os.getcwd(), sys.executable)"
    a = write(tmp_path / "a.ipynb", source)
    b = write(tmp_path / "b.ipynb", "print(folds)", parameters="folds = []")
    before = a.read_bytes()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("../a.ipynb", b, "-p", "folds", "[3, 4]", "--preset", "paper", "--out", tmp_path / "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\[1/2\] a \(paper, stand-in, folds \[3, 4\]\) … \d+ s", lines[0])
    assert re.fullmatch(r"\[2/2\] b \(folds \[3, 4\]\) … \d+ s", lines[1])  # b declares no preset: not passed
    rendered = tmp_path / "out" / "paper-stand-in-folds_3_4" / "a.ipynb"
    assert text(rendered).split() == ["paper", "stand-in", "7", str(tmp_path / "elsewhere"), sys.executable]
    assert a.read_bytes() == before
    assert not list((tmp_path / "out").rglob("*.partial.ipynb"))


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path, capsys):
    a, b = write(tmp_path / "a.ipynb"), write(tmp_path / "b.ipynb", parameters="seed = 0")
    assert run(a, b, "-p", "folds", "[1]", "--out", tmp_path / "out") == 2
    assert "b has no parameter 'folds'; it has seed." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_parameter_that_is_no_literal_is_refused(tmp_path, capsys):
    assert run(write(tmp_path / "a.ipynb", parameters="seed = 1 + int('2')"), "--out", tmp_path / "out") == 2
    assert "a: the parameters cell holds `seed = 1 + int('2')`" in capsys.readouterr().err


def test_an_unknown_notebook_is_refused(tmp_path, capsys):
    assert run("no_such_notebook") == 2
    assert "'no_such_notebook' is no notebook" in capsys.readouterr().err


def test_a_failure_is_named_kept_and_does_not_stop_the_others(tmp_path, capsys):
    bad = write(
        tmp_path / "bad.ipynb", "print('so far')", "raise ValueError('three != four')", "print('never')"
    )
    dying = write(tmp_path / "dying.ipynb", "import os\nos._exit(3)")
    good = write(tmp_path / "good.ipynb", "print('good')")
    assert run(bad, dying, good, "--out", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "bad: cell 4 (In [3]: raise ValueError('three != four')): ValueError: three != four" in error
    assert "dying: DeadKernelError" in error
    out = tmp_path / "out" / "quick-stand-in"
    assert sorted(p.name for p in out.iterdir()) == ["bad.failed.ipynb", "dying.failed.ipynb", "good.ipynb"]
    assert text(out / "bad.failed.ipynb") == "so far\n"


def test_a_signal_stops_the_kernel_and_leaves_the_partial(tmp_path):
    stopping = {number: start(tmp_path / number.name) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, process in stopping.items():
        pid = tmp_path / number.name / "pid"
        wait(lambda pid=pid: pid.exists() and pid.read_text())
        process.send_signal(number)
    for number, process in stopping.items():
        folder = tmp_path / number.name
        error = process.communicate(timeout=20)[1]
        assert process.returncode == 128 + number
        assert f"stopped by {number.name}" in error and "Traceback" not in error
        assert [p.name for p in (folder / "out").rglob("*.ipynb")] == ["a.partial.ipynb"]
        assert "first" in text(folder / "out" / "quick-stand-in" / "a.partial.ipynb")
        kernel = int((folder / "pid").read_text())
        wait(lambda kernel=kernel: not alive(kernel))


def start(folder):
    source = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    write(folder / "a.ipynb", "print('first')", source)
    write(folder / "b.ipynb")
    command = [sys.executable, "-m", "sernb.cli", "run", "a.ipynb", "b.ipynb", "--out", "out"]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)


def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_save_puts_a_clean_executed_notebook_in_place(tmp_path, capsys):
    source = (
        "import sys, warnings\nfrom sernb import paths\nfrom tqdm.auto import tqdm\n"
        "for i in tqdm(range(3)):\n    pass\n"
        "print(paths.ROOT / 'sernb')\nwarnings.warn('careful')"
    )
    a = write(tmp_path / "a.ipynb", source)
    assert run(a, "--save", "-p", "folds", "[1]", "--out", tmp_path / "out") == 2
    assert run(a, "--save", "--out", tmp_path / "out") == 0
    saved = nbformat.read(a, as_version=4)
    assert set(saved.metadata) == {"kernelspec", "language_info", "sernb"}
    assert saved.metadata.sernb.source_hash == saving.source_hash(saved)
    assert [dict(c.metadata) for c in saved.cells] == [{}, {"tags": ["parameters"]}, {}]
    raw = a.read_text()
    assert "./sernb" in raw and "<cell>:7" in raw
    for trace in (str(notebooks.paths.ROOT), "ipykernel_", "widget", "papermill", "timestamp", "start_time"):
        assert trace not in raw
    saved.cells[0].source = "Another title"
    assert saved.metadata.sernb.source_hash != saving.source_hash(saved)


def test_notebooks_are_found_by_path_name_number_and_folder(tmp_path, monkeypatch):
    for name in ("1_one/11_first", "1_one/12_second", "2_two/21_third", "10_ten/101_last"):
        write(tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.setattr(notebooks.paths, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)

    def names(*wanted):
        return [n.name for n in notebooks.find(list(wanted))]

    assert names() == ["1_one/11_first", "1_one/12_second", "2_two/21_third", "10_ten/101_last"]
    assert names("12", "1_one/11_first") == ["1_one/12_second", "1_one/11_first"]
    assert names("1_one") == names("notebooks/1_one") == ["1_one/11_first", "1_one/12_second"]
    assert names("21_third") == names("notebooks/2_two/21_third.ipynb") == ["2_two/21_third"]
    write(tmp_path / "notebooks" / "2_two" / "11_double.ipynb")
    with pytest.raises(ValueError, match="fits several notebooks: 1_one/11_first, 2_two/11_double"):
        names("11")


def test_every_preset_of_every_study_can_be_asked_for():
    """The README's commands name presets: what a study has, the command line takes."""
    for study in front_door.CONFIGS:
        for preset in front_door.presets(study):
            assert cli.parser().parse_args(["run", "--preset", preset]).preset == preset, study
