"""Blocks that more than one architecture uses."""

import torch
from torch import nn


def inside(frames, width):
    """Mask (B, 1, 1, width): one inside an utterance, zero past its end."""
    return (torch.arange(width, device=frames.device) < frames[:, None])[:, None, None]


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU, then zero past each utterance's end, so that padding reaches no valid frame.

    That is so in evaluation; in training the batch's mean and variance are over the padding, too.

    Shape: (B, in, F, T), frames (B,) → (B, out, F, T). Odd kernels keep F and T.
    """

    def __init__(self, channels_in, channels_out, kernel):
        super().__init__()
        kernel = (kernel, kernel) if isinstance(kernel, int) else tuple(kernel)
        padding = tuple(k // 2 for k in kernel)
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, padding=padding, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x, frames):
        x = self.norm(self.convolution(x)).relu()
        return torch.where(inside(frames, x.shape[3]), x, 0)


class StatisticsPooling(nn.Module):
    """Mean ‖ standard deviation over an utterance's own frames, in fp32: (B, D, T), frames (B,) → (B, 2 D)."""

    def forward(self, x, frames):
        x = x.float()
        valid = torch.arange(x.shape[2], device=x.device) < frames[:, None]
        valid, count = valid[:, None].float(), frames[:, None].float()
        mean = (x * valid).sum(2) / count
        square = ((x - mean[:, :, None]) * valid).square().sum(2) / count
        return torch.cat([mean, (square + 1e-6).sqrt()], 1)
