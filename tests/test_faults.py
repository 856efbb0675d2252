"""The store and the caches under fire: each fault is provoked, named with what to do, and stops nothing else."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny_study
import torch
from tiny_study import Config

from sernb import audio, grid, paths, store, training, writing


def python(script, **environment):
    """A fresh process that runs a script with the tests at hand."""
    path = os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def ended(processes):
    """Exit status and output of each."""
    said = [process.communicate(timeout=120)[0] for process in processes]
    return [(process.returncode, out) for process, out in zip(processes, said, strict=True)]


def leftovers(folder):
    return [p.name for p in folder.rglob(f"{writing.UNFINISHED}*")] + [p.name for p in folder.rglob("*.tmp")]


@contextlib.contextmanager
def files_of_at_most(size):
    """The operating system refuses larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def closed(tmp_path):
    """A folder in which this user may not write, root included."""
    if os.geteuid() == 0:
        return Path("/sys/sernb")
    (tmp_path / "closed").mkdir(mode=0o555)
    return tmp_path / "closed" / "sernb"


@pytest.fixture
def recordings(tmp_path):
    generator, rows = np.random.default_rng(0), []
    (tmp_path / "recordings").mkdir()
    for i in range(40):
        file = tmp_path / "recordings" / f"{i}.wav"
        soundfile.write(file, generator.uniform(-0.5, 0.5, 4000), 16_000)
        rows.append({"utterance": f"c/{i}", "file": str(file), "start": 0.0, "end": np.nan})
    return pd.DataFrame(rows).set_index("utterance")


def test_many_processes_share_a_folder(recordings, tmp_path):
    recordings.to_parquet(tmp_path / "table.parquet")
    script = (
        "import random, sys, pandas as pd, tiny_study\nfrom sernb import audio, grid, store\n"
        "configs = [tiny_study.Config(i % 6) for i in range(18)]\nrandom.Random(SEED).shuffle(configs)\n"
        "for c in configs: store.write(tiny_study.run(c))\n"
        f"print(len(audio.pack(pd.read_parquet({str(tmp_path / 'table.parquet')!r})).ids))"
    )
    cache = tmp_path / "cache"
    several = [python(script.replace("SEED", str(i)), SERNB_CACHE=str(cache)) for i in range(3)]
    assert ended(several) == [(0, "40\n")] * 3
    assert len(store.find("tiny")) == 6 and len(list((cache / "packs").iterdir())) == 1
    assert not leftovers(paths.RESULTS) and not leftovers(cache)


def test_a_writer_killed_at_any_point_leaves_nothing_or_a_whole_result(tmp_path):
    script = (
        "import os, signal, sys, tiny_study\nfrom sernb import paths, store\n"
        "result, count, here = tiny_study.run(tiny_study.Config()), 0, str(paths.RESULTS)\n"
        "store._commit = dict\n"
        "def touched(event, arguments):\n    global count\n"
        "    if any(here in str(a) for a in arguments):\n        count += 1\n"
        "        if count == LAST: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(touched)\nstore.write(result)\nprint(count)"
    )
    ((status, said),) = ended([python(script.replace("LAST", "-1"))])
    assert status == 0 and int(said) > 20  # times that the file system is asked
    whole, points = 0, np.linspace(1, int(said), 8).astype(int)
    folders = [tmp_path / f"killed {n}" for n in points]
    killed = [
        python(script.replace("LAST", str(n)), SERNB_RESULTS=str(folder))
        for n, folder in zip(points, folders, strict=True)
    ]
    assert [status for status, _ in ended(killed)] == [-signal.SIGKILL] * len(points)
    for folder in folders:
        found = store.read(tiny_study.key(Config()), folder)
        whole += found is not None
        assert (len(store.find("tiny", root=folder)) == 1) == (found is not None)
        store.write(tiny_study.run(Config()), folder)
        assert len(store.find("tiny", root=folder)) == 1
    assert 0 < whole < len(points)  # some points lie before the move, some after it


def test_what_killed_writers_left_is_swept_when_nobody_writes_it_any_more():
    store.write(tiny_study.run(Config(0)))
    for name, age in (("old", 2 * 3600), ("new", 60)):
        left = paths.RESULTS / "tiny" / f"{writing.UNFINISHED}{name}"
        left.mkdir()
        (left / "config.json").touch()
        for path in (left / "config.json", left):
            os.utime(path, (time.time() - age,) * 2)
    store.write(tiny_study.run(Config(1)))
    assert leftovers(paths.RESULTS) == [f"{writing.UNFINISHED}new"]


@pytest.mark.parametrize(
    "name", ["predictions.parquet", "metrics.json", "model.safetensors", "checksums.json"]
)
@pytest.mark.parametrize("how", ["one bit", "cut", "gone"])
def test_a_damaged_result_is_found_and_computed_again(name, how):
    (run,) = grid.run(tiny_study, [Config()], progress=False)
    file = run.path / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content if how == "one bit" else content[: len(content) // 2])
    file.unlink() if how == "gone" else None
    with pytest.warns(UserWarning, match=f"tiny/{run.key}: .* It will be computed again"):
        (again,) = grid.run(tiny_study, [Config()], progress=False)
    pd.testing.assert_frame_equal(again.predictions, run.predictions)
    assert again.metrics == run.metrics and len(store.find("tiny")) == 1 and not leftovers(paths.RESULTS)


def test_a_full_disk_is_named_and_every_other_configuration_goes_on():
    configs = [Config(0), Config(1, fault="large"), Config(2)]
    with files_of_at_most(2**16), pytest.raises(grid.GridError, match="1 of 3") as error:
        grid.run(tiny_study, configs, progress=False)
    assert f"{paths.RESULTS / 'tiny'} cannot be written: files may not grow that large here" in str(
        error.value
    )
    assert "or let SERNB_RESULTS name another folder. What is stored stays" in str(error.value)
    assert len(store.find("tiny")) == 2 and not leftovers(paths.RESULTS)
    assert len(grid.run(tiny_study, configs, progress=False)) == 3


def test_a_disk_that_is_really_full(tmp_path):
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    mount = f"mount -t tmpfs -o size=256k none '{tmp_path}'"
    if (
        not shutil.which("unshare")
        or subprocess.run([*alone, "sh", "-c", mount], capture_output=True).returncode
    ):
        pytest.skip(
            "needs leave to mount a small disk; the limit on files above is refused at the same places"
        )
    script = (
        "import tiny_study\nfrom sernb import grid, store\n"
        "try: grid.run(tiny_study, [tiny_study.Config(i, fault='large' * (i == 1)) for i in range(3)], progress=False)\n"
        "except grid.GridError as error: print(error)\nprint(len(store.find('tiny')))"
    )
    path = os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests")])
    command = f'{mount} && "$0" -c "$1"'
    done = subprocess.run(
        [*alone, "sh", "-c", command, sys.executable, script], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": path, "SERNB_RESULTS": str(tmp_path / "results")},
    )  # fmt: skip
    assert "tiny cannot be written: the disk is full: free some of it, or let SERNB_RESULTS" in done.stdout
    assert done.stdout.endswith("\n2\n"), done.stdout + done.stderr


def test_a_read_only_store_and_cache_are_named(closed, monkeypatch, recordings):
    with pytest.raises(
        writing.NotWritten,
        match=f"{closed}/packs cannot be written: you may not .*let SERNB_CACHE name another folder",
    ):
        audio.pack(recordings, cache=closed)
    monkeypatch.setattr(paths, "RESULTS", closed)
    with pytest.raises(grid.GridError, match=f"{closed}/tiny cannot be written: you may not write there"):
        grid.run(tiny_study, [Config()], progress=False)


def test_a_file_that_vanished_is_named(recordings, tmp_path):
    gone = Path(recordings["file"].iloc[3])
    gone.unlink()
    with pytest.raises(FileNotFoundError, match=f"{gone} was there when the corpus was read .* put it back"):
        audio.pack(recordings, cache=tmp_path)


@pytest.mark.parametrize("name", ["samples.i16", "index.parquet", "left_out.json"])
@pytest.mark.filterwarnings("ignore:.*the pack is damaged")
def test_a_damaged_pack_is_made_again(name, recordings, tmp_path):
    before = audio.pack(recordings, cache=tmp_path)
    expected = before.utterance("c/39")
    (file,) = tmp_path.rglob(name)
    content = file.read_bytes()
    file.unlink()
    if name != "left_out.json":
        file.write_bytes(content[: len(content) // 2])
    after = audio.pack(recordings, cache=tmp_path)
    np.testing.assert_array_equal(after.utterance("c/39"), expected)
    assert len(list((tmp_path / "packs").iterdir())) == 1


def test_a_loss_that_is_not_finite_names_its_utterances_and_stops_no_other():
    with pytest.raises(grid.GridError, match="1 of 2") as error:
        grid.run(tiny_study, [Config(0, fault="nan"), Config(1)], progress=False)
    assert "NotFinite: the loss is nan in epoch 1, step 1; the batch holds tiny/a, tiny/b. Look at" in str(
        error.value
    )
    assert len(store.find("tiny")) == 1


def fit(checkpoint, epochs=4):
    """Curves and weights of a small training."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))

    def batches(generator):
        yield {"x": x[torch.randperm(8, generator=generator)[:4]], "utterances": range(4)}

    curves = training.fit(
        model, lambda batch, generator: model(batch["x"]).square().mean(), batches,
        training.FitConfig(epochs, checkpoint_every=0), seed=0, steps_per_epoch=1, checkpoint=checkpoint, progress=False,
    )  # fmt: skip
    return curves.drop(columns="seconds"), model.state_dict()


@pytest.mark.parametrize("damage", ["cut", "empty", "no archive", "another's"])
def test_a_damaged_checkpoint_is_named_and_the_training_starts_anew(damage, tmp_path):
    expected, file = fit(None), tmp_path / "a.pt"
    fit(file)
    content = file.read_bytes()
    file.write_bytes({"cut": content[:-99], "empty": b"", "no archive": b"\x80\x04}."}.get(damage, content))
    if damage == "another's":
        torch.save({"model": {}}, file)
    with pytest.warns(
        UserWarning, match=r"a\.pt: the checkpoint is damaged \(.*\); the training starts anew"
    ):
        curves, state = fit(file)
    pd.testing.assert_frame_equal(curves, expected[0])
    assert all(torch.equal(state[name], expected[1][name]) for name in state)


def test_a_checkpoint_without_room_is_said_and_the_training_goes_on(tmp_path):
    expected = fit(None)
    with (
        files_of_at_most(500),
        pytest.warns(UserWarning, match=r"a\.pt: no checkpoint could be written \(.*SERNB_RESULTS"),
    ):
        curves, _ = fit(tmp_path / "a.pt")
    pd.testing.assert_frame_equal(curves, expected[0])
    assert not list(tmp_path.iterdir())
