"""EPST, Emotional Prosody Speech and Transcripts (LDC2002S28): data/speech/cc_001.sph and cc_001.txt, English."""

import re
from pathlib import Path

from . import documents, labels, table

EXPECTED = "data/speech/cc_001.sph"
SPEAKERS = {"cc", "cl", "gg", "jg", "mf", "mk", "mm"}
NAME = re.compile(r"([a-z]{2})_(\d+)", re.IGNORECASE)
LINE = re.compile(r"\s*(\d+(?:\.\d*)?)\s+(\d+(?:\.\d*)?)\s+[A-Z]\d?:\s*(.*?)\s*")
FORM = "`start end A: emotion, words`"
#: What else a transcript marks: talk between the tasks, noises, and the announcement of the next category.
MARKER = re.compile(r"[\[(<{].*|emotion category.*|silence|passage|noise|", re.IGNORECASE)


def read(root: Path):
    """One recording holds a session of many utterances: their times and emotions are the transcript's.

    The transcript is the .txt of the same name, beside the recording or elsewhere below the root. Lines that mark
    silence, noise or talk between the tasks are no utterances; a line of any other form is named in
    `attrs["left_out"]`. Gender is missing: the release names it on a page of its documentation, not in its data.
    """
    root = Path(root).expanduser()
    found = table.files(root, EXPECTED, table.AUDIO | {".sph"})
    texts = {}
    for file in (f for f in table.walk(root) if f.suffix.lower() == ".txt"):
        texts.setdefault(file.stem.lower(), []).append(file)
    rows, left_out, seen = [], [], {}
    for file in found:
        match, text = NAME.fullmatch(file.stem), texts.get(file.stem.lower(), [])
        if match is None or match[1].lower() not in SPEAKERS:
            left_out.append((file, "its name is not speaker_number as in cc_001"))
        elif seen.setdefault(file.stem.lower(), file) != file:
            left_out.append((file, f"a second copy of {seen[file.stem.lower()]}"))
        elif not text:
            left_out.append((file, f"there is no transcript {file.stem}.txt"))
        else:
            beside = [t for t in text if t.parent == file.parent]
            segments, reasons = transcript((beside or text)[0])
            rows += [{"file": file, **_row(match, *segment)} for segment in segments]
            left_out += [(file, reason) for reason in reasons]
    if not rows:
        why = f" The first: {left_out[0][0]}: {left_out[0][1]}." if left_out else ""
        raise FileNotFoundError(
            f"{root}: expected recordings such as {EXPECTED} with transcripts of lines {FORM}, found {len(found)} audio "
            f"files and no utterance.{why} Pass the folder of LDC2002S28."
        )
    return table.build(rows, left_out)


def _row(match, start, end, category):
    speaker = match[1].lower()
    return {
        "utterance": f"epst/{speaker}_{match[2]}@{start}", "start": float(start), "end": float(end), "corpus": "epst",
        "speaker": f"epst/{speaker}", "language": "eng", "emotion": labels.EPST[category],
    }  # fmt: skip


def transcript(file: Path) -> tuple[list[tuple], list[str]]:
    """(start, end, category) of every utterance, and a reason for every line that is none and no marker either."""
    segments, reasons, starts = [], [], set()
    lines = documents.text(file).splitlines()
    parsed = [LINE.fullmatch(line) for line in lines]
    if not any(parsed):
        first = next((line for line in lines if line.strip()), "")
        return [], [f"{file.name} has no line of the form {FORM}; it begins {first[:60]!r}"]
    for number, (line, match) in enumerate(zip(lines, parsed, strict=True), 1):
        said = match[3] if match else line.strip()
        if MARKER.fullmatch(said):
            continue
        category, comma, _ = said.partition(",")
        category = " ".join(category.lower().replace("-", " ").split())
        where = f"{file.name}, line {number}"
        if match is None or not comma:
            reasons.append(f"{where}: expected {FORM}, found {line.strip()[:60]!r}")
        elif category not in labels.EPST:
            reasons.append(f"{where}: the category {category!r} has no entry in labels.EPST")
        elif not float(match[1]) < float(match[2]) or match[1] in starts:
            reasons.append(f"{where}: its end is not after its start, or an utterance starts there already")
        else:
            starts.add(match[1])
            segments.append((match[1], match[2], category))
    return segments, reasons
