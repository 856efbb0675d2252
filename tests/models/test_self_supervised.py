"""Encoders: transformers' own numbers as the oracle, features that no batch changes, and weights that are refused."""

import math

import pytest
import torch
import transformers

from sernb.models import self_supervised

SIZES = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64, "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
CONFIGS = {
    "hubert": transformers.HubertConfig,
    "wavlm": transformers.WavLMConfig,
    "wav2vec2": transformers.Wav2Vec2Config,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """`made(kind, stable)`: transformers' own model with random weights, and the directory it was saved to."""
    folder, models = tmp_path_factory.mktemp("weights"), {}

    def make(kind, stable=False):
        if (kind, stable) not in models:
            torch.manual_seed(0)
            norm = "layer" if stable else "group"
            config = CONFIGS[kind](**SIZES, do_stable_layer_norm=stable, feat_extract_norm=norm)
            model, at = self_supervised.MODELS[kind](config).eval(), folder / f"{kind}-{stable}"
            model.save_pretrained(at)
            models[kind, stable] = model, at
        return models[kind, stable]

    return make


def waves(*lengths):
    generator = torch.Generator().manual_seed(1)
    x = torch.zeros(len(lengths), max(lengths))
    for row, n in zip(x, lengths, strict=True):
        row[:n] = torch.randn(n, generator=generator)
    return x, torch.tensor(lengths)


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("stable", [False, True])
@torch.no_grad()
def test_hidden_layers_are_those_of_transformers_by_the_same_index(made, kind, stable):
    model, at = made(kind, stable)
    encoder = self_supervised.load(str(at)).eval()
    x, lengths = waves(5000)
    given = (x - x.mean()) / (x.var(unbiased=False) + 1e-7).sqrt() if stable else x
    wanted = model(given, output_hidden_states=True)
    assert len(wanted.hidden_states) == encoder.layers + 1 == 4
    for layer in range(-4, 4):
        found, _ = encoder(x, lengths, layer=layer)
        torch.testing.assert_close(found, wanted.hidden_states[layer], atol=1e-4, rtol=0)
    torch.testing.assert_close(encoder(x, lengths)[0], wanted.last_hidden_state, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", CONFIGS)
@torch.no_grad()
def test_one_and_many_give_the_same_features(made, kind):
    """With the base models' group norm, over which padding leaks in transformers."""
    model, at = made(kind)
    encoder = self_supervised.load(str(at)).eval()
    x, lengths = waves(5000, 9000, 401, 7333)
    many, frames = encoder(x, lengths, layer=-3)
    for i, n in enumerate(lengths.tolist()):
        alone, own = encoder(x[i : i + 1, :n], lengths[i : i + 1], layer=-3)
        assert own.item() == frames[i].item() == (n - 400) // 320 + 1
        torch.testing.assert_close(many[i, : frames[i]], alone[0], atol=1e-4, rtol=0)
    leaking = model(x, attention_mask=(torch.arange(9000) < lengths[:, None]).long()).last_hidden_state
    alone = encoder(x[:1, :5000], lengths[:1])[0]
    assert (leaking[0, : frames[0]] - alone[0]).abs().max() > 1e-2, "the trap is gone: simplify the front end"


@torch.no_grad()
def test_frames_past_an_end_are_zero_and_a_short_waveform_has_one(made):
    encoder = self_supervised.load(str(made("hubert")[1])).eval()
    x, frames = encoder.front(*waves(3000, 100))
    assert frames.tolist() == [9, 1] and (x[1, :, 1:] == 0).all() and x.shape == (2, 16, 9)


@torch.no_grad()
def test_a_mask_replaces_frames_before_the_transformer(made):
    encoder = self_supervised.load(str(made("hubert")[1])).eval()
    x, frames = encoder.front(*waves(5000))
    mask = torch.zeros(1, x.shape[2], dtype=torch.bool)
    mask[0, 4:8] = True
    other = torch.where(mask[:, None], torch.randn_like(x), x)
    plain, masked = (encoder.transform(of, frames, mask) for of in (x, other))
    torch.testing.assert_close(plain, masked, atol=1e-6, rtol=0)  # what is masked cannot be seen
    assert (encoder.transform(x, frames) - plain).abs().max() > 1e-2


def test_weights_of_another_architecture_are_refused(made, tmp_path):
    with pytest.raises(ValueError, match="a model of type .wavlm., expected hubert"):
        self_supervised.load(str(made("wavlm")[1]), "hubert")
    transformers.BertConfig(hidden_size=32, num_hidden_layers=1).save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match="a model of type .bert., expected hubert or wavlm or wav2vec2"):
        self_supervised.load(str(tmp_path / "bert"))


@pytest.mark.parametrize(
    ("said", "change"), [("hubert", {}), ("wavlm", {}), ("hubert", {"num_hidden_layers": 2}), ("hubert", {"conv_dim": (8,) * 7})]
)  # fmt: skip
def test_weights_that_are_not_their_configurations_are_refused(made, tmp_path, said, change):
    """WavLM's weights said to be HuBERT's, the reverse, a block too many, other shapes."""
    weights = "hubert" if change or said == "wavlm" else "wavlm"
    source = made(weights)[1]
    CONFIGS[said](**SIZES | change).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match="weights"):
        self_supervised.load(str(tmp_path))


def test_the_preprocessors_word_on_standardising_counts(made, tmp_path):
    model, _ = made("hubert")
    model.save_pretrained(tmp_path)
    assert not self_supervised.load(str(tmp_path)).standardise
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(tmp_path)
    assert self_supervised.load(str(tmp_path)).standardise


@torch.no_grad()
def test_the_small_hubert_has_hubert_s_frames_and_hears_the_pitch_of_a_tone():
    torch.manual_seed(0)
    encoder = self_supervised.small(32, 2).eval()
    lengths = torch.arange(300, 3000, 61)
    wanted = ((lengths - 400) // 320 + 1).clamp(min=1)
    assert (encoder.field, encoder.hop) == (400, 320) and torch.equal(encoder.frames(lengths), wanted)
    base = transformers.HubertModel(transformers.HubertConfig(**SIZES))
    long = lengths[lengths >= 400]
    assert torch.equal(encoder.frames(long), base._get_feat_extract_output_lengths(long))
    time = torch.arange(16_000) / 16_000
    noise = 0.05 * torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    mel = torch.linspace(math.log1p(60 / 700), math.log1p(7600 / 700), 40)
    # Sounds in the second half: the thresholds of its band fall there. No multiple of 50 Hz, whose phase is the same in
    # every frame, so that the group norm takes part of it for a constant.
    for f in (313.0, 1487.0, 4021.0):
        x = noise + torch.where(time > 0.5, torch.sin(2 * torch.pi * f * time), 0.0)
        of = encoder.front(x[None], torch.tensor([16_000]))[0][0].reshape(40, 4, -1).sum(1)
        falls = mel[(of[:, :20].mean(1) - of[:, 30:].mean(1)).argmax()]
        assert abs(float(falls) - math.log1p(f / 700)) < 3 * float(mel[1] - mel[0]), f


def test_a_frozen_front_end_keeps_its_weights():
    encoder = self_supervised.small(32, 2)
    encoder.freeze_front()
    assert not any(p.requires_grad for p in encoder.model.feature_extractor.parameters())
    assert all(p.requires_grad for p in encoder.model.encoder.parameters())
