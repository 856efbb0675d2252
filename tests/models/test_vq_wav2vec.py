"""vq-wav2vec from a file with the published names and shapes: equal to a derivation, and nothing else gets in."""

import argparse
import os
import pickle
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from sernb.models import vq_wav2vec

#: torch tells of damaged and foreign pickles in a warning before it refuses them.
pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")

#: fairseq's settings as its examples/wav2vec trains vq-wav2vec; only some of them matter here.
ARGS = {
    "arch": "wav2vec", "activation": "relu", "agg_zero_pad": False, "aggregator": "cnn", "balanced_classes": False,
    "conv_aggregator_layers": str([(512, k, 1) for k in range(2, 14)]),
    "conv_feature_layers": "[(512, 10, 5), (512, 8, 4), (512, 4, 2), (512, 4, 2), (512, 4, 2), (512, 1, 1), (512, 1, 1), (512, 1, 1)]",
    "combine_groups": False, "log_compression": True, "non_affine_group_norm": False, "offset": "auto",
    "prediction_steps": 12, "residual_scale": 0.5, "skip_connections_agg": True, "skip_connections_feat": False,
    "vq_depth": 2, "vq_dim": 0, "vq_gamma": 0.25, "vq_groups": 2, "vq_temp": "(2,0.5,0.999995)", "vq_type": "gumbel",
    "vq_vars": 320,
}  # fmt: skip
#: The published names and shapes.
EXTRACTOR = {}
for i, (kernel, channels) in enumerate([(10, 1), (8, 512), (4, 512), (4, 512), (4, 512), *[(1, 512)] * 3]):
    EXTRACTOR[f"feature_extractor.conv_layers.{i}.0.weight"] = (512, channels, kernel)
    EXTRACTOR |= {f"feature_extractor.conv_layers.{i}.2.{part}": (512,) for part in ("weight", "bias")}
QUANTISERS = {
    "gumbel": {
        "vector_quantizer.vars": (1, 640, 256),
        "vector_quantizer.weight_proj.0.0.weight": (1024, 512), "vector_quantizer.weight_proj.0.0.bias": (1024,),
        "vector_quantizer.weight_proj.1.weight": (640, 1024), "vector_quantizer.weight_proj.1.bias": (640,),
    },
    "kmeans": {
        "vector_quantizer.embedding": (320, 2, 256), "vector_quantizer.projection.0.weight": (512, 256, 1),
        "vector_quantizer.projection.1.weight": (512,), "vector_quantizer.projection.1.bias": (512,),
    },
}  # fmt: skip
UNREAD = {"wav2vec_predictions.project_to_steps.weight": (512, 512, 1, 12)}
UNREAD["wav2vec_predictions.project_to_steps.bias"] = (512,)
for i in range(12):
    UNREAD[f"feature_aggregator.conv_layers.{i}.1.weight"] = (512, 512, i + 2)
    UNREAD |= {
        f"feature_aggregator.conv_layers.{i}.{part}": (512,) for part in ("1.bias", "3.weight", "3.bias")
    }


def weights(quantiser, generator=None):
    """Random weights; without a generator all ones that share one number, so that the file is small."""
    shapes = EXTRACTOR | QUANTISERS[quantiser]
    one = torch.ones(())
    found = {name: one.expand(shape) for name, shape in (shapes | UNREAD).items()}
    if generator is not None:
        for name, shape in shapes.items():
            fan = torch.Size(shape[1:]).numel() if len(shape) > 1 else 1
            found[name] = torch.randn(shape, generator=generator) / fan**0.5 + (name.endswith("2.weight"))
    return found


def save(path, quantiser="gumbel", state=None, as_zip=True, **changed):
    args = argparse.Namespace(**(ARGS | {"vq_type": quantiser} | changed))
    content = {"args": args, "model": weights(quantiser) if state is None else state, "optimizer_history": []}
    torch.save(content, path, _use_new_zipfile_serialization=as_zip)
    return path


@pytest.fixture(scope="module", params=[("gumbel", True), ("gumbel", False), ("kmeans", False)], ids=str)
def published(request, tmp_path_factory):
    """A file as published (older ones are not zip archives), and its weights."""
    quantiser, as_zip = request.param
    state = weights(quantiser, torch.Generator().manual_seed(0))
    path = tmp_path_factory.mktemp("vq") / "vq-wav2vec.pt"
    return save(path, quantiser, state, as_zip), state


def latent(state, wave, log_compression=True, activation=F.relu):
    x = wave[None, None]
    for i, (_, _, stride) in enumerate(vq_wav2vec.LAYERS):
        name = f"feature_extractor.conv_layers.{i}"
        x = F.conv1d(x, state[f"{name}.0.weight"], stride=stride)
        x = activation(F.group_norm(x, 1, state[f"{name}.2.weight"], state[f"{name}.2.bias"]))
    return torch.log1p(x.abs()) if log_compression else x


def codewords(state, z):
    """Each frame and group by itself; z (1, 512, T) → codewords (512, T), codes (T, 2)."""
    if "vector_quantizer.vars" in state:
        w = {name.removeprefix("vector_quantizer."): p for name, p in state.items()}
        hidden = F.relu(z[0].T @ w["weight_proj.0.0.weight"].T + w["weight_proj.0.0.bias"])
        logits = hidden @ w["weight_proj.1.weight"].T + w["weight_proj.1.bias"]
        codes = torch.stack([logits[:, :320].argmax(1), logits[:, 320:].argmax(1)], 1)
        return torch.cat([w["vars"][0, codes[:, 0]], w["vars"][0, 320 + codes[:, 1]]], 1).T, codes
    book = state["vector_quantizer.embedding"]
    z = F.conv1d(z, state["vector_quantizer.projection.0.weight"], groups=2)
    z = F.group_norm(z, 2, *(state[f"vector_quantizer.projection.1.{part}"] for part in ("weight", "bias")))
    shares = z[0].T.unflatten(1, (2, 256))
    codes = torch.stack([(shares[:, None, g] - book[:, g]).square().sum(2).argmin(1) for g in range(2)], 1)
    return torch.cat([book[codes[:, 0], 0], book[codes[:, 1], 1]], 1).T, codes


def test_features_of_the_published_file_are_the_equations(published):
    path, state = published
    model = vq_wav2vec.load(path)
    waves = torch.rand(3, 10_000, generator=torch.Generator().manual_seed(1)) - 0.5
    lengths = torch.tensor([10_000, 465, 4321])
    with torch.no_grad():
        z, frames = model(waves, lengths)
        words, codes = model.quantise(z, frames)
        assert frames.tolist() == [60, 1, 25]  # the published example: 60 for 10 000 samples
        assert codes.shape == (3, 60, 2) and words.shape == z.shape == (3, 512, 60)
        for i, n in enumerate(lengths):
            expected = latent(state, waves[i, :n])
            torch.testing.assert_close(z[i, :, : frames[i]], expected[0], atol=1e-5, rtol=1e-4)
            assert not z[i, :, frames[i] :].any()
            theirs, chosen = codewords(state, z[i : i + 1, :, : frames[i]])
            assert torch.equal(codes[i, : frames[i]], chosen)
            torch.testing.assert_close(words[i, :, : frames[i]], theirs)


def test_one_hundred_frames_a_second(tmp_path):
    model = vq_wav2vec.load(save(tmp_path / "x.pt"))
    for samples, expected in ((1, 1), (464, 1), (465, 1), (624, 1), (625, 2), (16_000, 98), (32_000, 198)):
        z, frames = model(torch.randn(1, samples), torch.tensor([samples]))
        assert z.shape == (1, 512, expected) and frames.item() == expected


def test_settings_of_the_file_are_followed(tmp_path):
    generator = torch.Generator().manual_seed(0)
    state = weights("gumbel", generator)
    state["vector_quantizer.vars"] = torch.randn(1, 320, 256, generator=generator)  # one book for both groups
    wave = torch.rand(2000, generator=generator) - 0.5
    path = save(tmp_path / "x.pt", state=state, combine_groups=True, activation="gelu", log_compression=False)
    model = vq_wav2vec.load(path)
    z, frames = model(wave[None], torch.tensor([2000]))
    torch.testing.assert_close(z, latent(state, wave, False, F.gelu), atol=1e-4, rtol=1e-4)
    words, codes = model.quantise(z, frames)
    torch.testing.assert_close(words[0, :256].T, state["vector_quantizer.vars"][0, codes[0, :, 0]])
    torch.testing.assert_close(words[0, 256:].T, state["vector_quantizer.vars"][0, codes[0, :, 1]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"vq_type": "none"}, "setting vq_type is 'none', expected .'gumbel', 'kmeans'"),
        ({"activation": "tanh"}, "setting activation is 'tanh'"),
        ({"log_compression": None}, "setting log_compression is None"),
        ({"skip_connections_feat": True}, "skip_connections_feat is True"),
        ({"conv_feature_layers": "[(512, 10, 5)]"}, "conv_feature_layers is '.*512, 10, 5.*expected"),
        ({"conv_feature_layers": "__import__('os').mkdir('here')"}, "conv_feature_layers is"),
        ({"conv_feature_layers": "(" * 5000}, "conv_feature_layers is"),
        ({"vq_groups": 2.0}, "vq_groups is 2.0"),
        ({"vq_vars": 10**9}, "vq_vars is 1000000000"),
        ({"vq_vars": torch.ones(2)}, "vq_vars is tensor"),
        ({"vq_vars": 100}, "vars is torch.float32 of shape .1, 640, 256., expected .* .1, 200, 256."),
    ],
)
def test_other_settings_are_refused(changed, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        vq_wav2vec.load(save(tmp_path / "x.pt", **changed))
    assert os.listdir(tmp_path) == ["x.pt"]


@pytest.mark.parametrize(
    ("name", "weight", "message"),
    [
        ("vector_quantizer.vars", None, "vector_quantizer.vars is missing"),
        ("vector_quantizer.vars", "text", "vector_quantizer.vars is missing"),
        ("vector_quantizer.vars", torch.ones(1, 640, 255), "shape .1, 640, 255., expected .* .1, 640, 256."),
        ("vector_quantizer.vars", torch.ones(1, 640, 256, dtype=torch.int64), "torch.int64 of shape"),
        ("vector_quantizer.vars", torch.ones(1, 640, 256, device="meta"), "of shape .1, 640, 256., expected"),
        ("vector_quantizer.vars", torch.full((1, 640, 256), torch.nan), "not finite"),
        (
            "encoder.layers.0.weight",
            torch.ones(1),
            "are not vq-wav2vec's, the first 'encoder.layers.0.weight'",
        ),
        (7, torch.ones(1), "are not vq-wav2vec's, the first 7"),
    ],
)
def test_wrong_weights_are_named(name, weight, message, tmp_path):
    state = weights("gumbel")
    state[name] = weight
    if weight is None:
        del state[name]
    with pytest.raises(ValueError, match=message):
        vq_wav2vec.load(save(tmp_path / "x.pt", state=state))


@pytest.mark.parametrize(
    "content", [{"model": {}}, {"args": {}, "model": 3}, [1], {"args": None, "model": {}}]
)
def test_what_is_not_fairseqs_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match="x.pt: not a fairseq checkpoint: expected a dictionary"):
        vq_wav2vec.load(tmp_path / "x.pt")


class Malicious:
    """Makes a folder when unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("where", ["args", "setting", "weight", "beside"])
@pytest.mark.parametrize("as_zip", [True, False])
def test_nothing_in_a_file_is_executed(as_zip, where, tmp_path):
    bad = Malicious(tmp_path / "executed")
    content = {"args": argparse.Namespace(**ARGS), "model": weights("gumbel")}
    if where == "args":
        content["args"] = bad
    elif where == "setting":
        content["args"].seed = bad
    elif where == "weight":
        content["model"]["vector_quantizer.vars"] = bad
    else:
        content["extra_state"] = bad
    torch.save(content, tmp_path / "x.pt", _use_new_zipfile_serialization=as_zip)
    with pytest.raises(ValueError, match="x.pt: .*objects that are not allowed"):
        vq_wav2vec.load(tmp_path / "x.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match="plain.pt: not a checkpoint"):
        vq_wav2vec.load(tmp_path / "plain.pt")
    assert not (tmp_path / "executed").exists()
    torch.load(tmp_path / "x.pt", weights_only=False)  # the control: unpickled freely, it would have
    assert (tmp_path / "executed").exists()


def test_an_archive_that_claims_more_than_it_holds_is_refused(tmp_path):
    save(tmp_path / "small.pt")
    with (
        zipfile.ZipFile(tmp_path / "small.pt") as source,
        zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("archive/data/bomb", bytes(10**7))
    with pytest.raises(ValueError, match="x.pt: claims 1[0-9]{7} bytes of content in [0-9]{4,6}: refused"):
        vq_wav2vec.load(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"PK\x03\x04", bytes(1000), b"\x80\x02."])
def test_what_is_not_a_checkpoint_is_refused(content, tmp_path):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(ValueError, match="x.pt: not a checkpoint, cut off"):
        vq_wav2vec.load(tmp_path / "x.pt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="nowhere.pt: no such file. vq-wav2vec's weights are published"
    ):
        vq_wav2vec.load(tmp_path / "nowhere.pt")


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_file_cut_off_or_damaged_is_refused_or_whole(as_zip, tmp_path):
    """Any cut is refused; damage gives a ValueError that names the file, or a model (a number that changed)."""
    whole = save(tmp_path / "whole.pt", as_zip=as_zip).read_bytes()
    path = tmp_path / "x.pt"

    @settings(max_examples=25)
    @given(st.integers(0, len(whole) - 1))
    def cut(size):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="x.pt"):
            vq_wav2vec.load(path)

    @settings(max_examples=25)
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=8))
    def damage(changes):
        content = bytearray(whole)
        for position, byte in changes:
            content[position] = byte
        path.write_bytes(content)
        try:
            model = vq_wav2vec.load(path)
        except ValueError as error:
            assert "x.pt" in str(error)
        else:
            assert isinstance(model, vq_wav2vec.VQWav2Vec)
        assert sorted(os.listdir(tmp_path)) == ["whole.pt", "x.pt"]

    cut()
    damage()
