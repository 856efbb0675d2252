"""Packing and batching: nothing lost, nothing mixed up, the key is the content."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sernb import audio, heap


def corpus(folder, sounds, rate=16_000):
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, x in sounds.items():
        soundfile.write(folder / f"{name}.wav", x, rate, subtype="PCM_16")
        rows.append(
            {"utterance": f"c/{name}", "file": str(folder / f"{name}.wav"), "start": 0.0, "end": np.nan}
        )
    return pd.DataFrame(rows).set_index("utterance")


def noise(n, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, n)


def test_packed_samples_are_the_files_samples(tmp_path):
    sounds = {"a": noise(5000), "b": noise(1, 1) + 0.6, "c": noise(300, 2)}
    packed = audio.pack(corpus(tmp_path / "x", sounds), cache=tmp_path / "cache")
    for name, x in sounds.items():
        np.testing.assert_allclose(packed.utterance(f"c/{name}"), x, atol=1 / 32768)
    assert packed.samples.dtype == np.int16 and isinstance(packed.samples, np.memmap)


def test_the_key_is_content_not_path(tmp_path):
    first = corpus(tmp_path / "x", {"a": noise(800)})
    shutil.copytree(tmp_path / "x", tmp_path / "elsewhere ä")
    moved = first.assign(file=str(tmp_path / "elsewhere ä" / "a.wav"))
    for t in (first, moved):
        audio.pack(t, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache" / "packs").iterdir())) == 1
    corpus(tmp_path / "x", {"a": noise(800, 5)})
    audio.pack(first, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache" / "packs").iterdir())) == 2


def test_a_corrupt_file_is_named_and_left_out(tmp_path):
    t = corpus(tmp_path / "x", {"good": noise(800), "bad": noise(800, 1), "silent": np.zeros(50)})
    (tmp_path / "x" / "bad.wav").write_bytes(b"RIFF lies")
    with pytest.warns(UserWarning, match="2 utterances left out"):
        packed = audio.pack(t, cache=tmp_path / "cache")
    assert list(packed.ids) == ["c/good"]
    assert {name for name, _ in packed.left_out} == {"c/bad", "c/silent"}
    with pytest.raises(KeyError, match="c/bad"):
        audio.Waves(packed).rows(["c/bad"])


def test_channels_that_cancel_leave_no_utterance_without_a_peak(tmp_path):
    """Mean of two channels in opposite phase but for a trace: not zero, and zero in 16 bits; 0/0 would be NaN."""
    x = noise(800)
    t = corpus(tmp_path / "x", {"good": x, "cancelled": x})
    soundfile.write(tmp_path / "x" / "cancelled.wav", np.stack([x, 1e-7 - x], 1), 16_000, subtype="DOUBLE")
    assert np.abs(audio.decode(tmp_path / "x" / "cancelled.wav")).max() > 0
    with pytest.warns(UserWarning, match="1 utterances left out.*silent"):
        packed = audio.pack(t, cache=tmp_path / "cache")
    assert list(packed.ids) == ["c/good"] and (packed.peaks > 0).all()
    with pytest.raises(ValueError, match="cancelled.wav: silent"):
        audio.pack_files([tmp_path / "x" / "cancelled.wav"])


def test_segments_channels_and_rates(tmp_path):
    time = np.arange(44_100) / 44_100
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(tmp_path / "s.wav", np.stack([tone, tone], 1), 44_100)
    x = audio.decode(tmp_path / "s.wav", 0.25, 0.75)
    assert len(x) == 8000
    assert abs(np.fft.rfftfreq(8000, 1 / 16_000)[np.abs(np.fft.rfft(x)).argmax()] - 440) <= 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.integers(1, 300), st.integers(0, 2**20))
def test_a_crop_is_a_stretch_of_its_own_utterance(lengths, crop, seed):
    values = torch.arange(1, sum(lengths) + 1)
    lengths = torch.tensor(lengths)
    starts = lengths.cumsum(0) - lengths
    cut, kept = audio.random_stretch(starts, lengths, crop, torch.Generator().manual_seed(seed))
    assert ((cut >= starts) & (cut + kept <= starts + lengths)).all() and (
        kept == lengths.clamp(max=crop)
    ).all()
    x = audio.gather(values, cut, kept, crop, "cpu")
    for row, a, n in zip(x, cut, kept, strict=True):
        assert torch.equal(row[:n], values[a : a + n]) and not row[n:].any()


def test_batches_are_scaled_by_the_utterances_own_peak_and_reproducible(tmp_path):
    packed = audio.pack(corpus(tmp_path / "x", {"a": noise(5000) / 4, "b": noise(900, 1)}), cache=tmp_path)
    waves = audio.Waves(packed)
    x, lengths = waves.batch(waves.rows(["c/b", "c/a"]))
    assert x.shape == (2, 5000) and lengths.tolist() == [900, 5000] and not x[0, 900:].any()
    torch.testing.assert_close(x.abs().amax(1), torch.ones(2))
    one, two = (waves.batch(torch.tensor([0, 1]), 400, torch.Generator().manual_seed(3))[0] for _ in range(2))
    assert torch.equal(one, two)


@given(st.lists(st.integers(1, 10_000), max_size=50), st.integers(1, 9))
def test_buckets_hold_every_row_once_in_order_of_length(lengths, size):
    lengths = torch.tensor(lengths, dtype=torch.long)
    found = audio.buckets(lengths, size, most=20_000)
    order = torch.cat(found) if found else torch.tensor([], dtype=torch.long)
    assert sorted(order.tolist()) == list(range(len(lengths)))
    assert (lengths[order].diff() >= 0).all()
    assert all(len(b) <= size and (len(b) == 1 or len(b) * lengths[b].max() <= 20_000) for b in found)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux states a process's mapped memory")
def test_an_epoch_does_not_leave_the_mapped_corpus_in_the_process(tmp_path):
    count, length = 200, 2**18  # 100 MiB in all
    written = np.memmap(tmp_path / "samples", np.int16, "w+", shape=(count * length,))
    written[:] = np.arange(count * length) % 30_000 + 1
    written.flush()
    offsets, ids = np.arange(count + 1) * length, pd.Index(range(count)).map("u{}".format)
    del written

    def epoch(most):
        mapped = np.memmap(tmp_path / "samples", np.int16, "r")
        waves = audio.Waves(audio.Pack(ids, mapped, offsets, np.full(count, 30_000 / 32768, np.float32), ids))
        waves.pages.most, before = most, heap.own("RssFile")
        sums = [waves.batch(rows)[0].double().sum().item() for rows in torch.arange(count).split(4)]
        return sums, (heap.own("RssFile") - before) / 2**20

    (kept, whole), (given_back, left) = epoch(2**40), epoch(2**24)
    assert kept == given_back and sum(kept) > 0
    assert whole > 90 and left < 40
    mapped = heap.Pages(np.ones(4, np.int16), 1)
    mapped.reading(1, 8)  # an array in memory is left alone
    assert mapped.map is None
