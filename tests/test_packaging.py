"""pyproject.toml, environment.yml, constraints.txt and LICENCES.md agree with each other and with what is installed."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import sernb
from sernb import front_door, frozen, notebooks, paths
from sernb.studies import choosing, msac_config

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [Requirement(r) for r in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
PINS = [
    Requirement(line)
    for line in (paths.ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
PINNED = {canonicalize_name(p.name): p for p in PINS}


def version(pin):
    (specifier,) = pin.specifier
    return specifier.version


def test_constraints_are_names_and_versions_only():
    text = (paths.ROOT / "constraints.txt").read_text()
    assert "://" not in text and "--" not in text and "@" not in text
    for pin in PINS:
        assert [s.operator for s in pin.specifier] == ["=="] and "*" not in str(pin.specifier), (
            f"{pin}: name==version"
        )
    assert len(PINNED) == len(PINS), "a package is pinned twice"
    assert list(PINNED) == sorted(PINNED)
    linux = {n for n in PINNED if n.startswith(("nvidia-", "cuda-")) or n == "triton"}
    assert linux == {n for n, p in PINNED.items() if p.marker and 'sys_platform == "linux"' in str(p.marker)}


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda r: r.name)
def test_every_dependency_has_a_pin_that_satisfies_it(requirement):
    assert version(PINNED[canonicalize_name(requirement.name)]) in requirement.specifier


def test_the_whole_installed_tree_is_pinned_and_as_pinned():
    reached, waiting = {}, [(r, "sernb") for r in DIRECT]
    while waiting:
        requirement, by = waiting.pop()
        name = canonicalize_name(requirement.name)
        known = reached.setdefault(name, set())
        extras = {"", *requirement.extras} - known
        known |= extras
        for text in (extras and metadata.requires(name)) or []:
            child = Requirement(text)
            if child.marker is None or any(child.marker.evaluate({"extra": e}) for e in extras):
                waiting.append((child, name))
        assert name in PINNED, f"{name}, needed by {by}, is not pinned in constraints.txt"
    for name in reached:
        found, wanted = metadata.version(name), PINNED[name]
        assert wanted.specifier.contains(found, prereleases=True), (
            f"{name} {found} is installed, {wanted} is pinned"
        )
    if sys.platform == "linux" and sys.version_info[:2] == (
        3,
        11,
    ):  # where the pins were made; others need fewer
        applies = {n for n, p in PINNED.items() if p.marker is None or p.marker.evaluate()}
        assert applies <= set(reached), "pinned, but nothing needs it"


def test_conda_environment_installs_the_same_project():
    environment = yaml.safe_load((paths.ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    *plain, pip = environment["dependencies"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[dev]"]}
    assert [re.split(r"[=<>]", p)[0] for p in plain] == ["python", "pip"]
    assert plain[0].removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])


def test_make_installs_what_the_conda_environment_installs():
    makefile = (paths.ROOT / "Makefile").read_text()
    assert "-c constraints.txt -e '.[dev]'" in makefile
    least = PROJECT["requires-python"].removeprefix(">=").replace(".", ", ")
    assert f"sys.version_info < ({least})" in makefile


def test_every_pinned_package_has_its_licence_listed():
    text = (paths.ROOT / "LICENCES.md").read_text()
    listed = re.findall(r"^\| ([a-z0-9-]+) \| (\S+) \|", text, flags=re.MULTILINE)
    assert listed == [(n, version(p)) for n, p in PINNED.items()], "run tools/licences.py"
    assert "research" in re.search(r"^\| opensmile .*$", text, flags=re.MULTILINE)[0]
    assert "GPL" in re.search(r"^\| espeakng-loader .*$", text, flags=re.MULTILINE)[0]


def test_continuous_integration_asks_for_the_real_recordings():
    script = paths.ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text()
    assert script.stat().st_mode & 0o100
    assert "set -euo pipefail" in text and "SERNB_REQUIRE_DATA=1" in text and text.endswith("\nmake test\n")


def test_the_readme_shows_the_committed_frozen_runs(monkeypatch):
    monkeypatch.setattr(paths, "FIGURES", paths.ROOT / "figures")  # the committed ones, not a test's own
    assert front_door.part() == front_door.generated(), "run `sernb results --readme`"


def test_the_tuned_preset_is_the_candidate_that_validates_best(monkeypatch):
    monkeypatch.setattr(paths, "FIGURES", paths.ROOT / "figures")
    runs = [
        r
        for r in frozen.all_runs().values()
        if (r.meta["study"], r.meta["preset"]) == ("msac_sernet", "paper")
    ]
    tried = {
        name: [r for r in runs if r.meta["overrides"] == changed] for name, changed in msac_config.CANDIDATES.items()
    }  # fmt: skip
    assert {tuple(sorted(r.config["fold"] for r in of)) for of in tried.values()} == {msac_config.SCREENED}
    assert choosing.validated(tried)["UAR"].idxmax() == msac_config.TUNED


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENCES.md"])
def test_what_a_page_links_to_is_there(name):
    links = re.findall(r"\]\(([^)#\s]+)\)", (paths.ROOT / name).read_text())
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (paths.ROOT / link).exists()] == []


def test_every_notebook_is_named_on_the_front_page():
    text = (paths.ROOT / "README.md").read_text()
    assert [b.name for b in notebooks.committed() if f"/{b.path.name})" not in text] == []


def test_citation_and_changelog_are_of_this_version():
    citation = yaml.safe_load((paths.ROOT / "CITATION.cff").read_text())
    assert citation["version"] == sernb.__version__ and len(citation["references"]) == 5
    assert f"\n## {sernb.__version__} " in (paths.ROOT / "CHANGELOG.md").read_text()
