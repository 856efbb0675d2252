"""Paper 2's study on stand-ins: stages that never hear the test speakers, are shared, stored, and go on where cut off."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from sernb import audio, corpora, grid, paths, splits
from sernb.models import self_supervised
from sernb.studies import (
    gmp_atl,
    gmp_atl_network,
    gmp_atl_stages,
    masked,
    predicting,
    pretraining,
    recognition,
    stages,
)
from sernb.studies.gmp_atl_config import LAYERS, OWN, ROWS, Config

CPU = torch.device("cpu")
SHORT = {"epochs_1": 1, "epochs_2": 1, "epochs": 1, "passes": 1.0, "scales": (4, 8), "encoder": "least"}


@pytest.fixture(autouse=True)
def least(monkeypatch):
    """An encoder of our own that is pre-trained in seconds, on a corpus that is not evaluated."""
    options = {
        "width": 32,
        "layers": 3,
        "bands": 16,
        "epochs": 2,
        "crop": 1.0,
        "clusters": 16,
        "passes": 1,
        "restarts": 1,
    }
    monkeypatch.setitem(OWN, "least", options)
    gmp_atl_network._kept.clear()


def config(**overrides):
    return Config.of("quick", **{**SHORT, "pretrained_on": "savee", **overrides})


def test_paper_is_the_papers_hyper_parameters():
    paper = Config.of("paper")
    assert recognition.overrides(paper) == {} and paper == Config()
    assert (paper.encoder, paper.optimiser, paper.learning_rate, paper.batch_size) == (
        "facebook/hubert-base-ls960", "adam", 1e-4, 64,
    )  # fmt: skip
    assert (paper.scales, paper.layer, paper.gender_weight) == ((64, 512, 4096), -3, 0.1)
    assert (paper.scale, paper.margin, paper.start, paper.length) == (30, 0.2, 0.08, 10)
    assert list(LAYERS) == [-1, -2, -3, -4, -5, -6, -7, -8] and len(ROWS) == 4


def test_the_papers_folds_leave_a_session_out():
    fold = gmp_atl.data(Config.of("quick", corpus="iemocap", division="session")).folds
    table = corpora.load("iemocap", data="stand-in")
    assert [f.name for f in fold] == ["1", "2", "3", "4", "5"]
    for f in fold:
        parts = [set(table.loc[getattr(f, part), "session"]) for part in splits.PARTS]
        assert [len(p) for p in parts] == [3, 1, 1] and not set.intersection(parts[0], parts[1] | parts[2])


def test_a_whole_row_runs_and_shares_its_stages():
    found = grid.run(gmp_atl, [config(), config(loss="softmax"), config(pseudo_labels=False)], progress=False)
    fold = gmp_atl.data(config()).folds[0]
    for run in found:
        assert list(run.predictions.index) == list(fold.test) and np.isfinite(run.curves["train_loss"]).all()
    made = sorted(p.name.rpartition("-")[0] for p in (paths.RESULTS / "stages").iterdir())
    assert made == ["gmp_atl-1", "gmp_atl-2", "pretraining"]
    assert len({r.key for r in found}) == 3
    again = gmp_atl.restored(config(), progress=False)
    probabilities = found[0].predictions[[c for c in found[0].predictions if c.startswith("p_")]]
    np.testing.assert_allclose(again.logits(again.rows["test"]).softmax(1), probabilities, atol=1e-5)
    for run in found[:2]:  # AM-Softmax and softmax, asked about waveforms
        packed, names = gmp_atl.data(config()).packed, run.predictions.index[:4]
        answers = predicting.Predictor(run)([packed.utterance(name) for name in names]).filter(like="p_")
        np.testing.assert_allclose(answers, run.predictions.loc[names, answers.columns], atol=2e-3)


def test_an_encoder_from_a_directory_is_not_found_again_by_its_name():
    with pytest.raises(ValueError, match="results hold no paths"):
        gmp_atl.recogniser({"encoder": "mine@0123456789ab"}, 4)


def test_stages_never_hear_the_test_speakers(monkeypatch, tmp_path):
    """Other audio and other labels of the test speakers: both stages come out the same to the last bit."""
    asked, arrays = config(), []
    whole = gmp_atl.data(asked)
    fold = whole.folds[0]
    samples, table = np.array(whole.packed.samples), whole.table.copy()
    for i in whole.packed.ids.get_indexer(fold.test):
        span = slice(whole.packed.offsets[i], whole.packed.offsets[i + 1])
        samples[span] = np.random.default_rng(i).integers(-9000, 9000, span.stop - span.start)
    table.loc[fold.test, ["emotion", "gender"]] = [whole.classes[0], "male"]
    other = dataclasses.replace(whole, packed=dataclasses.replace(whole.packed, samples=samples), table=table)
    start = gmp_atl_network.origin(asked)  # pre-trained once
    assert start.layers == 3
    for material in (whole, other):
        monkeypatch.setattr(paths, "RESULTS", tmp_path / str(len(arrays)) / "r")
        gmp_atl_network._kept.clear()
        one = gmp_atl_stages.stage_1(asked, material, material.table, fold, CPU).arrays
        two = gmp_atl_stages.stage_2(asked, material, material.table, fold, CPU).arrays
        arrays.append({**{f"1 {k}": v for k, v in one.items()}, **{f"2 {k}": v for k, v in two.items()}})
    for name, values in arrays[0].items():
        np.testing.assert_array_equal(values, arrays[1][name], err_msg=name)
    assert {"2 centres_4", "2 centres_8"} <= set(arrays[0])


def test_what_changes_a_stage_changes_its_key():
    base, digest = config(), "d"
    for change, first, second in (
        ({"loss": "softmax"}, False, False),
        ({"layer": -2}, False, True),
        ({"scales": (4,)}, False, True),
        ({"gender_weight": 0.0}, True, True),
        ({"fold": 1}, True, True),
    ):
        other = dataclasses.replace(base, **change)
        found = [gmp_atl_stages.key(base, n, digest) != gmp_atl_stages.key(other, n, digest) for n in (1, 2)]
        assert found == [first, second], change


def test_an_encoder_that_heard_the_evaluated_corpus_is_refused():
    with pytest.raises(ValueError, match="names emodb, which is evaluated"):
        gmp_atl_network.origin(config(pretrained_on="savee+emodb"))
    with pytest.raises(ValueError, match="corpora to pre-train it on"):
        gmp_atl_network.origin(config(pretrained_on=""))
    with pytest.raises(ValueError, match="clustered 'stage 2' is unknown"):
        material = gmp_atl.data(config())
        gmp_atl_stages.labelling_encoder(
            config(clustered="stage 2"), material, material.table, material.folds[0], CPU
        )


def test_weights_in_a_directory_go_by_their_content(tmp_path):
    encoder = self_supervised.small(32, 3)
    encoder.model.save_pretrained(tmp_path / "mine")
    asked = config(encoder=str(tmp_path / "mine"), pretrained_on="")
    loaded = gmp_atl_network.origin(asked)
    for a, b in zip(loaded.state_dict().values(), encoder.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)
    stored = recognition.as_stored(asked)["encoder"]
    assert stored.startswith("mine@") and str(tmp_path) not in stored
    before = gmp_atl_network.origin_key(asked)
    stages.named.cache_clear()
    self_supervised.small(32, 3).model.save_pretrained(tmp_path / "mine")
    assert gmp_atl_network.origin_key(asked) != before
    assert stages.named("facebook/hubert-base-ls960") == "facebook/hubert-base-ls960"


def test_labels_lie_on_the_frames_of_the_encoder_whatever_the_length():
    """Waveforms of lengths that 320 does not divide: MFCCs, labels and encoder agree on every frame, stretches too."""
    lengths = [399, 400, 719, 720, 5000, 16_001, 8_123]
    noise = np.random.default_rng(0).integers(-9000, 9000, sum(lengths)).astype(np.int16)
    ids = pd.Index([f"u{n}" for n in lengths])
    packed = audio.Pack(ids, noise, np.cumsum([0, *lengths]), np.full(len(ids), 0.5, np.float32), ids)
    waves, encoder = audio.Waves(packed), self_supervised.small(32, 2).eval()
    frames = encoder.frames(waves.lengths)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(paths.RESULTS.parent)
        mfccs, found = pretraining.mfccs(waves, paths.RESULTS.parent / "mfcc")
    assert torch.equal(found, frames) and len(mfccs) == int(frames.sum())
    numbered = torch.cat([torch.arange(int(n)) for n in frames])
    labels = masked.Labels(numbered[:, None], frames)
    rows, starts, width = torch.tensor([4, 5]), torch.tensor([3, 11]), 9
    stretch = torch.tensor([9, 7])
    x, samples = masked.Stretches(waves).batch(rows, starts, stretch, width)
    assert torch.equal(encoder.frames(samples), stretch)
    got = labels.batch(rows, starts, stretch, width)[..., 0]
    assert got[0].tolist() == list(range(3, 12)) and got[1].tolist() == [*range(11, 18), 0, 0]
    whole, _ = waves.batch(rows)
    for i in range(2):  # frame 0 of the stretch hears what frame `start` of the utterance hears
        at = int(starts[i]) * 320
        torch.testing.assert_close(x[i, : int(samples[i])], whole[i, at : at + int(samples[i])])


def test_a_stage_is_stored_whole_or_not_at_all(tmp_path, monkeypatch):
    calls = []

    def make(checkpoint):
        calls.append(checkpoint)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return stages.Stage({"w": np.arange(3.0)}, pd.DataFrame({"epoch": [1]}), {"dtype": "float32"})

    with pytest.raises(KeyboardInterrupt):
        stages.stored("some", "key", make)
    first = stages.stored("some", "key", make)
    second = stages.stored("some", "key", make)
    assert len(calls) == 2 and second.facts == first.facts and second.facts["seconds"] >= 0
    np.testing.assert_array_equal(second.arrays["w"], np.arange(3.0))


@pytest.mark.slow
def test_hubert_base_takes_a_step_of_every_stage(capsys, monkeypatch):
    """HuBERT-base's size, 95 million parameters with random weights: seconds a step and memory on this machine."""
    import resource

    monkeypatch.setattr(gmp_atl_network, "origin", lambda *_: self_supervised.base())
    monkeypatch.setattr(gmp_atl_network, "origin_key", lambda _: "random")
    asked = config(batch_size=2, crop=1.0, hidden=256, embedding=256)
    material = gmp_atl.data(asked)
    fold = material.folds[0]
    first = {
        part: material.table.loc[getattr(fold, part)].groupby("emotion").head(1).index[:2]
        for part in splits.PARTS
    }
    few = dataclasses.replace(fold, **first)
    packed = audio.pack(material.table.loc[[*few.train, *few.valid, *few.test]])
    table = material.table.loc[packed.ids].copy()
    table.loc[few.train, "gender"] = ["male", "female"]  # stage 1 has something to tell apart
    tiny = dataclasses.replace(material, table=table, packed=packed, others=table.index[:0])
    monkeypatch.setattr(gmp_atl_stages, "origin", lambda *_: self_supervised.base())
    monkeypatch.setattr(gmp_atl_stages, "origin_key", lambda _: "random")
    two = gmp_atl_stages.stage_2(asked, tiny, table, few, CPU)
    start = pretraining.with_weights(self_supervised.base(), two.arrays)
    three = gmp_atl_network.Network(asked, tiny, table, few, CPU, start).fit(progress=False)
    assert np.isfinite(two.curves["train_loss"]).all() and np.isfinite(three["curves"]["train_loss"]).all()
    assert three["parameters"] > 94e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    with capsys.disabled():
        print(
            f"\nHuBERT-base, a step of each stage: {two.facts['seconds']:.0f} s, peak memory {peak:.1f} GiB"
        )
    assert peak < 16
