"""vq-wav2vec from a file with the published names and shapes: equal to a derivation, and nothing else gets in."""

import os

import pytest
import torch
from published_weights import save_vq as save
from published_weights import vq_weights as weights
from torch.nn import functional as F

from sernb.models import vq_wav2vec


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
        ({"vq_vars": 100}, "vars is torch.float32 of shape .1, 640, 256. .* expected .* .1, 200, 256."),
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
        (
            "vector_quantizer.vars",
            None,
            "of its weights 1 .*vector_quantizer.vars.* are missing, of others it has none",
        ),
        ("vector_quantizer.vars", "text", "vector_quantizer.vars is str, expected a tensor"),
        (
            "vector_quantizer.vars",
            torch.ones(1, 640, 255),
            "shape .1, 640, 255. .* expected .* .1, 640, 256.",
        ),
        ("vector_quantizer.vars", torch.ones(1, 640, 256, dtype=torch.int64), "torch.int64 of shape"),
        (
            "vector_quantizer.vars",
            torch.ones(1, 640, 256, device="meta"),
            "of shape .1, 640, 256. .*meta., expected",
        ),
        ("vector_quantizer.vars", torch.full((1, 640, 256), torch.nan), "not finite"),
        (
            "encoder.layers.0.weight",
            torch.ones(1),
            "of others it has 1 ..'encoder.layers.0.weight'",
        ),
        (7, torch.ones(1), "of others it has 1 ..7"),
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
