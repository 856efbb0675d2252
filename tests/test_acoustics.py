"""The estimators of room acoustics: their file, their independence of batch and level; MOS; agreement and distances."""

import json

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from sernb import acoustics
from sernb.audio import Pack, Waves


@pytest.fixture(scope="module")
def estimator():
    return acoustics.load()


@pytest.fixture(scope="module")
def waves():
    """Noise that bursts and dies away, at another speed in each of four utterances of 0.4 to 7 s."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([6_400, 48_000, 31_234, 112_001])
    x = torch.randn(4, int(lengths.max()), generator=generator)
    x = x * 10 ** (
        -3 * (torch.arange(x.shape[1]) % 9_000) / 16_000 / torch.tensor([[0.3], [0.5], [0.8], [1.1]])
    )
    return x * (torch.arange(x.shape[1]) < lengths[:, None]), lengths


def test_padding_and_neighbours_never_change_an_estimate(estimator, waves):
    x, lengths = waves
    together = estimator(x, lengths)
    padded = estimator(torch.cat([x, torch.zeros(4, 20_000)], 1), lengths)
    junk = x.clone()
    junk[0, 6_400:] = 3.0  # what lies past a length is not heard
    for i in range(4):
        alone = estimator(x[i : i + 1, : lengths[i]], lengths[i : i + 1])[0]
        torch.testing.assert_close(together[i], alone, atol=1e-4, rtol=0)
    torch.testing.assert_close(padded, together, atol=1e-4, rtol=0)
    torch.testing.assert_close(estimator(junk, lengths)[0], together[0], atol=1e-4, rtol=0)
    assert together.std(0).min() > 1e-3, "estimates that never differ would pass anything"


def test_level_does_not_matter(estimator, waves):
    x, lengths = waves
    torch.testing.assert_close(estimator(1e-3 * x, lengths), estimator(x, lengths), atol=1e-3, rtol=0)


def test_a_long_utterance_is_the_mean_of_windows_that_cover_it(estimator, waves):
    x, lengths = waves
    rows, starts = acoustics.windows(lengths)
    assert rows.tolist() == [0, 1, 2, 3, 3, 3] and starts.tolist() == [0, 0, 0, 0, 32_000, 64_001]
    parts = torch.stack([x[3, s : s + acoustics.WINDOW] for s in (0, 32_000, 64_001)])
    with torch.no_grad():
        by_hand = estimator.window(parts, torch.full((3,), acoustics.WINDOW)).mean(0)
    torch.testing.assert_close(estimator(x, lengths)[3], by_hand, atol=1e-4, rtol=0)


def test_packed_utterances_come_out_in_the_order_asked_for(estimator, waves):
    x, lengths = waves
    samples = np.concatenate([(3000 * x[i, :n]).numpy() for i, n in enumerate(lengths)]).astype(np.int16)
    offsets = np.concatenate([[0], lengths.numpy().cumsum()])
    names = pd.Index(list("abcd"), name="utterance")
    packed = Pack(names, samples, offsets, np.full(4, 0.5, np.float32), np.array(list("wxyz")))
    found = acoustics.estimates(estimator, Waves(packed), ["d", "a", "c"], batch_size=2)
    whole = acoustics.estimates(estimator, Waves(packed))
    assert list(found.index) == ["d", "a", "c"] and list(found) == acoustics.QUANTITIES
    np.testing.assert_allclose(found, whole.loc[found.index], atol=1e-4)


def test_the_shipped_file_is_small_and_says_what_it_heard(estimator):
    assert acoustics.WEIGHTS.stat().st_size <= 1_000_000
    about = acoustics.about()
    assert "no recordings" in about["trained on"] and "without German" in about["trained on"]
    assert acoustics.digest(estimator.network.state_dict()) == about["digest"]
    assert {"rooms", "speakers", "seed"} <= set(about["config"])


def changed(tensors, about, how):
    if how == "missing":
        tensors.pop("into.weight")
    elif how == "shape":
        tensors["into.weight"] = tensors["into.weight"][:, :8].contiguous()
    elif how == "type":
        tensors["into.weight"] = tensors["into.weight"].half()
    elif how == "value":
        tensors["into.bias"][0] += 1e-3
    elif how == "format":
        about = {"about": json.dumps(json.loads(about["about"]) | {"format": "another"})}
    return tensors, about


@pytest.mark.parametrize(
    "how, says",
    [("missing", "into.weight"), ("shape", "expected"), ("type", "float16"), ("value", "not those"), ("format", "another")],
)  # fmt: skip
def test_another_file_is_refused(tmp_path, how, says):
    with safetensors.safe_open(acoustics.WEIGHTS, "pt") as opened:
        tensors, about = {n: opened.get_tensor(n) for n in opened.keys()}, dict(opened.metadata())
    file = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(tensors, file, about)
    acoustics.load(file)  # as it is, it is taken
    tensors, about = changed(tensors, about, how)
    safetensors.torch.save_file(tensors, file, about)
    with pytest.raises(ValueError, match=says):
        acoustics.load(file)


@pytest.mark.parametrize("content", [b"", b"\x80\x04cposix\nsystem\n", None])
def test_what_is_no_whole_safetensors_file_is_refused(tmp_path, content):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(acoustics.WEIGHTS.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(ValueError, match="no whole safetensors"):
        acoustics.load(file)


def test_noise_lowers_the_mean_opinion_score(cache):
    from sernb.studies import dry_speech

    x = dry_speech.streams(3, 1)[0][: 4 * 16_000] / 32768
    noise = np.random.default_rng(0).normal(0, 0.1, len(x))
    clean, noisy = acoustics.mos(x), acoustics.mos(np.clip(x + noise, -1, 1))
    assert 1 <= noisy < clean <= 5 and clean == acoustics.mos(x)


def test_agreement_of_what_a_reader_can_check():
    found = acoustics.agreement([0.2, 0.4, 0.6], [0.3, 0.5, 0.7], (0.1, 1.1))
    assert found == pytest.approx({"Pearson": 1, "bias": 0.1, "bias / %": 10, "RMSE": 0.1, "windows": 3})


def test_distance_of_two_shifted_corpora_is_the_shift_and_of_one_halved_near_chance():
    x = np.random.default_rng(0).normal(size=400)
    frame = pd.DataFrame({"corpus": ["a"] * 400 + ["b"] * 400, "q": np.concatenate([x, x + 2])})
    near = frame.assign(q=np.concatenate([x, np.random.default_rng(1).normal(size=400)]))
    both = pd.concat([frame.assign(audio="raw"), near.assign(audio="augmented")])
    table = acoustics.distances(both, ["q"]).set_index("audio")
    assert table.loc["raw", "distance"] == pytest.approx(2)
    assert table.loc["raw", "by chance"] < 0.3
    assert table.loc["augmented", "distance"] < 3 * table.loc["augmented", "by chance"] < 0.4
    with pytest.raises(ValueError, match="two corpora"):
        acoustics.distances(both[both["corpus"] == "a"], ["q"])
