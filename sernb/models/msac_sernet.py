"""MSAC-SERNet's encoder: paper 1, section III-B and III-C, Table I and Fig. 2."""

import torch
from torch import nn
from torch.nn import functional as F

from .layers import ConvBlock, StatisticsPooling, inside

#: Kernels of the three parallel convolutions as frequency × time. The paper prints 11×1, 3×3, 9×1, which are all
#: tall; LIGHT-SERNET, its kin, has a spectral, a temporal and a square one, as the paper's text asks for.
KERNELS = {"printed": ((11, 1), (3, 3), (9, 1)), "light_sernet": ((9, 1), (1, 11), (3, 3))}

#: Table I: (first kernel, channels out, second kernel) of the five blocks.
BLOCKS = ((5, 32, 3), (3, 64, 1), (3, 128, 1), (3, 256, 1), (3, 256, 1))


class MSACSERNet(nn.Module):
    """Filter bank → embedding.

    Three parallel convolutions of 32 channels, concatenated; five blocks of two convolutions (the 5×5 convolution
    after the concatenation is the first of block 1) with 2×2 average pooling after the first convolution of blocks
    1–4; mean ‖ deviation over time; two blocks of linear, batch norm, LeakyReLU.

    Shape: features (B, n_mels, T), frames (B,) → (B, embedding). `width` scales every channel count (1 = paper).
    """

    def __init__(self, n_mels=40, kernels="printed", width=1.0, embedding=256, dropout=0.0):
        super().__init__()
        if kernels not in KERNELS:
            raise ValueError(f"kernels {kernels!r} is unknown; there are {', '.join(KERNELS)}.")
        if n_mels < 16:
            raise ValueError(f"four 2×2 poolings need at least 16 mel bands, found {n_mels}.")
        stem = round(32 * width)
        self.parallel = nn.ModuleList(ConvBlock(1, stem, kernel) for kernel in KERNELS[kernels])
        blocks, channels = [], 3 * stem
        for first, out, second in BLOCKS:
            out = round(out * width)
            blocks.append(nn.ModuleList([ConvBlock(channels, out, first), ConvBlock(out, out, second)]))
            channels = out
        self.blocks = nn.ModuleList(blocks)
        self.pooling = StatisticsPooling()
        self.dropout = nn.Dropout(dropout)
        self.aggregate = nn.ModuleList()
        size = 2 * channels * (n_mels // 16)
        for _ in range(2):
            self.aggregate.append(
                nn.Sequential(nn.Linear(size, embedding), nn.BatchNorm1d(embedding), nn.LeakyReLU())
            )
            size = embedding
        self.features = embedding
        # The order that convolutions in bf16 read fastest; the numbers are the same.
        self.to(memory_format=torch.channels_last)

    def forward(self, x, frames):
        if x.shape[2] < 16:  # four poolings need sixteen frames
            x = F.pad(x, (0, 16 - x.shape[2]))
        frames = frames.clamp(min=16)
        x = x[:, None]  # (B, 1, F, T)
        x = torch.cat([block(x, frames) for block in self.parallel], 1)  # (B, 96, F, T)
        for i, (first, second) in enumerate(self.blocks):
            x = first(x, frames)
            if i < 4:
                x, frames = F.avg_pool2d(x, 2), frames // 2
            # frames // 2 drops an odd last frame, as pooling the utterance alone does
            x = second(torch.where(inside(frames, x.shape[3]), x, 0), frames)
        x = self.pooling(x.flatten(1, 2), frames)  # (B, 2 · 256 · F/16)
        for block in self.aggregate:
            x = block(self.dropout(x))
        return x
