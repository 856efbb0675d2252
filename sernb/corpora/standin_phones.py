"""Which phone a stand-in's speaker is at, and when: espeak-ng knows what it says.

The stand-in is spoken once more, from the same draws, with espeak-ng's phoneme events switched on; they say when each
phone begins. Nothing is recognised or aligned.
"""

import ctypes
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from sernb import paths

from . import prosody, standin, standin_scripts
from .standin_plans import PLANS

VERSION = 1
EVENTS = 1  # initialisation: phonemes are events
END, PHONEME = 0, 7  # kinds of events


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text", ctypes.c_int), ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("name", ctypes.c_char * 8),
    ]  # fmt: skip


class Annotator(prosody.Synthesiser):
    """A synthesiser that also notes when each phone of the last utterance began."""

    def __init__(self):
        import espeakng_loader

        super().__init__()
        data = str(espeakng_loader.get_data_path()).encode()
        found = self.library.espeak_Initialize(2, 0, data, EVENTS)
        if found != prosody.RATE:
            raise RuntimeError(f"espeak-ng answered {found} to initialisation, expected {prosody.RATE}.")
        self.library.espeak_SetSynthCallback(self.callback)

    def _receive(self, samples, count, events):
        here = ctypes.cast(events, ctypes.POINTER(_Event))
        i = 0
        while here[i].type != END:
            if here[i].type == PHONEME:
                self.begun.append((here[i].name.decode(), here[i].sample))
            i += 1
        return super()._receive(samples, count, events)

    def __call__(self, *arguments):
        self.begun = []
        x = super().__call__(*arguments)
        loud = np.flatnonzero(np.abs(np.concatenate(self.chunks)) > 0.01 * 32768)
        last = loud[0] + len(x)
        begun = [(name, max(0, sample - loud[0])) for name, sample in self.begun if sample < last]
        ends = [start for _, start in begun[1:]] + [len(x)]
        self.phones = [
            (name, start / prosody.RATE, end / prosody.RATE)
            for (name, start), end in zip(begun, ends, strict=True)
            if end > start
        ]
        return x


def load(name: str, seed: int = 0) -> pd.DataFrame:
    """Phones of a stand-in: one row each, index utterance; phone, start and end in seconds of the utterance.

    Phones are espeak-ng's names for them in the corpus's language. What follows the last one is the room's echo.
    Computed once, in a process of its own, and kept in the cache.
    """
    file = (
        paths.CACHE
        / "stand-in"
        / f"{name}-v{standin.VERSION}-{standin.recipe()}-seed{seed}-phones{VERSION}.parquet"
    )
    if not file.exists():
        standin.make(name, seed)
        temporary = file.with_suffix(f".{id(file)}.tmp")
        command = [sys.executable, "-m", "sernb.corpora.standin_phones", name, str(seed), str(temporary)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=paths.ROOT)
        if done.returncode:
            raise RuntimeError(f"the phones of {name}'s stand-in could not be noted:\n{done.stderr[-2000:]}")
        temporary.replace(file)
    return pd.read_parquet(file)


def annotate(name: str, seed: int) -> pd.DataFrame:
    """Every phone from the draws of standin.speak: file below the root, number of the line in it, phone, start, end."""
    plan, synthesiser = PLANS[name], Annotator()
    order, rows = list(PLANS).index(name), []
    script = plan.script(plan, np.random.default_rng([seed, order, 998])) if plan.script else None
    for number, (speaker, gender) in enumerate(plan.speakers):
        generator = np.random.default_rng([seed, order, number])
        person, takes = standin._person(plan.voice, gender, generator), {}
        for line in script[speaker] if script else standin_scripts.acted(plan, speaker, generator):
            standin._utterance(synthesiser, plan, line, person, generator)
            take = takes[line.file] = takes.get(line.file, -1) + 1
            rows += [
                (line.file, take, phone, start / person["formants"], end / person["formants"])
                for phone, start, end in synthesiser.phones
            ]
    return pd.DataFrame(rows, columns=["file", "take", "phone", "start", "end"])


def _with_ids(frame, name, seed):
    """Utterance ids in the place of files and numbers of lines; lines that are no utterance of the corpus are left out."""
    from sernb import corpora

    root = standin.make(name, seed)
    table = corpora.load(name, data="stand-in", seed=seed)
    files = table["file"].map(lambda f: Path(f).relative_to(root).as_posix())
    takes = table["start"].groupby(files).rank(method="first").sub(1).fillna(0).astype(int)
    ids = pd.Series(table.index, pd.MultiIndex.from_arrays([files, takes]))
    asked = pd.MultiIndex.from_frame(frame[["file", "take"]])
    frame = frame.assign(utterance=ids.reindex(asked).to_numpy())
    return frame.dropna(subset="utterance").set_index("utterance")[["phone", "start", "end"]]


if __name__ == "__main__":
    _with_ids(annotate(sys.argv[1], int(sys.argv[2])), sys.argv[1], int(sys.argv[2])).to_parquet(sys.argv[3])
