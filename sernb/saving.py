"""Putting executed notebooks in their place: clean metadata, outputs without traces of a machine, a source hash."""

import base64
import hashlib
import io
import json
import os
import re
import sys
from pathlib import Path

import nbformat

from sernb import paths

WIDGET = "application/vnd.jupyter.widget-view+json"


def source_hash(notebook) -> str:
    """SHA-256 of the cells' kinds and sources, the parameters cell included; outputs do not enter."""
    cells = [[c.cell_type, c.source] for c in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def save(notebook, rendered: Path) -> None:
    """Put an executed notebook in its place: cleaned metadata, outputs without traces of this machine, source hash.

    Raises ValueError if the notebook changed while it was executed.
    """
    executed = nbformat.read(rendered, as_version=4)
    if source_hash(executed) != source_hash(notebook.read()):
        raise ValueError(
            f"{notebook.name} changed while it was executed; it was left as it is. Execute it again."
        )
    nbformat.write(clean(executed), f"{notebook.path}.new")
    os.replace(f"{notebook.path}.new", notebook.path)


def clean(notebook):
    """A notebook fit to commit: tags and outputs only; no widgets, timings, progress rewrites or machine's paths."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": kernel,
            "language_info": {"name": "python", "file_extension": ".py"},
            "sernb": {"source_hash": source_hash(notebook)},
        }
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({"tags": list(t)} if (t := cell.metadata.get("tags")) else {})
        if cell.cell_type == "code":
            cell.outputs = [_clean_output(o) for o in cell.outputs if WIDGET not in o.get("data", {})]
    return notebook


def _clean_output(output):
    if output.output_type == "stream":
        # A progress bar rewrites its line; what remains on a screen is the last one.
        output.text = _portable(
            "\n".join(line.rstrip("\r").split("\r")[-1] for line in output.text.split("\n"))
        )
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(content, str):
            output.data[kind] = _portable(content)
        elif kind == "image/png":
            output.data[kind] = _with_palette(content)
    output.pop("transient", None)
    return output


def _with_palette(png: str) -> str:
    """A base64 PNG in 256 colours, chosen for it: a figure looks the same and takes a third of the bytes."""
    from PIL import Image

    picture, file = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    white = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    flat.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    small = base64.b64encode(file.getvalue()).decode()
    return small if len(small) < len(png) else png


def _portable(text: str) -> str:
    """Text with this machine's folders named by their role."""
    text = re.sub(r"\S*/ipykernel_\d+/\d+\.py", "<cell>", text)
    roles = {
        paths.DATA: "$SERNB_DATA", paths.CACHE: "$SERNB_CACHE", paths.RESULTS: "$SERNB_RESULTS",
        paths.FIGURES: "$SERNB_FIGURES", paths.ROOT: ".", Path(sys.prefix): "$VIRTUAL_ENV", Path.home(): "~",
    }  # fmt: skip
    for folder, role in sorted(roles.items(), key=lambda item: -len(str(item[0]))):
        if len(folder.parts) > 1:
            text = text.replace(str(folder), role)
    return text
