"""Stand-ins: every corpus as speech made on the spot, in the corpus's own layout, deterministic by seed.

A stand-in has the corpus's language, speakers, genders and classes at small scale. Emotion follows the rules of
prosody.py; texts, rooms and noise are drawn independently of it. It says that the machinery works, nothing about
people.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sernb import paths

from . import emodb, labels, prosody

VERSION = 1
RATE = 16_000

GERMAN = (
    "Der Brief liegt auf dem Schrank.", "Morgen fahren wir an den See.", "Sie hat die Tasche im Flur gelassen.",
    "Um acht Uhr kommt der Bus.", "Das Fenster steht noch offen.", "Er holt die Kinder von der Schule.",
    "In der Küche brennt noch Licht.", "Die Jacke hängt hinter der Tür.", "Gleich wird es wieder regnen.",
    "Am Abend gehen sie nach Hause.",
)  # fmt: skip
ITALIAN = (
    "La lettera è sul tavolo.", "Domani andiamo al mare.", "Il treno arriva alle otto.", "La finestra è ancora aperta.",
    "Hanno lasciato la borsa in cucina.", "Stasera tornano a casa.",
)  # fmt: skip
ENGLISH = ("Cups are standing near the sink.", "Trains are waiting by the bridge.")


@dataclass(frozen=True)
class Plan:
    """What a stand-in is made of; `counts`: utterances per emotion and speaker, by the corpus's own code."""

    voice: str
    texts: tuple
    speakers: tuple  # (name, gender)
    codes: dict
    counts: dict
    name: object  # (speaker, code, text number, take) → path below the root


PLANS = {
    "emodb": Plan(
        "de", GERMAN,
        tuple((s, "male" if s in emodb.MEN else "female") for s in "03 08 09 10 11 12 13 14 15 16".split()),
        labels.EMODB, {"W": 6, "L": 4, "E": 3, "A": 4, "F": 4, "T": 3, "N": 4},
        lambda s, code, text, take: f"wav/{s}a{text + 1:02d}{code}a.wav",
    ),
    "emovo": Plan(
        "it", ITALIAN, tuple((f"{g}{i}", "female" if g == "f" else "male") for g in "fm" for i in (1, 2, 3)),
        labels.EMOVO, dict.fromkeys(labels.EMOVO, 4),
        lambda s, code, text, take: f"{s}/{code}-{s}-b{text + 1}.wav",
    ),
    "ravdess": Plan(
        "en-us", ENGLISH, tuple((f"{i:02d}", "male" if i % 2 else "female") for i in range(1, 25)),
        labels.RAVDESS, {code: 1 if code == "01" else 2 for code in labels.RAVDESS},
        lambda s, code, text, take: f"Actor_{s}/03-01-{code}-01-{text + 1:02d}-01-{s}.wav",
    ),
}  # fmt: skip


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


def recipe() -> str:
    """Eight digits that change with the plans and the rules, so that an older recipe's speech is never read."""
    sources = b"".join(Path(file).read_bytes() for file in (__file__, prosody.__file__))
    return hashlib.sha256(sources).hexdigest()[:8]


def speak(name: str, seed: int, root: Path) -> None:
    """Write every utterance of a stand-in below `root`."""
    plan, synthesiser = PLANS[name], prosody.Synthesiser()
    order = list(PLANS).index(name)
    for number, (speaker, gender) in enumerate(plan.speakers):
        generator = np.random.default_rng([seed, order, number])
        person = _person(plan.voice, gender, generator)
        for code, emotion in plan.codes.items():
            texts = generator.permutation(len(plan.texts))[: plan.counts[code]]
            for take, text in enumerate(sorted(texts)):
                x = _utterance(synthesiser, plan.texts[text], emotion, person, generator)
                file = root / plan.name(speaker, code, int(text), take)
                file.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(file, x, RATE, subtype="PCM_16")
    if name == "emodb":
        _listening_test(root, np.random.default_rng([seed, order, 999]))


def _person(voice, gender, generator):
    variant = f"{gender[0]}{generator.integers(1, 6 if gender == 'female' else 8)}"
    return {
        "voice": f"{voice}+{variant}", "pitch": generator.normal(0, 2.5), "range": np.exp(generator.normal(0, 0.25)),
        "rate": np.exp(generator.normal(0, 0.08)), "tilt": generator.normal(0, 1.0),
        "formants": np.exp(generator.normal(0, 0.05)),
    }  # fmt: skip


def _utterance(synthesiser, text, emotion, person, generator):
    rule = prosody.draw(emotion, generator)
    rate = 165 * rule.rate * person["rate"] / person["formants"]
    pitch = 45 + 50 / 12 * (rule.pitch + person["pitch"])  # espeak's scale: fifty to an octave
    range_, seed = 45 * rule.range * person["range"], int(generator.integers(2**31))
    x = synthesiser(text, person["voice"], rate, pitch, range_, seed)
    rule = prosody.Rule(**{**vars(rule), "tilt": rule.tilt + person["tilt"]})
    x = prosody.voice_quality(x, rule, generator)
    x = prosody.recording(x, generator.uniform(0.1, 0.35), generator.uniform(25, 45), generator)
    return prosody.resample(x, person["formants"], RATE)


def _listening_test(root, generator):
    lines = ["Nr.\tSatz\terkannt\tnatuerlich"]
    for i, file in enumerate(sorted((root / "wav").iterdir())):
        share = f"{5 * generator.integers(16, 21):.2f}".replace(".", ",")
        lines.append(f"{i + 1}\t{file.name}\t{share}\t{share}")
    (root / "erkennung.txt").write_text("\n".join(lines) + "\n", encoding="latin-1")


if __name__ == "__main__":
    speak(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
