"""Emotional prosody by rule: what the stand-ins' emotions do to pitch, rate, loudness and voice quality.

Directions follow Murray & Arnott (1993, Table 1), Burkhardt & Sendlmeier (2000) and, for the finer categories, the
measurements of Banse & Scherer (1996, Table 6); sizes are ours and small beside the deviation drawn per utterance, so
that emotions overlap as they do in people.
"""

import ctypes
import os
from dataclasses import dataclass

import numpy as np
import soxr
from scipy import fft, signal

RATE = 22_050  # of the synthesiser


@dataclass(frozen=True)
class Rule:
    """What an emotion changes against neutral speech."""

    pitch: float = 0.0  # semitones
    range: float = 1.0  # factor of the pitch movement
    rate: float = 1.0  # factor of the speaking rate
    tilt: float = 0.0  # dB per octave above 500 Hz; positive: tense, bright
    breath: float = 0.0  # noise in the voice, relative to its envelope
    tremor: float = 0.0  # depth of a 6 Hz vibrato, semitones
    creak: float = 0.0  # depth of a 30 Hz amplitude modulation
    attack: float = 0.0  # dB by which loud parts are raised over soft ones


RULES = {
    "neutral": Rule(),
    "anger": Rule(pitch=1.5, range=1.4, rate=1.22, tilt=3.5, attack=8.0),
    "happiness": Rule(pitch=3.5, range=2.2, rate=1.08, tilt=1.5, attack=1.0),
    "fear": Rule(pitch=3.0, range=0.9, rate=1.25, tilt=0.5, breath=0.15, tremor=0.6),
    "sadness": Rule(pitch=-1.0, range=0.6, rate=0.80, tilt=-3.0, breath=0.20, tremor=0.2),
    "boredom": Rule(pitch=-1.5, range=0.4, rate=0.74, tilt=-2.0),
    "disgust": Rule(pitch=-1.0, range=1.0, rate=0.78, tilt=1.0, creak=0.8),
    "surprise": Rule(pitch=5.0, range=2.0, rate=0.92, tilt=0.5, attack=3.0),
    "calm": Rule(pitch=-0.5, range=0.8, rate=0.90, tilt=-1.5, breath=0.05),
    # Between or beside those above: neighbours in life are neighbours here.
    "excitement": Rule(pitch=4.0, range=2.0, rate=1.20, tilt=2.5, attack=3.0),
    "frustration": Rule(pitch=0.5, range=1.0, rate=1.02, tilt=2.0, attack=4.0, breath=0.08, creak=0.2),
    "contempt": Rule(pitch=-1.5, range=0.9, rate=0.88, tilt=0.5, creak=0.4),
    "pleasant surprise": Rule(pitch=5.0, range=2.4, rate=0.98, tilt=1.0, attack=2.0),
    "other": Rule(pitch=0.5, range=1.2, rate=0.96, breath=0.05),
    # Banse & Scherer's pairs of one family: the hot member is higher, wider, faster and brighter than the cold one.
    "hot anger": Rule(pitch=3.0, range=1.7, rate=1.25, tilt=4.0, attack=9.0),
    "cold anger": Rule(pitch=0.5, range=1.1, rate=1.12, tilt=2.5, attack=6.0),
    "panic": Rule(pitch=5.0, range=1.1, rate=1.30, tilt=2.0, breath=0.10, tremor=0.6),
    "anxiety": Rule(pitch=1.5, range=0.7, rate=1.12, tilt=-0.5, breath=0.15, tremor=0.4),
    "despair": Rule(pitch=3.0, range=1.2, rate=0.92, tilt=0.5, breath=0.20, tremor=0.5),
    "elation": Rule(pitch=4.5, range=2.3, rate=1.15, tilt=2.5, attack=3.0),
    "interest": Rule(pitch=1.5, range=1.6, rate=1.12, tilt=0.5),
    "shame": Rule(pitch=-1.0, range=0.7, rate=0.86, tilt=-2.5, breath=0.10),
    "pride": Rule(pitch=0.5, range=1.3, rate=0.92, tilt=1.0, attack=2.0),
}

#: Standard deviation of each parameter over utterances of one emotion; factors in natural logarithm.
DEVIATION = Rule(pitch=1.0, range=0.18, rate=0.05, tilt=0.5, breath=0.02, tremor=0.1, creak=0.05, attack=0.8)


def draw(emotion: str, generator: np.random.Generator, mixed: str | None = None, share: float = 1.0) -> Rule:
    """One utterance's parameters: the emotion's rule and a normal deviation.

    `share` in (0, 1] is the emotion's weight where another, `mixed`, shines through.
    """
    rule, deviation = RULES[emotion], vars(DEVIATION)
    if mixed:
        both = zip(vars(rule).items(), vars(RULES[mixed]).values(), strict=True)
        rule = Rule(**{name: share * a + (1 - share) * b for (name, a), b in both})
    noise = {name: generator.normal() * scale for name, scale in deviation.items()}
    factors = {name: getattr(rule, name) * np.exp(noise[name]) for name in ("range", "rate")}
    sums = {name: getattr(rule, name) + noise[name] for name in ("pitch", "tilt", "attack")}
    depths = {name: max(0.0, getattr(rule, name) + noise[name]) for name in ("breath", "tremor", "creak")}
    return Rule(**factors, **sums, **depths)


class Synthesiser:
    """espeak-ng through its C library, which espeakng-loader brings; one per process."""

    def __init__(self):
        import espeakng_loader

        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = str(espeakng_loader.get_data_path()).encode()
        found = self.library.espeak_Initialize(2, 0, data, 0)  # 2: samples are returned, not played
        if found != RATE:
            raise RuntimeError(
                f"espeak-ng answered {found} to initialisation, expected its sample rate {RATE}."
            )
        self.random = ctypes.CDLL("msvcrt" if os.name == "nt" else None)  # the C library's generator
        self.chunks = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.callback = kind(self._receive)
        self.library.espeak_SetSynthCallback(self.callback)

    def _receive(self, samples, count, _):
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def __call__(
        self, text: str, voice: str, rate: float, pitch: float, range_: float, seed: int
    ) -> np.ndarray:
        """Samples in [-1, 1] at RATE; rate in words a minute, pitch and range on espeak's scale of 0…99.

        espeak-ng draws flutter and breath from its own generator, which it seeds by the clock, and from the C
        library's: `seed` (31 bits) sets both.
        """
        if self.library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice!r}.")
        for number, value in ((1, rate), (3, pitch), (4, range_)):
            limits = (80, 450) if number == 1 else (0, 99)
            self.library.espeak_SetParameter(number, int(np.clip(round(value), *limits)), 0)
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self.random.srand(ctypes.c_uint(seed))
        self.chunks = []
        encoded = text.encode()
        if self.library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, 1, None, None):
            raise RuntimeError(f"espeak-ng could not speak {text!r} with {voice!r}.")
        self.library.espeak_Synchronize()
        x = np.concatenate(self.chunks).astype(np.float64) / 32768
        loud = np.flatnonzero(np.abs(x) > 0.01)
        return x[loud[0] : loud[-1] + 1]


def voice_quality(x: np.ndarray, rule: Rule, generator: np.random.Generator) -> np.ndarray:
    """Vibrato, loudness dynamics, creak, breath and spectral tilt, in this order."""
    time = np.arange(len(x)) / RATE
    if rule.tremor:
        # Seconds of shift that give so many semitones.
        depth = (2 ** (rule.tremor / 12) - 1) / (2 * np.pi * 6)
        shift = depth * np.sin(2 * np.pi * 6 * time + generator.uniform(0, 2 * np.pi))
        x = np.interp(time + shift, time, x)
    envelope = signal.filtfilt(*signal.butter(2, 8, fs=RATE), np.abs(x)).clip(1e-4)
    x = x * (envelope / envelope.max()) ** (rule.attack / 20)
    x = x * (1 - rule.creak * (0.5 + 0.5 * np.sin(2 * np.pi * 30 * time)))
    noise = signal.lfilter(*signal.butter(2, 1500, "high", fs=RATE), generator.normal(size=len(x)))
    x = x + rule.breath * envelope * noise
    n = fft.next_fast_len(len(x), real=True)
    spectrum, f = np.fft.rfft(x, n), np.fft.rfftfreq(n, 1 / RATE)
    return np.fft.irfft(spectrum * 10 ** (rule.tilt * np.log2(f.clip(500) / 500) / 20), n)[: len(x)]


def recording(
    x: np.ndarray,
    t60: float,
    snr: float,
    generator: np.random.Generator,
    noise: str = "white",
    band: tuple | None = None,
) -> np.ndarray:
    """A room (exponentially decaying noise, direct sound 6 dB above it), noise at `snr` dB, then a channel that passes
    `band` = (low, high) in Hz; peak 0.5."""
    time = np.arange(int(t60 * RATE)) / RATE
    tail = generator.normal(size=len(time)) * 10 ** (-3 * time / t60)
    tail *= 0.5 / np.sqrt((tail**2).sum())
    x = np.concatenate([x, np.zeros(len(tail))])
    x = x + signal.fftconvolve(x, tail)[: len(x)]
    x = x + background(noise, len(x), generator) * np.sqrt((x**2).mean()) * 10 ** (-snr / 20)
    if band:
        x = signal.sosfilt(signal.butter(4, band, "bandpass", fs=RATE, output="sos"), x)
    return 0.5 * x / np.abs(x).max()


def background(noise: str, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Noise of unit power: "white"; "pink", a street or a ventilator; "audience", pink with laughter now and then."""
    x = generator.normal(size=samples)
    if noise == "white":
        return x
    n = fft.next_fast_len(samples, real=True)
    f = np.fft.rfftfreq(n, 1 / RATE)
    x = np.fft.irfft(np.fft.rfft(x, n) / np.sqrt(f.clip(40)), n)[:samples]
    x = x / x.std()
    if noise == "audience" and generator.uniform() < 0.5:
        after = np.arange(samples) / RATE - generator.uniform(-0.3, 0.8 * samples / RATE)
        # Five times a second, fading: ha ha ha.
        laughing = (after > 0) * np.exp(-after.clip(0) / 0.5) * np.sin(10 * np.pi * after).clip(0)
        voices = signal.butter(2, (400, 3000), "bandpass", fs=RATE, output="sos")
        x = x + 4 * laughing * signal.sosfilt(voices, generator.normal(size=samples))
        x = x / x.std()
    return x


def resample(x: np.ndarray, factor: float, rate: int) -> np.ndarray:
    """To `rate`, played `factor` times as fast: formants and pitch rise with it."""
    return soxr.resample(x, RATE * factor, rate)
