"""What becomes of pictures in a committed notebook."""

import base64
import io

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from PIL import Image

from sernb import saving


def test_pictures_are_saved_with_a_palette_and_look_the_same():
    generator, file = np.random.default_rng(0), io.BytesIO()
    fig, axes = plt.subplots()
    axes.scatter(*generator.normal(size=(2, 500)), c=generator.uniform(size=500), cmap="cividis")
    fig.savefig(file)
    plt.close(fig)
    png = base64.b64encode(file.getvalue()).decode()
    output = nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": "<Figure>"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output])])
    saved = saving.clean(notebook).cells[0].outputs[0].data["image/png"]
    assert len(saved) < len(png) / 2
    before, after = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(p))).convert("RGB"), float) for p in (png, saved)
    )
    assert before.shape == after.shape and np.abs(before - after).mean() < 1  # of 255
    output = nbformat.v4.new_output("display_data", {"image/png": saved})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[output])])
    again = saving.clean(notebook).cells[0].outputs[0].data["image/png"]
    assert len(again) <= len(saved)


def test_widgets_leave_no_trace():
    view = {saving.WIDGET: {"model_id": "1"}, "text/plain": "VBox()"}
    outputs = [
        nbformat.v4.new_output("display_data", view),
        nbformat.v4.new_output("execute_result", {**view}, execution_count=1),
    ]
    kept = nbformat.v4.new_output("display_data", {"text/plain": "kept"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[*outputs, kept])])
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"1": {}}}}
    saved = saving.clean(notebook)
    assert "widget" not in nbformat.writes(saved) and [o.data for o in saved.cells[0].outputs] == [
        {"text/plain": "kept"}
    ]
