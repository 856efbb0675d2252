"""The explorers by mouse: JupyterLab on this machine, driven in headless Chromium; nothing may leave the machine."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium)"),
]
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
PATIENCE = 120_000  # milliseconds: the machine may be busy; a right answer does not take a tenth of it

MADE = """
import types
import numpy as np, pandas as pd, soundfile
from pathlib import Path
from sernb import audio, explore
rng, rows = np.random.default_rng(0), {}
for i in range(60):
    file = Path("speech") / f"{i}.wav"
    file.parent.mkdir(exist_ok=True)
    soundfile.write(file, 0.3 * np.sin(np.arange(8000) * (0.05 + 0.002 * i)), 16000)
    rows[f"mine/{i}"] = {"file": str(file.resolve()), "start": 0.0, "end": 0.5, "corpus": "mine", "speaker": f"mine/{i % 3}",
        "gender": ["female", "male"][i % 2], "language": "deu", "emotion": ["anger", "neutral", "sadness"][i // 20]}
table = pd.DataFrame.from_dict(rows, orient="index")
material = types.SimpleNamespace(table=table, packed=audio.pack(table, cache="cache"))
p = rng.dirichlet([1, 1, 1], 60) + np.eye(3)[np.arange(60) // 20]
p /= p.sum(1, keepdims=True)
predictions = table[["speaker", "emotion"]].assign(predicted=np.array(["anger", "neutral", "sadness"])[p.argmax(1)], fold="0",
    p_anger=p[:, 0], p_neutral=p[:, 1], p_sadness=p[:, 2])
z = pd.DataFrame(p @ rng.normal(size=(3, 8)) + 0.1 * rng.normal(size=(60, 8)), table.index)
result = types.SimpleNamespace(key="k", predictions=predictions, config={}, embeddings=lambda: z,
    meta={"study": "none", "data": "stand-in", "classes": ["anger", "neutral", "sadness"]})
"""
CELLS = [
    MADE, "points = explore.embedding(result, material)\npoints", "cells = explore.confusion(result, material)\ncells",
    "leafing = explore.corpus(table, material.packed)\nleafing",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab with one notebook, on a port of its own."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}  # else it asks for one
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "look.ipynb"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
        "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={folder}",
        "--LabApp.extension_manager=readonly", "--LabApp.news_url=",
    ]  # fmt: skip
    homes = {
        name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    log = open(folder / "server.log", "w")
    process = subprocess.Popen(command, env=os.environ | homes, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status", process, folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _wait_for(address, process, log):
    for _ in range(240):
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.5)
    pytest.fail("JupyterLab did not answer:\n" + log.read_text()[-2000:])


@pytest.fixture(scope="module")
def page(server):
    """The notebook, run to its end; every address that the page asked for is kept in `asked`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 1700})
        page.set_default_timeout(PATIENCE)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(f"{server}/lab/tree/look.ipynb")
        page.wait_for_function("window.jupyterapp && document.querySelectorAll('.jp-CodeCell').length >= 4")
        page.wait_for_selector(IDLE, state="attached")
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_selector(".js-plotly-plot >> nth=2", state="attached")
        page.wait_for_selector(IDLE, state="attached")
        yield page
        browser.close()


def click_point(page, plot, x, y):
    """Click where a plot draws the data point (x, y)."""
    place = """([plot, x, y]) => {
        const gd = document.querySelectorAll('.js-plotly-plot')[plot];
        gd.scrollIntoView({block: 'center'});
        const box = gd.getBoundingClientRect(), l = gd._fullLayout;
        return [box.x + l.xaxis._offset + l.xaxis.d2p(x), box.y + l.yaxis._offset + l.yaxis.d2p(y)];
    }"""
    page.evaluate(place, [plot, x, y])
    page.wait_for_timeout(500)  # the page scrolls
    at = page.evaluate(place, [plot, x, y])
    page.mouse.move(at[0] - 3, at[1] - 3)
    page.mouse.move(*at)
    page.wait_for_timeout(300)
    page.mouse.click(*at)


def test_every_cell_runs_and_draws(page):
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.locator(".js-plotly-plot").count() == 3


def test_a_menu_changes_the_colours(page):
    colours = "document.querySelectorAll('.js-plotly-plot')[0].data[0].marker.color.join()"
    before = page.evaluate(colours)
    page.locator(".widget-dropdown select").first.select_option("gender")
    page.wait_for_function(f"{colours} !== {json.dumps(before)}")
    assert page.get_by_text("● female").or_(page.get_by_text("female ")).count()


def test_a_click_on_a_point_plays_the_utterance(page):
    x, y = page.evaluate(
        "(() => {const t = document.querySelectorAll('.js-plotly-plot')[0].data[0]; return [t.x[7], t.y[7]]})()"
    )
    click_point(page, 0, x, y)
    page.wait_for_selector("audio")
    page.wait_for_function(
        "[...document.querySelectorAll('audio')].some(a => a.duration > 0.4 && a.duration < 0.7)"
    )
    page.wait_for_selector("b:has-text('mine/7')")
    page.wait_for_function("[...document.querySelectorAll('img')].some(i => i.naturalWidth > 300)")


def test_a_click_on_a_cell_lists_its_utterances(page):
    click_point(page, 1, "anger", "anger")
    page.wait_for_selector("text=/anger taken for anger|taken for/")
    page.wait_for_function(
        "[...document.querySelectorAll('select option')].some(o => o.text.includes('p(anger)'))"
    )


def test_a_filter_narrows_the_corpus(page):
    page.locator("select:has(option[value='every one'])").first.select_option("sadness")
    page.wait_for_selector("text=/^20 utterances, 3 speakers/")


def test_nothing_left_the_machine(page, server):
    outside = [
        a for a in page.asked if not a.startswith((server, server.replace("http", "ws"), "data:", "blob:"))
    ]
    assert page.asked and not outside
