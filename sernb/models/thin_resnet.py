"""Thin ResNet-34, the speaker encoder that paper 5 sets before NetVLAD (Xie et al. 2019, "Utterance-level aggregation").

Paper 5 starts it from weights trained on VoxCeleb, which are not at hand: ours starts from random ones.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .layers import inside

#: (inner channels, channels out, blocks) of the four sections; each but the first halves frequency and time.
SECTIONS = ((48, 96, 2), (96, 128, 3), (128, 256, 3), (256, 512, 3))


class MaskedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose statistics, while training, are over the valid frames only: padding changes nothing.

    Written so that autograd keeps x and nothing else of its size. Shape: (B, C, F, T), frames (B,) → (B, C, F, T), fp32.
    """

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def forward(self, x, frames):
        x = x.float()
        if not self.training:
            return super().forward(x)
        valid = inside(frames, x.shape[3])[:, 0].float()  # (B, 1, T)
        count = frames.sum() * x.shape[2]
        mean = (x.sum(2) * valid).sum((0, 2)) / count
        variance = ((x.square().sum(2) * valid).sum((0, 2)) / count - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp(min=1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]


class Convolution(nn.Module):
    """Convolution without bias, with zeros for what lies past each utterance's end; masked batch norm; ReLU if asked.

    Shape: (B, in, F, T), frames (B,) → (B, out, ⌈F / stride⌉, ⌈T / stride⌉), frames ⌈frames / stride⌉. Odd kernels.
    A 1×1 kernel looks at no other frame, so its input stays as it is.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, relu: bool = True):
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
        self.norm, self.relu = MaskedBatchNorm(channels_out), relu

    def forward(self, x, frames):
        if self.convolution.kernel_size != (1, 1):
            x = torch.where(inside(frames, x.shape[3]), x, 0)
        x = self.convolution(x)
        frames = (frames - 1) // self.convolution.stride[1] + 1
        x = self.norm(x, frames)
        return x.relu() if self.relu else x, frames


class Block(nn.Module):
    """Bottleneck 1×1 (with the stride), 3×3, 1×1, added to the input; a 1×1 shortcut where the shape changes."""

    def __init__(self, channels_in: int, inner: int, channels_out: int, stride: int, project: bool):
        super().__init__()
        self.path = nn.ModuleList(
            [
                Convolution(channels_in, inner, 1, stride),
                Convolution(inner, inner, 3),
                Convolution(inner, channels_out, 1, relu=False),
            ]
        )
        self.shortcut = Convolution(channels_in, channels_out, 1, stride, relu=False) if project else None

    def forward(self, x, frames):
        kept = x if self.shortcut is None else self.shortcut(x, frames)[0]
        for layer in self.path:
            x, frames = layer(x, frames)
        return (x + kept).relu(), frames


class ThinResNet(nn.Module):
    """Spectrogram → a sequence of frames, sixteen times fewer.

    7×7 convolution and 2×2 pooling, four sections of bottlenecks (SECTIONS), 3×1 pooling, a convolution over all
    frequencies that are left. `width` scales every channel count (1 = as published).

    Shape: (B, features, T), frames (B,) ≥ 1 → (B, channels, ⌈T / 16⌉), frames ⌈frames / 16⌉.
    """

    def __init__(self, features: int, width: float = 1.0):
        super().__init__()
        if features < 2:
            raise ValueError(f"a spectrogram has at least 2 frequencies, found {features}.")
        channels = round(64 * width)
        self.first = Convolution(1, channels, 7)
        self.blocks = nn.ModuleList()
        for section, (inner, out, count) in enumerate(SECTIONS):
            inner, out = round(inner * width), round(out * width)
            for i in range(count):
                stride = 2 if section and not i else 1
                self.blocks.append(Block(channels, inner, out, stride, project=not i))
                channels = out
        height = -(-(features // 2) // 8)  # the first pooling rounds down, three strides up
        self.tall = 3 if height >= 3 else 1
        height = (height - self.tall) // 2 + 1
        self.last = nn.Conv2d(channels, channels, (height, 1))
        self.channels = channels

    def forward(self, x, frames):
        x, frames = self.first(x[:, None], frames)
        x = torch.where(inside(frames, x.shape[3]), x, 0)
        # An odd last frame is kept: after ReLU nothing is below zero, so a zero beside it changes no maximum.
        x, frames = F.max_pool2d(F.pad(x, (0, x.shape[3] % 2)), 2), (frames - 1) // 2 + 1
        for block in self.blocks:
            x, frames = block(x, frames)
        x = F.max_pool2d(x, (self.tall, 1), (2, 1))
        return self.last(x).relu()[:, :, 0], frames
