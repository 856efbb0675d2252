"""The loop: exact resume after SIGKILL, NaN, selection, early stopping."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from sernb import training
from sernb.training import FitConfig, fit

SCRIPT = """
import sys, time, torch
from pathlib import Path
from sernb.training import FitConfig, fit

slow, checkpoint = float(sys.argv[1]), Path(sys.argv[2])
torch.manual_seed(0)
data = torch.randn(64, 6)
target = (data.sum(1) > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Dropout(0.3), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2))

def batches(generator):
    for rows in torch.randperm(64, generator=generator).split(16):
        time.sleep(slow / 4)
        yield {"x": data[rows], "y": target[rows], "utterances": rows.tolist()}

def objective(batch, generator):
    noise = torch.randn(batch["x"].shape, generator=generator)
    return torch.nn.functional.cross_entropy(model(batch["x"] + 0.1 * noise), batch["y"])

def validate():
    with torch.no_grad():
        return {"score": (model(data).argmax(1) == target).float().mean().item()}

config = FitConfig(12, schedule="cosine", average=0.9, checkpoint_every=0.0)
curves = fit(model, objective, batches, config, seed=1, steps_per_epoch=4, validate=validate, checkpoint=checkpoint,
             progress=False)
print(curves.drop(columns="seconds").to_csv(float_format="%.9g"))
print({k: v.double().sum().item() for k, v in model.state_dict().items()})
"""


def test_a_killed_run_started_again_equals_an_uninterrupted_one(tmp_path):
    def start(name, slow):
        command = [sys.executable, "-c", SCRIPT, str(slow), str(tmp_path / name)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    whole = start("whole.pt", 0)
    killed = start("killed.pt", 0.3)
    while not (tmp_path / "killed.pt").exists():
        assert killed.poll() is None, "it ended before its first checkpoint"
        time.sleep(0.02)
    time.sleep(0.8)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    done = len(torch.load(tmp_path / "killed.pt", weights_only=True)["curves"])
    assert 1 <= done < 12, f"killed in the middle, not after {done} epochs"
    resumed, expected = start("killed.pt", 0).communicate()[0], whole.communicate()[0]
    assert expected and resumed == expected


class Line:
    """A one-parameter model whose validation score is told."""

    def __init__(self, scores, **options):
        self.model, self.scores, self.seen = torch.nn.Linear(1, 1), iter(scores), []
        self.config = FitConfig(epochs=len(scores), **options)

    def run(self):
        def validate():
            self.seen.append({k: v.clone() for k, v in self.model.state_dict().items()})
            return {"score": next(self.scores)}

        return fit(
            self.model, lambda b, g: self.model(b["x"]).square().mean(),
            lambda g: [{"x": torch.ones(2, 1), "utterances": ["a", "b"]}], self.config,
            seed=0, steps_per_epoch=1, validate=validate, progress=False,
        )  # fmt: skip

    def chosen(self):
        now = self.model.state_dict()
        return [i for i, state in enumerate(self.seen) if all(torch.equal(state[k], now[k]) for k in now)]


def test_best_is_the_highest_validation_score_and_the_later_of_equals():
    line = Line([0.1, 0.7, 0.3, 0.7, 0.2])
    line.run()
    assert line.chosen() == [3]
    line = Line([0.1, 0.7, 0.3], select="last")
    line.run()
    assert line.chosen() == [2]


def test_early_stopping_waits_for_patience():
    assert len(Line([0.5, 0.6, 0.1, 0.1, 0.1, 0.1], patience=2).run()) == 4


def test_a_loss_that_is_not_finite_names_the_utterances():
    model = torch.nn.Linear(1, 1)

    def batches(generator):
        yield {"x": torch.ones(1, 1), "utterances": ["c/fine"]}
        yield {"x": torch.full((1, 1), torch.nan), "utterances": ["c/broken"]}

    with pytest.raises(training.NotFinite, match=r"nan in epoch 1, step 2; the batch holds c/broken"):
        fit(
            model,
            lambda b, g: model(b["x"]).mean(),
            batches,
            FitConfig(3),
            seed=0,
            steps_per_epoch=2,
            progress=False,
        )


def test_cosine_warms_up_and_ends_near_zero():
    line = Line([0.0] * 40, schedule="cosine", select="last")
    rates = line.run()["learning_rate"]
    assert rates.max() == pytest.approx(1e-3, rel=0.1) and rates.iloc[-1] < 1e-5
    with pytest.raises(ValueError, match="'steps' is unknown"):
        Line([0.0], schedule="steps").run()


def test_step_takes_a_tenth_every_so_many_epochs():
    rates = Line([0.0] * 7, schedule="step", decay=3, select="last").run()["learning_rate"]
    before = rates.iloc[0]
    assert rates.iloc[1] == pytest.approx(before) and rates.iloc[-1] == pytest.approx(before / 100)
