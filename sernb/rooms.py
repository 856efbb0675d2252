"""Rooms: simulated impulse responses, and what is true of one: its reverberation time T60 and its clarity C50."""

import hashlib
from pathlib import Path

import numpy as np

RATE = 16_000
#: Longest response kept, in seconds; what is later lies 50 dB or more below the direct sound of any room drawn here.
LONGEST = 1.2
#: What `draw` keeps, and what the estimators are asked for: T60 in seconds, C50 in dB.
T60, C50 = (0.1, 1.2), (-5.0, 35.0)


def decay(response: np.ndarray) -> np.ndarray:
    """Schroeder's energy decay curve 10 log10(∫ₜ^∞ h² / ∫₀^∞ h²) of a response (…, T), in dB: (…, T).

    Source: Schroeder, "New method of measuring reverberation time", 1965.
    """
    energy = np.cumsum(np.square(response, dtype=np.float64)[..., ::-1], axis=-1)[..., ::-1]
    if not (energy[..., 0] > 0).all():
        raise ValueError("an impulse response holds no energy: expected one sample or more that is not zero.")
    return 10 * np.log10(np.maximum(energy / energy[..., :1], 1e-30))


def t60(response: np.ndarray, rate: int = RATE, from_: float = -5.0, to: float = -35.0) -> np.ndarray:
    """Reverberation time in seconds, (…, T) → (…): the time of a decay by 60 dB at the slope of the line fitted by least
    squares to the decay curve between `from_` and `to` dB (ISO 3382: T30, extrapolated).

    Raises ValueError where the curve has no two samples in between.
    """
    curve = decay(response)
    inside = (curve <= from_) & (curve >= to)
    count = inside.sum(-1)
    if (count < 2).any():
        raise ValueError(f"the decay passes from {from_:g} to {to:g} dB in less than two samples: no slope.")
    time = np.arange(curve.shape[-1]) / rate
    mean_time, mean_level = ((x * inside).sum(-1) / count for x in (time, curve))
    off = (time - mean_time[..., None]) * inside
    slope = (off * (curve - mean_level[..., None])).sum(-1) / np.square(off).sum(-1)  # dB per second
    return -60 / slope


def onset(response: np.ndarray) -> np.ndarray:
    """The sample at which the direct sound arrives: the first within 20 dB of the largest (ISO 3382)."""
    size = np.abs(response)
    return np.argmax(size >= 0.1 * size.max(-1, keepdims=True), axis=-1)


def c50(response: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Clarity in dB, (…, T) → (…): the energy up to 50 ms after the direct sound's arrival over all that follows.

    What little stands before the arrival (a fractional delay rings on both sides) belongs to the direct sound. Infinite
    where nothing follows.
    """
    energy = np.square(response, dtype=np.float64)
    time = np.arange(energy.shape[-1]) - onset(response)[..., None]
    early = time < round(0.05 * rate)
    with np.errstate(divide="ignore"):
        return 10 * np.log10((energy * early).sum(-1) / (energy * ~early).sum(-1))


def draw(seed: int, number: int) -> np.ndarray:
    """The response of room `number` of a seed: float32, largest sample 1, RATE Hz, at most LONGEST seconds.

    A shoe box of 2.5–10 × 2.2–8 × 2.2–4.2 m, source and microphone 0.25 m or more from each other and 0.4 m from the
    walls. Image sources to the third order, rays for the rest. A mean absorption that would give a reverberation time
    uniform on 0.06–1.4 s by Eyring's formula; every wall departs from it, and in half of the rooms it slopes over
    frequency. Drawn again until the response itself has T60 and C50 in the ranges above.
    """
    import pyroomacoustics

    generator = np.random.default_rng([seed, number])
    while True:
        pyroomacoustics.random.seed(int(generator.integers(2**31)))
        response = _simulate(pyroomacoustics, generator)
        first = int(onset(response))
        response = response[max(first - 8, 0) :][: round(LONGEST * RATE)]  # the time of flight tells nothing
        response = (response / np.abs(response).max()).astype(np.float32)
        if T60[0] <= t60(response) <= T60[1] and C50[0] <= c50(response) <= C50[1]:
            return response


def _simulate(pyroomacoustics, generator):
    size = generator.uniform((2.5, 2.2, 2.2), (10, 8, 4.2))
    source = generator.uniform(0.4, size - 0.4)
    distance = np.exp(generator.uniform(np.log(0.25), np.log(6)))
    direction = generator.normal(size=3)
    microphone = np.clip(source + distance * direction / np.linalg.norm(direction), 0.4, size - 0.4)
    volume, surface = size.prod(), 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    mean = 1 - np.exp(-0.161 * volume / (surface * generator.uniform(0.06, 1.4)))
    slope = generator.normal(0, 0.12) if generator.uniform() < 0.5 else 0.0  # factor e^slope an octave
    walls = {}
    for wall in ("east", "west", "north", "south", "ceiling", "floor"):
        absorption = mean * np.exp(generator.normal(0, 0.25))
        coefficients = np.clip(absorption * np.exp(slope * np.arange(-3, 4)), 0.01, 0.98)  # 125 Hz to 8 kHz
        bands = {"coeffs": coefficients, "center_freqs": 125 * 2 ** np.arange(7)}
        walls[wall] = pyroomacoustics.Material(bands, float(generator.uniform(0.05, 0.4)))
    room = pyroomacoustics.ShoeBox(
        size, RATE, materials=walls, max_order=3, ray_tracing=True, air_absorption=True
    )
    room.set_ray_tracing(n_rays=2000, receiver_radius=0.5, energy_thres=1e-6)
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    return room.rir[0][0]


def recipe() -> str:
    """Eight digits that change with how rooms are drawn, so that an older recipe's are never read."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
