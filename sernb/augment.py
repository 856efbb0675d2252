"""Augmentations, batched on the device, with random parameters per utterance."""

import torch


def spec_augment(x, frames, generator, *, frequency=0, time=0, n_frequency=1, n_time=1, value=0.0):
    """SpecAugment: bands of up to `frequency` mel bins and stretches of up to `time` frames set to `value`.

    x (B, n_mels, T), frames (B,); widths are uniform on 0…maximum, positions uniform inside the utterance.
    Source: Park et al. 2019, section 2, without time warping.
    """
    batch, n_mels, width = x.shape
    hidden = torch.zeros(batch, n_mels, width, dtype=torch.bool, device=x.device)
    for _ in range(n_frequency if frequency else 0):
        size = torch.full((batch,), n_mels, device=x.device)
        hidden |= _stretch(size, frequency, n_mels, generator)[:, :, None]
    for _ in range(n_time if time else 0):
        hidden |= _stretch(frames, time, width, generator)[:, None, :]
    return x.masked_fill(hidden, value)


def _stretch(size, most, width, generator):
    """(B, width) boolean: per row one stretch of 0…most positions inside the first `size` ones."""
    draw = torch.rand(2, len(size), generator=generator).to(size.device)
    length = (draw[0] * (most + 1)).floor().clamp(max=most).minimum(size)
    start = (draw[1] * (size - length + 1)).floor()
    position = torch.arange(width, device=size.device)
    return (position >= start[:, None]) & (position < (start + length)[:, None])
