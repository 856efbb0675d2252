"""Losses and encoders of one's own: chosen by name, in the store's key by their source."""

import dataclasses

import pytest
import torch

from sernb import losses
from sernb.models.msac_sernet import MSACSERNet
from sernb.studies import msac_network, own, recognition
from sernb.studies.msac_config import Config


@pytest.fixture(autouse=True)
def registered():
    """What a test registers is gone after it."""
    before = {field: dict(names) for field, names in own.FIELDS.items()}
    yield
    for field, names in own.FIELDS.items():
        names.clear()
        names.update(before[field])


def address(config):
    class Study:
        NAME, VERSION = "msac_sernet", 2

    return recognition.key(Study, config, "digest")


class Halved(losses.Softmax):
    share = 0.5

    def forward(self, x, target):
        return self.share * super().forward(x, target)  # a comment


def test_a_registered_loss_and_encoder_make_the_recogniser():
    class Mean(torch.nn.Module):
        def __init__(self, n_mels, embedding):
            super().__init__()
            self.linear = torch.nn.Linear(n_mels, embedding)

        def forward(self, x, frames):
            return self.linear(x.sum(2) / frames[:, None])

    assert own.loss("halved")(Halved) is Halved and own.encoder("mean")(Mean) is Mean
    config = Config(loss="halved", encoder="mean", embedding=8)
    made = msac_network.recogniser(config, 4)
    assert isinstance(made.head, Halved) and made.head.linear.weight.shape == (4, 8)
    assert isinstance(made.encoder, Mean) and made.encoder.linear.weight.shape == (8, config.n_mels)
    logits = made(torch.randn(2, 16_000), torch.tensor([16_000, 9000]), torch.zeros(2, dtype=torch.int64))
    assert logits.shape == (2, 4)
    assert isinstance(msac_network.recogniser(Config(width=0.1), 4).encoder, MSACSERNet)


def test_an_unknown_name_is_refused_with_those_that_there_are():
    own.loss("halved")(Halved)
    with pytest.raises(
        ValueError, match="loss 'am-softmax' is unknown; there are am_softmax, softmax, halved. Your own"
    ):
        msac_network.recogniser(Config(loss="am-softmax"), 4)
    with pytest.raises(ValueError, match="encoder 'halved' is unknown; there are msac_sernet. Your own"):
        msac_network.recogniser(Config(encoder="halved"), 4)


def test_the_source_joins_the_key_and_comments_do_not(tmp_path, monkeypatch):
    """Modules are written, imported and registered one after another, as one who tries things does."""
    text = "class Halved:\n    share = 0.5\n    def forward(self, x):\n        return x\n"
    found = {}
    for name, code in {
        "first": text, "commented": text.replace("return x", "return x  # as it came"), "share": text.replace("0.5", "0.6"),
        "forward": text.replace("return x", "return 2 * x"), "neighbour": text + "\nclass Other:\n    pass\n",
    }.items():  # fmt: skip
        (tmp_path / f"{name}_own.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        own.loss("halved")(__import__(f"{name}_own").Halved)
        found[name] = address(Config(loss="halved"))
    assert found["first"] == found["commented"] == found["neighbour"]
    assert len({found["first"], found["share"], found["forward"]}) == 3


def test_what_is_not_ones_own_keeps_its_key():
    before = address(Config())
    own.loss("halved")(Halved)
    assert address(Config()) == before != address(Config(loss="softmax"))
    assert (
        "encoder" not in recognition.overrides(Config())
        and own.sources(dataclasses.replace(Config(), loss="softmax")) == {}
    )
    with pytest.raises(ValueError, match="Nothing has no method of its own: expected a class with forward"):
        own.source(type("Nothing", (), {}))
