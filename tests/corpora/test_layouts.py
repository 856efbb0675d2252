"""The published layouts in small, whose expected tables someone else made: every one must come out exactly."""

import csv
import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sernb import corpora, paths

LAYOUTS = ["casia", "crema_d", "iemocap", "meld", "msp_podcast", "savee", "tess"]
COLUMNS = ["speaker", "gender", "language", "emotion", "agreement", "session", "split"]


@pytest.fixture
def layout(tmp_path):
    """`layout(name)`: a copy of one tree to read and change, its expected rows by file, and what must be left out."""

    def copy(name, where="tree"):
        source = paths.DATA.parent / "layouts" / name
        if not source.is_dir():
            lacks = f"needs the layout of {name} in {source}"
            if os.environ.get("SERNB_REQUIRE_DATA") == "1":
                pytest.fail(f"{lacks}, and SERNB_REQUIRE_DATA=1 forbids to skip")
            pytest.skip(lacks)
        shutil.copytree(source, tmp_path / where / name, copy_function=shutil.copyfile)
        for folder, _, _ in os.walk(tmp_path / where):
            os.chmod(folder, 0o755)
        with open(source / "expected.csv", newline="", encoding="utf-8") as f:
            rows = {row.pop("file"): row for row in csv.DictReader(f)}
        out = source / "left_out.txt"
        return tmp_path / where / name, rows, out.read_text("utf-8").split("\n")[:-1] if out.exists() else []

    return copy


def expect(name, root, rows, left_out, same=lambda file: file):
    """The reader's table of `root` has exactly these rows; `same` undoes what a test changed in the paths."""
    t = corpora.load(name, root)
    files = [same(Path(file).relative_to(root).as_posix()) for file in t["file"]]
    assert sorted(files) == sorted(map(same, rows))
    expected = {same(file): row for file, row in rows.items()}
    for file, (_, found) in zip(files, t.iterrows(), strict=True):
        assert found["start"] == 0 and found["end"] == pytest.approx(0.3, abs=1e-3)
        assert found["corpus"] == name
        for column in COLUMNS:
            wanted = expected[file][column] or np.nan
            if column == "agreement":
                assert found[column] == pytest.approx(float(wanted), abs=5e-5, nan_ok=True), file
            else:
                assert (found[column] == wanted) or (pd.isna(found[column]) and pd.isna(wanted)), (
                    file,
                    column,
                )
    named = [same(Path(file).relative_to(root).as_posix()) for file, _ in t.attrs["left_out"]]
    assert sorted(named) == sorted(map(same, left_out))
    assert t.attrs["data"] == "real"
    return t


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.filterwarnings("ignore:.*files left out")
class TestLayout:
    def test_comes_out_exactly(self, name, layout):
        expect(name, *layout(name))

    @pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase], ids=lambda f: f.__name__)
    def test_whatever_the_case_of_its_folders(self, name, layout, change):
        root, rows, left_out = layout(name)
        for folder, inner, _ in os.walk(root, topdown=False):
            for part in inner:
                os.rename(Path(folder, part), Path(folder, part + "~"))  # where names differ by case alone
                os.rename(Path(folder, part + "~"), Path(folder, change(part)))
        expect(name, root, rows, left_out, str.lower)

    def test_whatever_the_case_of_the_extensions(self, name, layout):
        root, rows, left_out = layout(name)
        for file in [file for file in root.rglob("*.*") if file.is_file() and not file.name.startswith(".")]:
            file.rename(file.with_suffix(file.suffix.upper()))
        expect(name, root, rows, left_out, str.lower)

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_wherever_it_lies(self, name, layout, form):
        where = unicodedata.normalize(form, "Größe & Müll, test dev dialog/.hidden/train über")
        expect(name, *layout(name, where))

    def test_whatever_is_hidden_in_it(self, name, layout):
        root, rows, left_out = layout(name)
        for file in [file for file in root.rglob("*") if file.is_file() and not file.name.startswith("._")]:
            (file.parent / f"._{file.name}").write_bytes(b"\x00\x05\x16\x07Mac OS X        ")
            (file.parent / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
        shutil.copytree(root, root / ".trash")
        shutil.copytree(root / ".trash", root / ".git" / "deep")
        expect(name, root, rows, left_out)

    def test_one_level_further_down(self, name, layout):
        root, rows, left_out = layout(name)
        whole = root.parent / "whole"
        shutil.copytree(root, whole / "release 1.0")
        below = {f"release 1.0/{file}": row for file, row in rows.items()}
        expect(name, whole, below, [f"release 1.0/{file}" for file in left_out])

    def test_as_flac(self, name, layout):
        import soundfile

        root, rows, left_out = layout(name)
        for file in rows:
            x, rate = soundfile.read(root / file)
            soundfile.write((root / file).with_suffix(".flac"), x, rate, format="FLAC")
            (root / file).unlink()
        expect(name, root, rows, left_out, lambda file: file.removesuffix(".wav").removesuffix(".flac"))
