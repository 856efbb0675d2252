"""What every test shares: temporary results and figures, one stand-in cache a session, recordings where they lie."""

import os
import warnings

import hypothesis
import pytest

from sernb import corpora, paths
from sernb.corpora import standin

# A deadline per example would measure the machine, not the code. The same examples every time, so that a red run means
# a change; new ones are looked for with --hypothesis-profile=explore.
hypothesis.settings.register_profile("sernb", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500)
hypothesis.settings.load_profile("sernb")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """An empty cache for the session: stand-ins are made once, and nothing passes from an earlier session's.

    Set in the environment too, for the kernels and processes that tests start.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", folder)
        patch.setenv("SERNB_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def stand_ins(cache):
    """The tables of all eleven stand-ins by name, made side by side once a session; a warning fails."""
    standin.make_all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {name: corpora.load(name, data="stand-in") for name in corpora.names()}


@pytest.fixture(autouse=True)
def _temporary_store(tmp_path, monkeypatch):
    """Results and figures of a test go to its own folder, never to the checkout's."""
    for variable in ("RESULTS", "FIGURES"):
        folder = tmp_path / variable.lower()
        monkeypatch.setattr(paths, variable, folder)
        monkeypatch.setenv(f"SERNB_{variable}", str(folder))


@pytest.fixture
def real():
    """`real(name)`: the folder of a corpus of recordings. Without it the test skips, and says what it lacks;
    under SERNB_REQUIRE_DATA=1 it fails."""

    def root(name):
        folder = paths.DATA / name
        if folder.is_dir():
            return folder
        lacks = (
            f"needs the recordings of {name} in {folder} (SERNB_DATA is the folder that holds the corpora)"
        )
        if os.environ.get("SERNB_REQUIRE_DATA") == "1":
            pytest.fail(f"{lacks}, and SERNB_REQUIRE_DATA=1 forbids to skip")
        pytest.skip(lacks)

    return root
