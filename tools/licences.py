"""Write LICENCES.md: every pinned package with the licence its own metadata states, and notes where that is not all.

Run it in the workbook's environment: `.venv/bin/python tools/licences.py`.
"""

import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: What the metadata does not say, or what a reader should not overlook.
NOTES = {
    "opensmile": "**research and education only**: commercial use needs another licence",
    "espeakng-loader": "**carries espeak-ng, GPL-3.0-or-later**: who passes the binary on passes on the GPL's terms",
    "av": "**carries x264 and x265, GPL-2.0-or-later**, and FFmpeg, LGPL-3.0-or-later",
    "pedalboard": "**GPL-3.0**; its effects are an oracle and a measure here, and nothing of it is shipped",
    "soundfile": "carries libsndfile, LGPL-2.1-or-later",
    "soxr": "carries libsoxr, LGPL-2.1-or-later",
    "torch": "carries parts under BSD-2-Clause, Apache-2.0 and other permissive licences",
    "tqdm": "MPL-2.0 covers changes to its own files",
    "certifi": "MPL-2.0 covers changes to its own files",
    "audinterface": "used by opensmile",
}
PROPRIETARY = "NVIDIA's own terms, free of charge; Linux only"
#: Where the metadata is silent, or says something other than the licence file; some install on other platforms only.
STATED = {
    "aiohappyeyeballs": "PSF-2.0",
    "aiohttp": "Apache-2.0 AND MIT",
    "aiosignal": "Apache-2.0",
    "appnope": "BSD-2-Clause",
    "cuda-toolkit": "holds nothing itself, names NVIDIA's packages",
    "espeakng-loader": "MIT; espeak-ng: GPL-3.0-or-later",
    "frozenlist": "Apache-2.0",
    "multidict": "Apache-2.0",
    "opensmile": "audEERING Research License Agreement",
    "propcache": "Apache-2.0",
    "pyroomacoustics": "MIT",
    "yarl": "Apache-2.0",
}


def pinned() -> list[tuple[str, str]]:
    """(name, version) of constraints.txt."""
    text = (ROOT / "constraints.txt").read_text()
    return re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE)


def licence(name: str) -> str:
    """The licence that an installed package states, in one line: expression, else classifiers, else the field."""
    try:
        stated = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed here"
    kinds = [c.split(" :: ")[-1] for c in stated.get_all("Classifier") or [] if c.startswith("License ::")]
    kinds = [k for k in kinds if k != "OSI Approved"]
    field = (stated.get("License") or "").strip()
    short = field if field and len(field) < 80 and "\n" not in field else ""
    return stated.get("License-Expression") or ", ".join(kinds) or short or "see its own files"


def table() -> str:
    rows = []
    for name, version in pinned():
        note = NOTES.get(name, "")
        stated = STATED.get(name) or licence(name)
        if name.startswith("nvidia-"):
            note = PROPRIETARY
        rows.append(f"| {name} | {version} | {stated.replace('|', '/')} | {note} |")
    return "\n".join(["| Package | Version | Licence | Note |", "|---|---|---|---|", *rows])


HEAD = """# Licences

sernb itself is under the MIT licence. What it installs is under its authors' licences, listed below as each package
states it; `tools/licences.py` writes this file from the installed packages. Three kinds deserve a look before you use
or pass anything on commercially:

- **Research only:** openSMILE, behind the classical baseline.
- **GPL:** espeak-ng, which speaks the stand-ins. It is loaded as a library at run time and not part of sernb. PyAV,
  which reads films, carries x264 and x265. Pedalboard, against which the effects are checked.
- **Proprietary, free of charge:** NVIDIA's CUDA libraries, which torch installs on Linux.

The recordings and pretrained weights that you add have licences of their own; none is distributed with sernb.

"""

if __name__ == "__main__":
    (ROOT / "LICENCES.md").write_text(HEAD + table() + "\n")
