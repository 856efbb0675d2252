"""Augmentations of filter banks, batched on the device, with random parameters per utterance."""

import torch
from torch.nn import functional as F


def warp(x, frames, generator, *, time=0.0, frequency=0.0):
    """Every utterance played at its own speed and heard through a vocal tract of its own length, bilinearly.

    x (B, n_mels, T) → (B, n_mels, T) and frames (B,). The time axis is stretched by a factor uniform on 1 ± `time`
    (what runs past T is cut), the axis of mel bands by one uniform on 1 ± `frequency`; past the highest band its
    neighbour is repeated, past each utterance's new end stands zero. A coarse form of vocal tract length
    perturbation (Jaitly & Hinton 2013), which warps in Hz.
    """
    batch, n_mels, width = x.shape
    draw = 2 * torch.rand(2, batch, generator=generator).to(x.device) - 1
    along, across = 1 + time * draw[0], 1 + frequency * draw[1]
    longer = (frames * along).floor().long().clamp(1, width)
    # Output position i reads input position i / factor; grid_sample counts from -1 to 1, at the outer pixels' centres.
    step = torch.arange(width, device=x.device) / along[:, None]
    column = 2 * step.minimum((frames - 1)[:, None]) / max(width - 1, 1) - 1
    row = 2 * (torch.arange(n_mels, device=x.device) / across[:, None]) / (n_mels - 1) - 1
    grid = torch.stack(
        [
            column[:, None, :].expand(batch, n_mels, width),
            row[:, :, None].expand(batch, n_mels, width),
        ],
        dim=-1,
    )
    warped = F.grid_sample(x[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
    inside = torch.arange(width, device=x.device) < longer[:, None]
    return warped * inside[:, None], longer


def spec_augment(x, frames, generator, *, frequency=0, time=0, n_frequency=1, n_time=1, value=0.0):
    """SpecAugment: bands of up to `frequency` mel bins and stretches of up to `time` frames set to `value`.

    x (B, n_mels, T), frames (B,); see spec_mask.
    """
    of = {"frequency": frequency, "time": time, "n_frequency": n_frequency, "n_time": n_time}
    return x.masked_fill(spec_mask(x, frames, generator, **of), value)


def spec_mask(x, frames, generator, *, frequency=0, time=0, n_frequency=1, n_time=1):
    """What SpecAugment hides, (B, n_mels, T) boolean: widths uniform on 0…maximum, positions inside the utterance.

    Source: Park et al. 2019, section 2, without time warping.
    """
    batch, n_mels, width = x.shape
    hidden = torch.zeros(batch, n_mels, width, dtype=torch.bool, device=x.device)
    for _ in range(n_frequency if frequency else 0):
        size = torch.full((batch,), n_mels, device=x.device)
        hidden |= _stretch(size, frequency, n_mels, generator)[:, :, None]
    for _ in range(n_time if time else 0):
        hidden |= _stretch(frames, time, width, generator)[:, None, :]
    return hidden


def _stretch(size, most, width, generator):
    """(B, width) boolean: per row one stretch of 0…most positions inside the first `size` ones."""
    draw = torch.rand(2, len(size), generator=generator).to(size.device)
    length = (draw[0] * (most + 1)).floor().clamp(max=most).minimum(size)
    start = (draw[1] * (size - length + 1)).floor()
    position = torch.arange(width, device=size.device)
    return (position >= start[:, None]) & (position < (start + length)[:, None])
