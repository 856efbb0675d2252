"""Augmentations of waveforms, batched on the device: paper 3's six besides SpecAugment, and their chain.

Every effect takes waveforms (B, T), zero past each length, lengths (B,) and one parameter per row, and gives
waveforms that are zero past each length again. `Augment` draws the parameters and touches a share of the rows only.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from sernb import freeverb

#: Butterworth's polynomial of degree 9, ascending: c_k = c_{k−1} cos(kθ − θ) / sin(kθ) with θ = π / 18.
POLYNOMIAL = [1.0]
for _k in range(1, 10):
    POLYNOMIAL.append(POLYNOMIAL[-1] * math.cos((_k - 1) * math.pi / 18) / math.sin(_k * math.pi / 18))
CHUNK = 32  # rows filtered at once: enough to share the overhead, few enough for a processor's cache
RINGING = 0.25  # seconds after which a filter with its cut-off at 100 Hz or more has decayed by 100 dB


@dataclass(frozen=True)
class Augment:
    """Paper 3's augmentations in its ranges (section 5.2); cut-offs, SNR and shift are our choice, it gives none."""

    rate: int = 16_000
    speed: tuple[float, float] = (0.9, 1.2)
    shift: float = 0.1  # at most this share of the utterance, either way
    fade: float = 0.1  # at most this share of the utterance, at either end
    high_pass: tuple[float, float] = (100.0, 400.0)  # Hz
    low_pass: tuple[float, float] = (3000.0, 7000.0)  # Hz
    snr: tuple[float, float] = (10.0, 30.0)  # dB
    room: float = 0.2  # at most
    wet: float = 0.5  # at most
    dry: float = 0.4

    def draw(self, rows: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Parameters of `rows` utterances, uniform in their ranges; rooms in steps of 0.01, see freeverb."""
        u = torch.rand(9, rows, generator=generator)

        def between(i, low, high):
            return low + (high - low) * u[i]

        return {
            "speed": between(0, *self.speed), "shift": between(1, -self.shift, self.shift),
            "fade_in": between(2, 0, self.fade), "fade_out": between(3, 0, self.fade),
            "high_pass": between(4, *self.high_pass), "low_pass": between(5, *self.low_pass),
            "snr": between(6, *self.snr), "room": (u[7] * (100 * self.room + 1)).floor().double() / 100,
            "wet": between(8, 0, self.wet), "dry": torch.full((rows,), self.dry),
        }  # fmt: skip

    def __call__(self, x, lengths, share: float, generator: torch.Generator):
        """The whole chain on `share` of the rows: waveforms (B, T'), lengths (B,), which rows were touched (B,).

        In their order: voice (stretch, shift, fade), room and channel (one filter), ambient noise.
        """
        touched = chosen(len(x), share, generator).to(x.device)
        rows = touched.nonzero().flatten()
        if not len(rows):
            return x, lengths, touched
        p = {name: value.to(x.device) for name, value in self.draw(len(rows), generator).items()}
        y, n = stretch(x.index_select(0, rows), lengths[rows], p["speed"], self.rate)
        lengths = lengths.index_copy(0, rows, n)
        width = int(lengths.max())
        out = F.pad(x[:, :width], (0, max(width - x.shape[1], 0)))
        for i in range(0, len(rows), CHUNK):
            at = slice(i, i + CHUNK)
            part = y[at, : int(n[at].max())]
            part = self._stretched(part, n[at], {k: v[at] for k, v in p.items()}, generator)
            out.index_copy_(0, rows[at], F.pad(part, (0, width - part.shape[1])))
        return out, lengths, touched

    def apply(self, x, lengths, p, generator):
        """The chain with these parameters, one a row, named as in `draw`: waveforms (B, T'), lengths (B,)."""
        x, n = stretch(x, lengths, p["speed"], self.rate)
        return self._stretched(x, n, p, generator), n

    def _stretched(self, x, lengths, p, generator):
        """What follows the stretch."""
        x = fade(shift(x, lengths, p["shift"]), lengths, p["fade_in"], p["fade_out"])
        return pink_noise(self.filtered(x, lengths, p), lengths, p["snr"], generator)

    def filtered(self, x, lengths, p):
        """Equalisation and reverberation, both linear, as one filter."""
        n = fast_length(x.shape[1] + round(freeverb.TAIL * self.rate))
        response = butterworth(n, self.rate, p["high_pass"], p["low_pass"])
        response *= freeverb.response(n, self.rate, p["room"], p["wet"], p["dry"], device=x.device)
        return _through(x, lengths, response, n)


def chosen(rows: int, share: float, generator: torch.Generator) -> torch.Tensor:
    """Which rows are touched, (B,) boolean: exactly share · B of them, a fraction of a row by chance."""
    if not 0 <= share <= 1:
        raise ValueError(f"the share of augmented utterances is in 0…1, found {share}.")
    draw = torch.rand(rows + 1, generator=generator)
    count = math.floor(share * rows + float(draw[-1]))
    return draw[:-1].argsort().argsort() < count


def stretch(x, lengths, speed, rate: int = 16_000):
    """Every utterance at its own speed (1.2: a sixth shorter) with its pitch kept: waveforms (B, T'), lengths / speed.

    WSOLA (Verhelst & Roelands 1993): frames of 60 ms, half overlapping, each taken from where it continues the one
    before best (largest normalised correlation), within 12.5 ms of where the speed wants it. At speed 1 that is where
    it stands, and nothing changes.
    """
    hop, reach = round(0.03 * rate), round(0.0125 * rate)
    new = (lengths / speed).round().long().clamp(min=1)
    width, rows = int(new.max()), torch.arange(len(x), device=x.device)
    count = -(-width // hop) + 1  # frame k is heard around k · hop
    wanted = (torch.arange(count, device=x.device) * hop * speed[:, None]).round().long()  # (B, count)
    room = max(int(wanted.max()) + 2 * (hop + reach) - x.shape[1], 0)
    x = F.pad(x, (hop + reach, room))  # the frame around p begins at p + reach
    starts = _continuing(x, wanted, hop, reach)
    frames = _windows(x, rows[:, None], starts, 2 * hop) * torch.hann_window(2 * hop, device=x.device)
    y = F.pad(frames[:, :, :hop], (0, 0, 0, 1))
    y[:, 1:] += frames[:, :, hop:]
    return _inside(y.flatten(1)[:, hop : hop + width], new), new


def _continuing(x, wanted, hop, reach):
    """Where each frame begins in the padded input: wanted + reach + a lag in ±reach, (B, count)."""
    rows, most = torch.arange(len(x), device=x.device), 2 * reach + 1
    lags = torch.arange(-reach, reach + 1, device=x.device)
    n, tie = fast_length(hop + 2 * reach), 1e-5 * lags.abs() / reach  # of equals, the nearest
    starts = [wanted[:, 0] + reach]
    for k in range(1, wanted.shape[1]):
        before = _windows(x, rows, starts[-1] + hop, hop)  # how the last frame goes on by itself
        around = _windows(x, rows, wanted[:, k], hop + 2 * reach)
        alike = torch.fft.rfft(around, n).mul_(torch.fft.rfft(before, n).conj())
        energy = F.pad(
            around.double().square_().cumsum(1), (1, 0)
        )  # in fp32 a quiet window after a loud one is lost
        floor = 1e-10 * energy[:, -1:] + 1e-30  # 100 dB below what is around: rounding, not speech
        energy = (energy[:, hop:] - energy[:, :-hop]).maximum(floor) * before.double().square_().sum(
            1, keepdim=True
        )
        alike = torch.fft.irfft(alike, n)[:, :most] * energy.add_(1e-60).rsqrt_() - tie
        starts.append(wanted[:, k] + alike.argmax(1))
    return torch.stack(starts, 1)


def _windows(x, rows, starts, width):
    """x[row, start : start + width] of every row and start: (…, width), each copied in one piece."""
    rows, starts = torch.broadcast_tensors(rows, starts)
    every = x.as_strided((x.numel() - width + 1, width), (1, 1), x.storage_offset())
    return every.index_select(0, (rows * x.shape[1] + starts).flatten()).view(*starts.shape, width)


def shift(x, lengths, share):
    """Every utterance later by `share` of itself; what leaves at its end comes in at its start."""
    by = (share * lengths).round().long()
    first = torch.where(by > 0, lengths - by, -by)  # the sample that comes to stand at the start
    out = torch.zeros_like(x)
    for to, of, n, start in zip(out, x, lengths.tolist(), first.tolist(), strict=True):
        torch.cat([of[start:n], of[:start]], out=to[:n])
    return out


def fade(x, lengths, fade_in, fade_out):
    """The first `fade_in` and the last `fade_out` shares of every utterance rise from and fall to zero, linearly."""
    time, n = torch.arange(x.shape[1], device=x.device), lengths[:, None]
    rise = (time + 1) / (fade_in[:, None] * n + 1)
    fall = (n - time) / (fade_out[:, None] * n + 1)
    return x * rise.clamp(max=1) * fall.clamp(0, 1)


def equalise(x, lengths, high_pass, low_pass, rate: int = 16_000):
    """Butterworth high-pass and low-pass of order 9 with cut-offs (−3 dB) in Hz; 0 and rate / 2 leave all as it is."""
    n = fast_length(x.shape[1] + round(RINGING * rate))
    return _through(x, lengths, butterworth(n, rate, high_pass, low_pass), n)


def butterworth(n: int, rate: int, high_pass, low_pass):
    """The pair's response at the frequencies of an n-point rfft, as the bilinear transform gives it: (B, n // 2 + 1).

    1 / B(jΩ) with Butterworth's polynomial B of degree 9; Ω = tan(ω / 2) / tan(ω_c / 2), and −1 / Ω for a high-pass.
    """
    tangent = (torch.pi * torch.arange(n // 2 + 1, device=high_pass.device) / n).tan().abs()
    cut = (torch.pi * torch.stack([high_pass, low_pass]) / rate)[..., None].tan().abs()
    high = torch.where(high_pass[:, None] > 0, cut[0] / tangent, 0.0)
    low = torch.where(low_pass[:, None] < rate / 2, tangent / cut[1], 0.0)
    return 1 / (_denominator(-high) * _denominator(low))


def _denominator(omega):
    """B(jΩ): even powers make the real part, odd ones the imaginary part, each summed by Horner's rule."""
    omega = omega.clamp(-100.0, 100.0)  # 360 dB; its ninth power stays within fp32
    square, parts = -omega.square(), []
    for coefficients in (POLYNOMIAL[0::2], POLYNOMIAL[1::2]):
        total = torch.full_like(omega, coefficients[-1])
        for c in coefficients[-2::-1]:
            total.mul_(square).add_(c)
        parts.append(total)
    return torch.complex(parts[0], parts[1].mul_(omega))


def reverberate(x, lengths, room, wet, dry, rate: int = 16_000):
    """Freeverb with pedalboard's parameters room, wet, dry in 0…1, each (B,); wet 0, dry 0.5 leave all as it is."""
    n = fast_length(x.shape[1] + round(freeverb.TAIL * rate))
    return _through(x, lengths, freeverb.response(n, rate, room, wet, dry, device=x.device), n)


def _through(x, lengths, response, n):
    return _inside(torch.fft.irfft(torch.fft.rfft(x, n) * response, n)[:, : x.shape[1]], lengths)


def pink_noise(x, lengths, snr, generator: torch.Generator):
    """Noise whose power falls by 3 dB an octave, at `snr` dB below every utterance's own mean power; inf adds none."""
    n = fast_length(x.shape[1])
    noise = torch.fft.irfft(_pink(len(x), n, generator, x.device), n)[:, : x.shape[1]]
    noise = _inside(noise, lengths)
    power, of_noise = (v.square().sum(1) / lengths for v in (x, noise))
    gain = (power / of_noise.clamp(min=1e-20)).sqrt() * 10 ** (-snr / 20)
    return x + gain[:, None] * noise


def _pink(rows, n, generator, device):
    """A random spectrum (B, n // 2 + 1) with amplitude 1 / √f, drawn on the device by a seed from `generator`."""
    seed = int(torch.randint(2**62, (), generator=generator))
    own = torch.Generator(device).manual_seed(seed)
    spectrum = (
        torch.rand(rows, n // 2 + 1, 2, generator=own, device=device) - 0.5
    )  # so many add up to a normal one
    return torch.view_as_complex(spectrum) * torch.arange(n // 2 + 1, device=device).clamp(min=1).rsqrt()


def fast_length(n: int) -> int:
    """The smallest 4, 5, 6 or 7 · 2^k from n on: fast to transform, and few different ones."""
    power = 2 ** max((n - 1).bit_length() - 3, 0)
    return next(m * power for m in range(4, 9) if m * power >= n)


def _inside(x, lengths):
    """x itself, which is zero past each length from here on."""
    for row, n in zip(x, lengths.tolist(), strict=True):
        row[n:] = 0
    return x
