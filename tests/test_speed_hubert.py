"""Steps of paper 2's stages: each trains what it should, operations are counted, memory is the step's own."""

import pytest
import torch

from sernb import speed_hubert
from sernb.models import self_supervised
from sernb.studies.gmp_atl_config import Config

CPU = torch.device("cpu")


def test_every_stage_is_measured():
    table = speed_hubert.measure("small", batch_size=2, seconds=1.0, steps=1)
    assert list(table["stage"]) == [1, 2, 3]
    numbers = table[
        ["step / s", "utterances/s", "GFLOP/s", "% of the matrix rate", "matrix rate / (GFLOP/s)"]
    ]
    assert (numbers > 0).all(axis=None)
    assert table["utterances/s"].tolist() == pytest.approx((2 / table["step / s"]).tolist())
    share = 100 * table["GFLOP/s"] / table["matrix rate / (GFLOP/s)"]
    assert table["% of the matrix rate"].tolist() == pytest.approx(share.tolist())
    assert set(table["batch"]) == {"2 of 1 s"} and set(table["encoder"]) == {"small"}


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_operations_are_six_a_weight_and_frame(stage):
    """Forward, and twice as much backward: 2 + 4 operations for every weight of the transformer and every frame."""
    batch, seconds = 4, 2.0
    row = speed_hubert._stage(stage, "small", batch, seconds, 1, CPU)
    encoder = self_supervised.small()
    weights = sum(p.numel() for p in encoder.model.encoder.layers.parameters())
    frames = batch * int(encoder.frames(torch.tensor(round(seconds * 16_000))))
    counted = row["GFLOP/s"] * row["step / s"] * 1e9
    assert 6 * weights * frames < counted < 3 * 6 * weights * frames  # and attention, position, heads


@pytest.mark.parametrize(("stage", "heads"), [(1, {"gender"}), (3, set())])
def test_stages_have_their_own_losses(stage, heads):
    encoder = self_supervised.small(32, 1)
    encoder.freeze_front()
    x = torch.randn(2, encoder.channels, 30)
    model, objective = speed_hubert._model(stage, Config.of("paper"), encoder, x, CPU)
    assert set(model.attributes.heads) == heads
    assert type(model.head).__name__ == ("Softmax" if stage == 1 else "AMSoftmax")
    loss = objective()
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is None for p in encoder.model.feature_extractor.parameters())
    trained = [*model.encoder.lstm.parameters(), *encoder.model.encoder.parameters()]
    assert all(p.grad is not None for p in trained)


def test_memory_is_what_was_added():
    before = speed_hubert._memory_reset(CPU)
    kept = torch.ones(2**26)  # 256 MiB
    assert (speed_hubert._memory_peak(CPU) - before) / 2**20 == pytest.approx(256, abs=20)
    del kept
    before = speed_hubert._memory_reset(CPU)
    assert (speed_hubert._memory_peak(CPU) - before) / 2**20 < 20  # the peak was forgotten
