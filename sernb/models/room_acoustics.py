"""Reverberation time and clarity from a short stretch of log-mel energies, without knowing the room or the speech."""

import torch
from torch import nn


class Masked(nn.Module):
    """Convolution over frequency and time, batch norm, ReLU, then zero past each utterance's end.

    Shape: (B, in, F, T), frames (B,) → (B, out, F / stride, T / stride), frames; both rounded up.
    """

    def __init__(self, channels_in, channels_out, kernel, stride):
        super().__init__()
        padding = kernel // 2
        self.stride = stride[1]
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x, frames):
        x = self.norm(self.convolution(x)).relu()
        frames = (frames + self.stride - 1) // self.stride
        return x * inside(frames, x.shape[3])[:, :, None], frames


class Residual(nn.Module):
    """x + a separable convolution over time, dilated so that the deepest layer sees a whole decay: (B, D, T) → same."""

    def __init__(self, width, kernel, dilation):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.along = nn.Conv1d(
            width, width, kernel, padding=padding, dilation=dilation, groups=width, bias=False
        )
        self.norm = nn.BatchNorm1d(width)
        self.across = nn.Conv1d(width, width, 1)

    def forward(self, x, valid):
        return (x + self.across(self.norm(self.along(x)).relu())) * valid


class RoomAcoustics(nn.Module):
    """Convolutions that halve the bands three times, dilated ones over time, attentive statistics, two outputs.

    After the blind estimators of Gamper & Tashev (2018: T60) and Gamper (2020: C50), convolutional networks on short
    windows of log energies; theirs have one network a quantity, here both share all but the last row, since both
    tell of the same decay. Pooling weighs frames (Okabe et al. 2018): decays are heard where speech stops.

    Shape: log-mel (B, bands, T) with mean zero, zero past each end, frames (B,) → (B, 2) in units of `SCALE` about
    `CENTRE`.
    """

    def __init__(self, bands=32, channels=(16, 32, 48), width=128, dilations=(1, 2, 4, 8), kernel=7):
        super().__init__()
        one, two, three = channels
        self.front = nn.ModuleList(
            [Masked(1, one, 5, (2, 1)), Masked(one, two, 3, (2, 2)), Masked(two, three, 3, (2, 1))]
        )
        self.into = nn.Conv1d(three * bands // 8, width, 1)
        self.over_time = nn.ModuleList(Residual(width, kernel, d) for d in dilations)
        self.attention = nn.Sequential(
            nn.Conv1d(width, width // 4, 1), nn.Tanh(), nn.Conv1d(width // 4, width, 1)
        )
        self.out = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x, frames):
        x = x[:, None]
        for layer in self.front:
            x, frames = layer(x, frames)
        valid = inside(frames, x.shape[3])
        x = self.into(x.flatten(1, 2)) * valid
        for layer in self.over_time:
            x = layer(x, valid)
        x = x.float()
        weight = self.attention(x).float().masked_fill(valid == 0, -torch.inf).softmax(2)
        mean = (weight * x).sum(2)
        deviation = ((weight * (x - mean[..., None]).square()).sum(2) + 1e-6).sqrt()
        return self.out(torch.cat([mean, deviation], 1))


def inside(frames, width):
    """(B, 1, width): one inside an utterance, zero past its end."""
    return (torch.arange(width, device=frames.device) < frames[:, None])[:, None].float()
