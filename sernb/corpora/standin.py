"""Stand-ins: every corpus as speech made on the spot, in the corpus's own layout, deterministic by seed.

A stand-in has the corpus's language, speakers, genders, classes, splits, annotators and recording conditions at small
scale (standin_plans.py). Emotion follows the rules of prosody.py; texts, rooms and noise are drawn independently of it.
It says that the machinery works, nothing about people.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from sernb import paths

from . import emodb, labels, prosody, standin_labels, standin_plans, standin_scripts
from .standin_plans import PLANS

VERSION = 1
PAUSE = 0.4  # seconds around the utterances of a recording that holds several


def make(name: str, seed: int = 0, cache: Path | None = None) -> Path:
    """The root of a corpus's stand-in, made if it is not there yet (a process of its own, moved in place whole)."""
    if name not in PLANS:
        raise ValueError(f"there is no stand-in for {name!r}; there are {', '.join(PLANS)}.")
    parent = (Path(cache or paths.CACHE) / "stand-in").absolute()  # the other process has its own directory
    root = parent / f"{name}-v{VERSION}-{recipe()}-seed{seed}"
    if root.is_dir():
        return root
    parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=parent, prefix=".making-"))
    try:
        # Its own process: espeak-ng keeps state between calls, and the same seed must give the same samples.
        command = [sys.executable, "-m", "sernb.corpora.standin", name, str(seed), str(temporary)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=paths.ROOT)
        if done.returncode:
            raise RuntimeError(f"the stand-in of {name} could not be made:\n{done.stderr[-2000:]}")
        temporary.chmod(0o755)  # mkdtemp's is for this user alone; a cache may be shared
        try:
            os.replace(temporary, root)
        except OSError:
            if not root.is_dir():  # else another process was first
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return root


def make_all(names=None, seed: int = 0, cache: Path | None = None) -> dict[str, Path]:
    """The roots of several stand-ins (default: all), made side by side, one process per CPU."""
    names = list(dict.fromkeys(PLANS if names is None else names))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # The last of the plans are the largest: they start first, so that no CPU waits for one of them at the end.
        order = sorted(names, key=lambda name: -list(PLANS).index(name) if name in PLANS else 0)
        made = dict(zip(order, pool.map(lambda name: make(name, seed, cache), order), strict=True))
    return {name: made[name] for name in names}


def recipe() -> str:
    """Eight digits that change with the plans and the rules, so that an older recipe's speech is never read."""
    modules = (prosody, standin_plans, standin_scripts, standin_labels, emodb, labels)
    sources = b"".join(Path(file).read_bytes() for file in (__file__, *(m.__file__ for m in modules)))
    return hashlib.sha256(sources).hexdigest()[:8]


def speak(name: str, seed: int, root: Path) -> None:
    """Write every utterance of a stand-in below `root`, and the label files."""
    plan, synthesiser = PLANS[name], prosody.Synthesiser()
    order, spoken = list(PLANS).index(name), []
    script = plan.script(plan, np.random.default_rng([seed, order, 998])) if plan.script else None
    for number, (speaker, gender) in enumerate(plan.speakers):
        generator = np.random.default_rng([seed, order, number])
        person, recordings = _person(plan.voice, gender, generator), {}
        for line in script[speaker] if script else standin_scripts.acted(plan, speaker, generator):
            x = _utterance(synthesiser, plan, line, person, generator)
            recordings.setdefault(line.file, []).append((line, x))
        for file, takes in recordings.items():
            spoken += _write(root / file, plan, takes, generator)
    if plan.labels:
        plan.labels(root, plan, spoken, np.random.default_rng([seed, order, 999]))


def _write(file, plan, takes, generator):
    """One recording, and each of its lines with start and end in seconds."""
    pause = np.zeros(round(PAUSE * plan.rate) if len(takes) > 1 else 0)
    pieces, spoken, now = [pause], [], len(pause)
    for line, x in takes:
        spoken.append((line, now / plan.rate, (now + len(x)) / plan.rate))
        pieces += [x, pause]
        now += len(x) + len(pause)
    x = np.concatenate(pieces)
    if plan.channels == 2:  # a second microphone, further away
        x = np.stack([x, 0.4 * x + generator.normal(0, 5e-4, len(x))], axis=1)
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, x, plan.rate, subtype="PCM_16", format=plan.format)
    return spoken


def _person(voice, gender, generator):
    variant = f"{gender[0]}{generator.integers(1, 6 if gender == 'female' else 8)}"
    return {
        "voice": f"{voice}+{variant}", "pitch": generator.normal(0, 2.5), "range": np.exp(generator.normal(0, 0.25)),
        "rate": np.exp(generator.normal(0, 0.08)), "tilt": generator.normal(0, 1.0),
        "formants": np.exp(generator.normal(0, 0.05)),
    }  # fmt: skip


def _utterance(synthesiser, plan, line, person, generator):
    rule = prosody.draw(line.emotion, generator, line.mixed, line.share)
    rate = 165 * rule.rate * person["rate"] / person["formants"]
    pitch = 45 + 50 / 12 * (rule.pitch + person["pitch"])  # espeak's scale: fifty to an octave
    range_, seed = 45 * rule.range * person["range"], int(generator.integers(2**31))
    x = synthesiser(plan.texts[line.text], person["voice"], rate, pitch, range_, seed)
    rule = prosody.Rule(**{**vars(rule), "tilt": rule.tilt + person["tilt"]})
    x = prosody.voice_quality(x, rule, generator)
    conditions, band = plan.recording, None
    t60, snr = generator.uniform(*conditions.t60), generator.uniform(*conditions.snr)
    if conditions.high:
        band = generator.uniform(80, 200), np.exp(generator.uniform(*np.log(conditions.high)))
    x = prosody.recording(x, t60, snr, generator, conditions.noise, band)
    return prosody.resample(x, person["formants"], plan.rate)


if __name__ == "__main__":
    speak(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
