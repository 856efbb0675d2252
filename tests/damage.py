"""Recordings made by formula, and files damaged at random: what the tests of bad input share."""

import random

import numpy as np
import soundfile

NAMED = (ValueError, FileNotFoundError)  # what readers raise, with the file in the message
SECONDS = 0.25


def tone(file, rate=16_000, channels=1, seconds=SECONDS, **how):
    file.parent.mkdir(parents=True, exist_ok=True)
    x = 0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(file, np.repeat(x[:, None], channels, 1), rate, **how)
    return file


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Some bytes of a file changed, cut off, left out, repeated or put in."""
    content = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        a, b = sorted(draw.randrange(len(content) + 1) for _ in range(2))
        b = min(b, a + draw.choice([1, 4, 64, 4096]))
        how = draw.randrange(5)
        if how == 0:
            content[a:b] = draw.randbytes(b - a)
        elif how == 1:
            del content[a:]
        elif how == 2:
            del content[a:b]
        elif how == 3:
            content[b:b] = content[a:b]
        else:
            content[a:a] = draw.choice(
                [b"\0", b"\xff", b"\n", b",", b'"', b"\xff\xff\xff\x7f", b"\xc3", "ü".encode()]
            )
    return bytes(content)


# Audio
