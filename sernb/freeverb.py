"""Freeverb (Jezar at Dreampoint, 2000) as a frequency response: it is linear and time-invariant.

Eight comb filters with a low-pass in their feedback, in parallel, then four all-pass filters in series; the tunings,
scales and gains are the published ones, as JUCE and pedalboard have them.
"""

import functools

import torch

#: Delays in samples at 44.1 kHz.
COMBS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
ALL_PASSES = (556, 441, 341, 225)
GAIN, WET, DRY = 0.015, 3.0, 2.0  # of the input of the combs, of wet_level, of dry_level
ROOM_SCALE, ROOM_OFFSET, DAMP_SCALE = 0.28, 0.7, 0.4
TAIL = 1.0  # seconds after which the largest room that the paper allows (0.2) is 70 dB down


def response(n: int, rate: int, room, wet, dry, damping: float = 0.5, device="cpu") -> torch.Tensor:
    """The response at the frequencies of an n-point rfft: room, wet, dry (B,) → (B, n // 2 + 1), complex64.

    y = DRY · dry · x + WET · wet · (all-passes of combs of GAIN · x), with comb z^-N / (1 − f z^-N L(z)), feedback
    f = 0.7 + 0.28 room, L(z) = (1 − d) / (1 − d z^-1), d = 0.4 damping, and all-pass z^-M / (1 − z^-M / 2) − 1. n must
    leave room for the tail: what is later than n samples comes back at the start. Rooms are in 0…1; each different
    value is computed once and kept, so draw them from a grid.
    """
    rooms, which = torch.unique(room, return_inverse=True)
    echoes = torch.stack([_echoes(n, rate, value, damping, torch.device(device)) for value in rooms.tolist()])
    wet, dry = (WET * wet).to(device)[:, None], (DRY * dry).to(device)[:, None]
    return torch.addcmul(dry.to(torch.complex64), wet.to(torch.complex64), echoes[which.to(device)])


@functools.lru_cache(maxsize=512)  # 21 rooms at a dozen lengths, about 100 MB
def _echoes(n, rate, room, damping, device):
    """What the combs and all-passes make of one impulse."""
    step = -2 * torch.pi * torch.arange(n // 2 + 1, dtype=torch.float64) / n
    feedback, damp = ROOM_OFFSET + ROOM_SCALE * room, DAMP_SCALE * damping
    low_pass = (1 - damp) / (1 - damp * _delay(step, 1))
    found = torch.zeros(len(step), dtype=torch.complex128)
    for samples in COMBS:
        delay = _delay(step, rate * samples // 44_100)
        found += delay / (1 - feedback * delay * low_pass)
    for samples in ALL_PASSES:
        delay = _delay(step, rate * samples // 44_100)
        found *= delay / (1 - 0.5 * delay) - 1
    return (GAIN * found).to(torch.complex64).to(device)


def _delay(step, samples):
    return torch.polar(torch.ones_like(step), step * samples)
