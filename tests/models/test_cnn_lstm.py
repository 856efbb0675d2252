"""Paper 4's network: its size, and that an utterance's output is its own."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from sernb.models.cnn_lstm import CNNLSTM, SHORTEST, Discriminator


def test_sizes_are_the_papers():
    shared = sum(p.numel() for p in CNNLSTM().parameters())
    assert abs(shared - 1.8e6) <= 0.1e6, shared
    adversary = sum(p.numel() for p in Discriminator(3, 10).parameters())
    assert abs(adversary - 1e6) <= 0.1e6, adversary


@pytest.mark.parametrize("frames", [1, SHORTEST - 1, SHORTEST, 16, 57, 120])
def test_an_output_does_not_depend_on_its_batch(frames):
    torch.manual_seed(0)
    model, generator = CNNLSTM(width=0.25).eval(), torch.Generator().manual_seed(1)
    x = torch.randn(3, 40, 140, generator=generator)
    lengths = torch.tensor([frames, 140, 90])
    x *= (torch.arange(140) < lengths[:, None])[:, None]
    with torch.no_grad():
        together = model(x, lengths)[0]
        alone = model(x[:1, :, :frames], lengths[:1])[0]
        x[0, :, frames:] = 100.0  # whatever lies behind the end
        disturbed = model(x, lengths)[0]
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together, disturbed, atol=1e-5)


def test_the_lstm_is_pytorchs_on_packed_sequences():
    torch.manual_seed(0)
    model = CNNLSTM(width=0.25).eval()
    x = torch.randn(4, 30, model.lstm.input_size)
    frames = torch.tensor([30, 22, 9, 1])
    out, _ = model.lstm(x)
    packed = pack_padded_sequence(x, frames, batch_first=True)
    _, (hidden, _) = model.lstm(packed)
    assert torch.allclose(out[torch.arange(4), frames - 1], hidden[-1], atol=1e-6)
