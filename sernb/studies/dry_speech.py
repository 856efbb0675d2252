"""Dry speech as streams, one a speaker: made on the spot without rooms, noise and channels, or recorded in a dry room."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd

from sernb.audio import RATE, Pack, to_int16
from sernb.corpora import prosody
from sernb.corpora.standin_plans import PLANS

#: German is left out: what is estimated on EMO-DB is estimated in a language never heard.
PLANS_HEARD = tuple(name for name, plan in PLANS.items() if plan.voice != "de")
TAKES = 6  # utterances of a speaker


def streams(seed: int, speakers: int) -> list[np.ndarray]:
    """One int16 array a speaker, at RATE: utterances in every manner, pauses of 0.05 to 0.6 s between them.

    A speaker has a language of the stand-ins' without German, a voice, a vocal tract and manners of their own, drawn
    from `seed`; speakers of two seeds differ.
    """
    # A fresh process: espeak-ng keeps state between calls, and the same seed must give the same samples.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_streams, seed, speakers).result()


def _streams(seed, speakers):
    synthesiser = prosody.Synthesiser()
    return [_speaker(synthesiser, np.random.default_rng([seed, number, 31])) for number in range(speakers)]


def recorded(packed: Pack, speakers: pd.Series, seed: int, seconds: float = 60.0) -> list[np.ndarray]:
    """One int16 array a speaker: packed utterances in random order, each at the same peak, up to `seconds` in all.

    `speakers`: the speaker of every packed utterance, by id. It is for the caller to know that the room was dry.
    """
    found = []
    for number, (_, ids) in enumerate(speakers[packed.ids].groupby(speakers[packed.ids], sort=True)):
        order = np.random.default_rng([seed, number, 32]).permutation(ids.index.to_numpy())
        pieces = (x / np.abs(x).max() for x in map(packed.utterance, order))
        found.append(to_int16(0.5 * np.concatenate(list(pieces)))[: round(seconds * RATE)])
    return found


def _speaker(synthesiser, generator):
    plan = PLANS[generator.choice(PLANS_HEARD)]
    gender, last = ("f", 5) if generator.uniform() < 0.5 else ("m", 7)
    voice = f"{plan.voice}+{gender}{generator.integers(1, last + 1)}"
    tract, register = np.exp(generator.normal(0, 0.1)), generator.normal(0, 3.0)
    pieces = []
    for _ in range(TAKES):
        rule = prosody.draw(generator.choice(list(prosody.RULES)), generator)
        rate = 165 * rule.rate * np.exp(generator.normal(0, 0.15)) / tract
        pitch = 45 + 50 / 12 * (rule.pitch + register)
        text, draw = generator.choice(plan.texts), int(generator.integers(2**31))
        x = synthesiser(text, voice, rate, pitch, 45 * rule.range, draw)
        x = prosody.resample(prosody.voice_quality(x, rule, generator), tract, RATE)
        x = _released(x, generator)
        pieces += [0.5 * x / np.abs(x).max(), np.zeros(round(generator.uniform(0.05, 0.6) * RATE))]
    return to_int16(np.concatenate(pieces))


def _released(x, generator):
    """A phrase fades out over 30 to 250 ms, and its level wanders by some dB four times a second: a synthesiser stops
    at once, people do not, and a network that only knows the former takes a fading voice for a room."""
    knots = generator.normal(0, generator.uniform(0, 5), 4 + 4 * len(x) // RATE)
    level = np.interp(np.arange(len(x)) / len(x) * (len(knots) - 1), np.arange(len(knots)), knots)
    fade = min(round(generator.uniform(0.03, 0.25) * RATE), len(x))
    x = x * 10 ** (level / 20)
    x[len(x) - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    return x
