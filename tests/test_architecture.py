"""The arrows between modules point one way, light modules stay light, and files stay short."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sernb import paths

PACKAGE = paths.ROOT / "sernb"
FILES = sorted(PACKAGE.rglob("*.py"))

#: Layers from the top. A module imports from its own layer or lower ones, never upwards.
LAYERS = [
    {"cli"},
    {
        "studies",
        "front_door",
        "headlines",
        "costs",
        "speed_papers",
        "real_runs",
        "real_recognition",
        "real_transfer",
        "real_mismatch",
        "real_wild",
        "real_verification",
        "explore",
        "speed",
        "speed_data",
        "speed_scale",
        "speed_augment",
        "speed_clusters",
        "speed_hubert",
        "speed_full",
    },
    {
        "grid",
        "clusters",
        "local_workers",
        "tables",
        "tables_ood",
        "tables_enroll",
        "tables_mismatch",
        "notebooks",
        "saving",
        "plots",
        "plots_acoustics",
        "plots_corpora",
        "plots_domains",
        "plots_enroll",
        "plots_frames",
        "plots_ood",
        "plots_mismatch",
        "probes",
    },
    {"training", "attributes", "ood", "enroll", "pseudo_labels", "acoustics", "frozen", "store"},
    {
        "augment",
        "features",
        "frame_features",
        "audio",
        "splits",
        "episodes",
        "augment_waveforms",
        "freeverb",
        "corpora",
        "metrics",
        "reported",
        "overview",
        "rooms",
    },
    {"models", "losses"},
    {"paths", "heap", "decoding", "writing", "together", "__init__"},
]
ALONE = {"models", "losses"}  # these import nothing else of sernb
LIGHT = {
    "metrics",
    "tables",
    "tables_ood",
    "tables_enroll",
    "tables_mismatch",
    "plots",
    "plots_mismatch",
    "plots_acoustics",
    "plots_domains",
    "plots_enroll",
    "plots_frames",
    "plots_ood",
    "plots_corpora",
    "overview",
    "store",
    "frozen",
    "reported",
    "front_door",
    "cli",
    "clusters",
    "corpora",
    "notebooks",
    "saving",
    "rooms",
}
ASSEMBLING = {
    "studies",
    "cli",
    "front_door",
    "speed",
    "speed_papers",
    "real_runs",
    "real_recognition",
    "real_transfer",
    "real_mismatch",
    "real_wild",
    "speed_hubert",
    "explore",
}  # besides the notebooks


def part(module):
    """`sernb.corpora.emodb` → `corpora`; the package itself → `__init__`."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


def module_of(file):
    names = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" and len(names) > 2 else names)


def imports(file):
    """Every module that a file imports, at its top or inside a function, with relative imports resolved."""
    package = list(file.relative_to(PACKAGE.parent).parent.parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{name.name}" for name in node.names if source == "sernb")


def own(file):
    """The parts of sernb that a file imports, its own left out."""
    inside = {part(name) for name in imports(file) if name.startswith("sernb.")}
    return {p for p in inside if any(p in layer for layer in LAYERS) or (PACKAGE / p).exists()} - {
        part(module_of(file))
    }


def layer(name):
    for i, names in enumerate(LAYERS):
        if name in names:
            return i
    pytest.fail(
        f"sernb.{name} has no layer: give it one in tests/test_architecture.py and ARCHITECTURE's picture."
    )


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_arrows_point_one_way(file):
    here = part(module_of(file))
    upwards = {name for name in own(file) if layer(name) < layer(here)}
    assert not upwards, f"{here} imports {sorted(upwards)}, which lie above it"
    if here in ALONE:
        assert not own(file), (
            f"{here} imports {sorted(own(file))}; models and losses import nothing else of sernb"
        )
    if here not in ASSEMBLING:
        assert not {"studies", "cli"} & own(file), f"{here} assembles; only notebooks, cli and studies do"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_files_are_short_and_described(file):
    lines = file.read_text().splitlines()
    assert len(lines) <= 300, f"{file.name} has {len(lines)} lines; split it"
    assert not lines or ast.get_docstring(ast.parse(file.read_text())), f"{file.name} lacks a docstring"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(PACKAGE).as_posix())
def test_nothing_is_unpickled_or_absolute(file):
    text = file.read_text()
    assert "pickle" not in {name.split(".")[0] for name in imports(file)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = {k.arg: ast.unparse(k.value) for k in node.keywords}.get("weights_only")
            assert safe == "True", f"{file.name}:{node.lineno}: torch.load without weights_only=True"
    for folder in ("/home/", "/tmp/", "/root/", "/Users/", "/work/"):
        assert f'"{folder}' not in text and f"'{folder}" not in text, f"{file.name} holds an absolute path"


def test_light_modules_do_not_load_torch():
    """Checked in a fresh interpreter, since an import may be indirect."""
    names = [n for n in sorted(LIGHT) if (PACKAGE / f"{n}.py").exists() or (PACKAGE / n).is_dir()]
    code = (
        "import sys\n" + "".join(f"import sernb.{n}\n" for n in names) + "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(PACKAGE).parent)
    for name in names:
        for file in (
            [PACKAGE / f"{name}.py"] if (PACKAGE / f"{name}.py").exists() else (PACKAGE / name).rglob("*.py")
        ):
            assert "torch" not in {m.split(".")[0] for m in imports(file)}, f"{name} imports torch"
