"""MSAC-SERNet's encoder against Table I and Fig. 2."""

import pytest
import torch

from sernb.models.layers import StatisticsPooling
from sernb.models.msac_sernet import KERNELS, MSACSERNet


@pytest.mark.parametrize("kernels", KERNELS)
def test_convolutions_are_those_of_table_1(kernels):
    found = [m for m in MSACSERNet(kernels=kernels).modules() if isinstance(m, torch.nn.Conv2d)]
    shapes = [(m.kernel_size, m.in_channels, m.out_channels) for m in found]
    assert shapes[:3] == [(k, 1, 32) for k in KERNELS[kernels]]
    assert shapes[3:] == [
        ((5, 5), 96, 32), ((3, 3), 32, 32), ((3, 3), 32, 64), ((1, 1), 64, 64), ((3, 3), 64, 128), ((1, 1), 128, 128),
        ((3, 3), 128, 256), ((1, 1), 256, 256), ((3, 3), 256, 256), ((1, 1), 256, 256),
    ]  # fmt: skip


def test_embedding_and_its_gradient():
    model = MSACSERNet(width=0.25, embedding=16)
    out = model(torch.randn(4, 40, 60), torch.tensor([60, 20, 3, 41]))
    assert out.shape == (4, 16)
    out.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_statistics_are_over_the_valid_frames():
    x, frames = torch.randn(3, 5, 9), torch.tensor([9, 4, 1])
    found = StatisticsPooling()(x, frames)
    torch.testing.assert_close(found[1, :5], x[1, :, :4].mean(1))
    torch.testing.assert_close(found[1, 5:], (x[1, :, :4].var(1, correction=0) + 1e-6).sqrt())


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="there are printed, light_sernet"):
        MSACSERNet(kernels="square")
    with pytest.raises(ValueError, match="16 mel bands"):
        MSACSERNet(n_mels=12)
