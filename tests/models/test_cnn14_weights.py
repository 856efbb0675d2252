"""Published checkpoints: the right one is taken whole; wrong, cut off or malicious ones are refused, nothing run."""

import pytest
import torch
from published_weights import cnn14 as published
from torch.nn import functional as F

from sernb.models import cnn14_weights
from sernb.models.checkpoints import Refused
from sernb.models.cnn14 import CNN14, TAGS
from sernb.models.cnn14_weights import load, read


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    """The published layout at a sixteenth of the width: full files would be 320 MB each."""

    def narrow(width=1.0, **options):
        return CNN14(width / 16, **options)

    monkeypatch.setattr(cnn14_weights, "CNN14", narrow)


@pytest.fixture
def written(tmp_path):
    def write(content, **options):
        torch.save(content, tmp_path / "Cnn14.pth", **options)
        return tmp_path / "Cnn14.pth"

    return write


def test_names_are_the_published_ones():
    names = set(cnn14_weights.expected(32_000))
    assert {"bn0.running_mean", "conv_block1.conv1.weight", "conv_block6.bn2.bias", "fc1.weight", "fc_audioset.bias",
            "spectrogram_extractor.stft.conv_real.weight", "logmel_extractor.melW"} <= names  # fmt: skip
    assert (
        len(names) == len(CNN14(1 / 16, tags=TAGS).state_dict()) + 3
    )  # none falls on another; three of the front end


@pytest.mark.parametrize("rate", [16_000, 32_000])
@pytest.mark.parametrize("zipped", [True, False])  # older files are no archives
def test_the_published_layout_is_taken_whole(written, rate, zipped):
    content = published(rate)
    file = written(content, _use_new_zipfile_serialization=zipped)
    model = load(file, CNN14(1 / 16, tags=TAGS), rate)
    kernels = content["model"]["conv_block3.conv2.weight"]
    assert torch.equal(model.blocks[2][1].convolution.weight, kernels.transpose(2, 3))
    assert torch.equal(model.norm.running_var, content["model"]["bn0.running_var"])
    assert torch.equal(model.tags.bias, content["model"]["fc_audioset.bias"])
    bare = load(file, CNN14(1 / 16), rate)
    assert torch.equal(bare.full.weight, content["model"]["fc1.weight"])


def as_published(state, x):
    """The published network over one utterance's log-mel (frames, 64), every step as its authors wrote it."""

    def norm(x, name):
        parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *parts)

    x = norm(x[None, None].transpose(1, 3), "bn0").transpose(1, 3)  # (1, 1, frames, 64)
    for number in range(1, 7):
        for half in (1, 2):
            x = F.conv2d(x, state[f"conv_block{number}.conv{half}.weight"], padding=1)
            x = norm(x, f"conv_block{number}.bn{half}").relu()
        x = F.avg_pool2d(x, 2 if number < 6 else 1)
    x = x.mean(3)
    x = F.linear(x.amax(2) + x.mean(2), state["fc1.weight"], state["fc1.bias"]).relu()
    return F.linear(x, state["fc_audioset.weight"], state["fc_audioset.bias"])


def test_the_network_says_what_the_published_one_says(written):
    """Kernels lie the published way round: a network that read time for frequency would say something else."""
    content = published()
    state = content["model"]
    for name, x in state.items():
        if name.endswith("running_var"):
            x.abs_().add_(0.5)
        elif ".conv" in name and "extractor" not in name:
            x /= (x[0].numel() / 2) ** 0.5
    model = load(written(content), CNN14(1 / 16, tags=TAGS), 16_000).eval()
    x = torch.randn(101, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = model.tags(model(x.T[None], torch.tensor([len(x)])))
        torch.testing.assert_close(found, as_published(state, x), atol=1e-3, rtol=1e-3)


def test_another_width_is_refused(written):
    with pytest.raises(ValueError, match="need width 1, embeddings of 128; found 256"):
        load(written(published()), CNN14(1 / 8), 16_000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fc1.weight": torch.zeros(3, 3)},
            r"fc1.weight is torch.float32 of shape \(3, 3\) .*expected torch.float32 or its like of shape \(128, 128\)",
        ),
        (
            {"extra.weight": torch.zeros(1)},
            r"of its weights none are missing, of others it has 1 \(\['extra.weight'\]\)",
        ),
        ({"bn0.weight": "text"}, "bn0.weight is str"),
        ({"bn0.weight": torch.full((64,), torch.nan)}, "bn0.weight holds numbers that are not finite"),
        ({"logmel_extractor.melW": torch.zeros(257, 64)}, "mel matrix differs from ours"),
    ],
)
def test_a_wrong_file_is_refused(written, changes, message):
    with pytest.raises(Refused, match=message):
        read(written(published(**changes)), 16_000)


def test_a_checkpoint_of_the_other_rate_or_model_is_refused(written):
    with pytest.raises(Refused, match="stft.conv_real.weight is torch.float32 of shape"):
        read(written(published(32_000)), 16_000)
    with pytest.raises(
        Refused, match="is not CNN14: of its weights [0-9]+ .* are missing, of others it has 1"
    ):
        read(written({"model": {"weight": torch.zeros(1)}}), 16_000)
    with pytest.raises(Refused, match="under 'model', found dict"):
        read(written({"weights": {}}), 16_000)
