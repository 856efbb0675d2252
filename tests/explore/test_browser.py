"""The explorers by mouse: JupyterLab on this machine, driven in headless Chromium; nothing may leave the machine."""

import io
import json
import shutil

import nbformat
import numpy as np
import pytest
import soundfile
from lab import CHROMIUM, Browser, Server, click_point, drag

from sernb import notebooks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium)"),
]

MADE = """
import types
import numpy as np, pandas as pd, soundfile, torch
from pathlib import Path
from sernb import audio, explore
from sernb.explore.voice import Voice
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

class Loudness:
    classes = ["anger", "neutral"]
    def __call__(self, waves):
        p = np.array([min(0.99, 0.2 + 4 * np.abs(x).mean()) for x in waves])
        return pd.DataFrame({"emotion": np.where(p > 0.5, *self.classes), "score": -p, "p_anger": p, "p_neutral": 1 - p})
"""
CELLS = [
    MADE, "points = explore.live(explore.embedding, result, material)\npoints",
    "cells = explore.live(explore.confusion, result, material)\ncells",
    "leafing = explore.live(explore.corpus, table, material.packed)\nleafing",
    "effects = explore.live(explore.augmentations, table['file'].iloc[30])\neffects",
    "speaking = explore.live(Voice, Loudness(), np.linspace(-1, 0, 50), 'made here')\nspeaking",
]  # fmt: skip
BOOK = "54"  # a committed notebook with an explorer that is built on trained models


@pytest.fixture(scope="module")
def server(tmp_path_factory, cache):
    folder = tmp_path_factory.mktemp("lab")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}  # else it asks for one
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "look.ipynb"
    )
    shutil.copy(notebooks.find([BOOK])[0].path, folder / "book.ipynb")
    server = Server(folder)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def browser(server):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = Browser(playwright, server)
        yield browser
        browser.browser.close()


@pytest.fixture(scope="module")
def page(browser):
    page = browser.run("look.ipynb", len(CELLS))
    page.wait_for_selector(".js-plotly-plot >> nth=2", state="attached")
    return page


@pytest.fixture(scope="module")
def book(browser):
    """The committed notebook as it stands, run to its end, its explorer in view."""
    count = sum(c.cell_type == "code" for c in notebooks.find([BOOK])[0].read().cells)
    page = browser.run("book.ipynb", count)
    browser.show(page, "explore.enrol")
    page.wait_for_selector(".js-plotly-plot")
    return page


def test_every_cell_runs_and_draws(page, browser):
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.locator(".js-plotly-plot").count() == 3 and browser.errors(page) == []


def test_a_menu_changes_the_colours(page):
    colours = "document.querySelectorAll('.js-plotly-plot')[0].data[0].marker.color.join()"
    before = page.evaluate(colours)
    page.locator(".widget-dropdown select").first.select_option("gender")
    page.wait_for_function(f"{colours} !== {json.dumps(before)}")
    assert page.get_by_text("● female").or_(page.get_by_text("female ")).count()


def test_a_click_on_a_point_plays_the_utterance(page):
    plot = page.locator(".js-plotly-plot").nth(0)
    x, y = plot.evaluate("gd => [gd.data[0].x[7], gd.data[0].y[7]]")
    click_point(page, plot, x, y)
    page.wait_for_function(
        "[...document.querySelectorAll('audio')].some(a => a.duration > 0.4 && a.duration < 0.7)"
    )
    page.wait_for_selector("b:has-text('mine/7')")
    page.wait_for_function("[...document.querySelectorAll('img')].some(i => i.naturalWidth > 300)")


def test_a_click_on_a_cell_lists_its_utterances(page):
    click_point(page, page.locator(".js-plotly-plot").nth(1), "anger", "anger")
    page.wait_for_selector("text=/anger taken for anger|taken for/")
    page.wait_for_function(
        "[...document.querySelectorAll('select option')].some(o => o.text.includes('p(anger)'))"
    )


def test_a_filter_narrows_the_corpus(page):
    page.locator("select:has(option[value='every one'])").first.select_option("sadness")
    page.wait_for_selector("text=/^20 utterances, 3 speakers/")


def test_a_moved_slider_plays_what_it_does(page):
    output = page.locator(".jp-CodeCell").nth(4)
    players = output.locator("audio")
    players.nth(1).scroll_into_view_if_needed()
    before, after = (players.nth(i).get_attribute("src") for i in (0, 1))
    picture = output.locator("img").get_attribute("src")
    drag(page, output, "speed", 60)
    source = "[...document.querySelectorAll('.jp-CodeCell')[4].querySelectorAll('audio')].map(a => a.src)"
    page.wait_for_function(f"{source}.length == 2 && {source}[1] !== {json.dumps(after)}")
    shown = "document.querySelectorAll('.jp-CodeCell')[4].querySelector('img').src"
    page.wait_for_function(f"{shown} !== {json.dumps(picture)}")  # pictures come after players
    assert players.nth(0).get_attribute("src") == before
    duration = (
        "[...document.querySelectorAll('.jp-CodeCell')[4].querySelectorAll('audio')].map(a => a.duration)"
    )
    page.wait_for_function(f"{duration}[1] < 0.95 * {duration}[0]")
    output.get_by_role("button", name="as it is").click()
    page.wait_for_function(f"{source}.length == 2 && {source}[1] === {json.dumps(after)}")


def test_an_uploaded_file_and_ones_own_voice_are_judged(page):
    output, file = page.locator(".jp-CodeCell").nth(5), io.BytesIO()
    soundfile.write(file, 0.5 * np.sin(np.arange(16_000) * 0.1), 16_000, format="WAV")
    output.scroll_into_view_if_needed()
    with page.expect_file_chooser() as chooser:
        output.get_by_role("button", name="upload").click()
    chooser.value.set_files({"name": "mine ü.wav", "mimeType": "audio/wav", "buffer": file.getvalue()})
    output.get_by_text("mine ü.wav").wait_for()
    assert "out-of-distribution score" in output.locator(".jp-OutputArea").inner_text()
    output.locator(".sernb-microphone").click()
    output.get_by_text("recording …").wait_for()
    page.wait_for_timeout(1500)
    output.locator(".sernb-microphone").click()
    output.get_by_text("your voice").wait_for()
    output.locator("img").nth(1).wait_for()
    page.wait_for_function(
        "[...document.querySelectorAll('.jp-CodeCell')[5].querySelectorAll('audio')].some(a => a.duration > 1)"
    )


#: The point of a plot that is furthest from all others: a click on it means no other.
ALONE = """gd => {
    const axes = gd._fullLayout, all = gd.data.flatMap(t => [...t.x].map((x, i) => ({
        x, y: t.y[i], name: t.text[i], at: [axes.xaxis.d2p(x), axes.yaxis.d2p(t.y[i])]})));
    const gap = p => Math.min(...all.filter(q => q !== p).map(q => Math.hypot(p.at[0] - q.at[0], p.at[1] - q.at[1])));
    const best = all.reduce((a, b) => gap(a) > gap(b) ? a : b);
    return [best.x, best.y, best.name];
}"""


def test_a_committed_notebook_runs_and_enrols_by_mouse(book, browser):
    assert browser.errors(book) == []
    output = book.locator(".jp-CodeCell:has(.js-plotly-plot)")
    heading = output.locator(".widget-html-content:has-text('random draws of')").last
    drag(book, output, "enrolled", -400)  # as far as it goes: one of each
    output.locator(".widget-html-content:has-text('random draws of 1 ')").last.wait_for()
    said = heading.inner_text()
    picks = output.locator(".widget-select-multiple select").nth(1)
    names = picks.locator("option").all_inner_texts()
    picks.locator("option").nth(0).click()
    picks.locator("option").nth(1).click(modifiers=["Control"])
    picks.locator("option").nth(2).click(modifiers=["Control"])
    book.wait_for_timeout(500)
    assert [o for o in names if o in picks.evaluate("s => [...s.selectedOptions].map(o => o.text)")] == names[
        :3
    ]
    drag(book, output, "margin", 20)
    plot = output.locator(".js-plotly-plot").first
    book.wait_for_function("document.querySelector('.js-plotly-plot').layout.shapes[0].x0 > 0")
    book.wait_for_function(
        "said => ![...document.querySelectorAll('.widget-html-content')].some(e => e.innerText === said)",
        arg=said,
    )
    x, y, name = plot.evaluate(ALONE)
    click_point(book, plot, x, y)
    output.locator("audio").first.wait_for()
    output.locator(f"b:text-is('{name}')").wait_for()


def test_nothing_left_the_machine(page, book, browser, server):
    own = (server.address, server.address.replace("http", "ws"), "data:", "blob:")
    assert browser.asked and not [address for address in browser.asked if not address.startswith(own)]
