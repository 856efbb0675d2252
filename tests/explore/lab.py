"""JupyterLab on this machine and a headless Chromium that opens its notebooks; what the browser asks for is kept."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
PATIENCE = 150_000  # milliseconds: the machine may be busy; a right answer does not take a tenth of it


class Server:
    """JupyterLab over a folder, on a port of its own; results, figures and settings lie in that folder too."""

    def __init__(self, folder: Path):
        self.folder, self.log = folder, open(folder / "server.log", "w")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        command = [
            sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
            "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={folder}",
            "--LabApp.extension_manager=readonly", "--LabApp.news_url=",
        ]  # fmt: skip
        own = (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "SERNB_RESULTS",
            "SERNB_FIGURES",
        )
        environment = os.environ | {name: str(folder / name.lower()) for name in own}
        environment.pop("SERNB_EXPLORE", None)
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)

    def wait(self):
        for _ in range(240):
            assert self.process.poll() is None, self._end_of_log()
            try:
                with urllib.request.urlopen(f"{self.address}/api/status", timeout=5) as answer:
                    return json.load(answer)
            except OSError:
                time.sleep(0.5)
        pytest.fail("JupyterLab did not answer:\n" + self._end_of_log())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    def _end_of_log(self):
        return (self.folder / "server.log").read_text()[-2000:]


class Browser:
    """Chromium with a microphone that beeps; `asked` has every address that its pages asked for."""

    def __init__(self, playwright, server: Server):
        arguments = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        self.server, self.asked = server, []
        self.browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        self.context = self.browser.new_context(viewport={"width": 1300, "height": 1700})
        self.context.on("request", lambda request: self.asked.append(request.url))

    def run(self, name: str, cells: int):
        """A page with a notebook of so many code cells, run to its end."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{self.server.address}/lab/tree/{name}")
        page.wait_for_function(
            f"window.jupyterapp && document.querySelectorAll('.jp-CodeCell').length >= {cells}"
        )
        page.wait_for_function(  # else it asks which kernel is meant
            """() => {
            const context = window.jupyterapp.shell.currentWidget.sessionContext;
            return context.isReady && context.session?.kernel?.status === 'idle';
        }"""
        )
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(
            """() => {
            const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter(c => c.model.type === 'code');
            return cells.every(c => !c.model.sharedModel.source.trim() || c.model.executionState === 'idle' && c.model.executionCount);
        }"""
        )
        page.wait_for_selector(IDLE, state="attached")
        return page

    def show(self, page, text: str) -> None:
        """Scroll to the cell whose source has this text; a long notebook draws what is in view only."""
        page.evaluate(
            """async text => {
            const book = window.jupyterapp.shell.currentWidget.content;
            const at = book.widgets.findIndex(c => c.model.type === 'code' && c.model.sharedModel.source.includes(text));
            book.activeCellIndex = at;
            await book.scrollToItem(at, 'start');
        }""",
            text,
        )

    def errors(self, page) -> list[str]:
        """What cells of the notebook raised."""
        return page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.content.widgets.filter(c => c.model.type === 'code')
            .flatMap(c => [...Array(c.model.outputs.length).keys()].map(i => c.model.outputs.get(i).toJSON()))
            .filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue)"""
        )


def click_point(page, plot, x, y):
    """Click where the plot found by a selector draws the data point (x, y)."""
    place = """(gd, [x, y]) => {
        gd.scrollIntoView({block: 'center'});
        const box = gd.getBoundingClientRect(), l = gd._fullLayout;
        return [box.x + l.xaxis._offset + l.xaxis.d2p(x), box.y + l.yaxis._offset + l.yaxis.d2p(y)];
    }"""
    plot.evaluate(place, [x, y])
    page.wait_for_timeout(500)  # the page scrolls
    at = plot.evaluate(place, [x, y])
    page.mouse.move(at[0] - 3, at[1] - 3)
    page.mouse.move(*at)
    page.wait_for_timeout(300)
    page.mouse.click(*at)


def drag(page, within, label, pixels):
    """Drag the handle of the slider with this label by so many pixels."""
    slider = within.locator(f".widget-slider:has(.widget-label:text-is('{label}'))").first
    slider.scroll_into_view_if_needed()
    box = slider.locator(".noUi-handle").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels / 2, y, steps=4)
    page.mouse.move(x + pixels, y, steps=4)
    page.mouse.up()
