"""Paper 5's study on stand-ins: what is trained on, enrolled and asked; what may not be; losses that are the same."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sernb import corpora, enroll, grid, losses, metrics, paths, store, tables_enroll
from sernb.models import enrolment_encoders
from sernb.studies import enroll_config, enroll_material, enroll_to_verify, recognition, verification
from sernb.studies.enroll_config import Config

#: Small and quick: bands instead of descriptors, few nodes.
SMALL = {"input": "log_mel", "recurrent": 8, "nodes": 8, "epochs": 1, "enrolled": 3}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One epoch on the stand-in of RAVDESS, stored: configuration and result."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RESULTS", tmp_path_factory.mktemp("results"))
        config = Config.of("quick", corpus="ravdess", **SMALL)
        return config, grid.run(enroll_to_verify, [config], progress=False)[0]


def test_paper_is_the_papers_hyper_parameters():
    paper = Config.of("paper")
    assert (paper.optimiser, paper.learning_rate, paper.epochs, paper.decay) == ("adamax", 1e-3, 100, 20)
    assert (paper.n, paper.enrolled, paper.recurrent, paper.nodes, paper.heads) == (10, 10, 256, 512, 2)
    assert (paper.input, paper.encoder, paper.loss, paper.queries) == ("vq_wav2vec", "ours", "NAMP", "one")
    assert recognition.overrides(paper) == {} and Config.of("paper", corpus="meld").nodes == 128
    assert paper.draws >= 20 and paper.draws % 2


def test_the_pretraining_s_speakers_and_classes(trained):
    config, result = trained
    material = enroll_to_verify.data(config)
    assert material.classes == ["anger", "happiness", "neutral", "sadness"] and len(material.folds) == 6
    table, fold = material.table, material.folds[0]
    speakers = {part: set(table.loc[getattr(fold, part), "speaker"]) for part in ("train", "valid", "test")}
    assert [len(speakers[p]) for p in ("train", "valid", "test")] == [16, 4, 4]
    assert table.loc[fold.train, "emotion"].notna().all()
    test = enroll_to_verify.predicted(result)
    assert list(test.index) == list(fold.test)
    np.testing.assert_allclose(test.filter(like="p_").sum(axis=1), 1, atol=1e-5)


def test_what_is_verified_was_never_trained_on_and_is_asked_of_test_speakers(trained):
    config, result = trained
    material = enroll_to_verify.data(config)
    found = enroll_to_verify.verified([result], [config])
    names = ["fear", "disgust", "surprise", "calm"]
    assert list(dict.fromkeys(found["task"])) == [f"neutral | {name}" for name in names]
    heard = set(material.folds[0].train) | set(material.folds[0].valid)
    assert not set(found.index) & heard
    tested = set(material.table.loc[material.folds[0].test, "speaker"])
    assert set(found["speaker"]) == tested
    of = found[found["task"] == "neutral | fear"]
    expected = material.table[
        material.table["speaker"].isin(tested) & material.table["asked"].isin(["neutral", "fear"])
    ]
    assert set(of.index) == set(expected.index) and (of["emotion"] == expected["asked"][of.index]).all()
    values = tables_enroll.draws(of)
    assert len(values) == config.draws and result.metrics["neutral | fear UAR"] == pytest.approx(
        values["UAR"].mean()
    )


def test_a_stored_verification_is_its_embeddings_by_hand(trained):
    config, result = trained
    material, x = enroll_to_verify.data(config), enroll_to_verify.embeddings(result)
    found = enroll_to_verify.verified([result], [config])
    found = found[found["task"] == "neutral | disgust"]
    pool = verification._pool(material, 0, 0, ("neutral", "disgust"))
    generator = np.random.default_rng([config.seed, 0, 1])
    rows = {e: np.flatnonzero(pool["asked"] == e) for e in ("neutral", "disgust")}
    drawn = enroll.draw(rows, config.enrolled, config.draws, generator)
    values = x.loc[pool.index].to_numpy()
    for i, chosen in enumerate(drawn):
        centres = np.stack([values[of].mean(0) for of in chosen])
        q = x.loc[found.index].to_numpy()
        cosine = (q @ centres.T) / np.linalg.norm(q, axis=1)[:, None] / np.linalg.norm(centres, axis=1)
        np.testing.assert_array_equal(found[f"d{i}"], cosine[:, 1] > cosine[:, 0])


def test_enrolling_a_test_speaker_is_refused_unless_declared(trained):
    config, result = trained
    material = enroll_to_verify.data(config)
    fold = material.whole[0]
    same = dataclasses.replace(fold, valid=fold.test[::2], test=fold.test[1::2])
    x = enroll_to_verify.embeddings(result)
    for declared in (False, True):
        leaking = dataclasses.replace(material, whole=[dataclasses.replace(same, shared_speakers=declared)])
        ask = {"names": ["fear"], "enrolled": 1, "draws": 3}
        if declared:
            assert len(verification.asked(config, leaking, x, **ask))
        else:
            with pytest.raises(ValueError, match="speakers are enrolled from and also asked"):
                verification.asked(config, leaking, x, **ask)
    with pytest.raises(ValueError, match="are enrolled and also queries"):
        both = dataclasses.replace(
            material, whole=[dataclasses.replace(fold, valid=fold.test, shared_speakers=True)]
        )
        verification.asked(config, both, x, names=["fear"], enrolled=1, draws=3)


def test_number_enrolled_other_tasks_and_angles(trained):
    config, result = trained
    one = enroll_to_verify.verified([result], [config], names=["fear"], against="anger", enrolled=1, draws=5)
    assert set(one["task"]) == {"anger | fear"} and tables_enroll.drawn(one) == [f"d{i}" for i in range(5)]
    material = enroll_to_verify.data(config)
    with pytest.raises(ValueError, match="500 utterances of 'neutral' are to be enrolled"):
        enroll_to_verify.verified([result], [config], enrolled=500)
    with pytest.raises(ValueError, match="how far its annotators agreed"):
        enroll_to_verify.verified([result], [config], confidence="confident")
    angles = verification.angles(config, material, enroll_to_verify.embeddings(result))
    assert angles["angle"].between(0, 180).all() and set(angles["truth"]) == {"neutral", "target"}
    assert set(angles["emotion"]) == {"anger", "happiness", "sadness", "fear", "disgust", "surprise", "calm"}


def test_confidence_groups_take_agreed_utterances_only():
    material = enroll_material.material("stand-in", "iemocap", "four")
    pool = verification._pool(material, 0, 0, ("neutral", "frustration"))
    for group, (neutral, unseen) in verification.CONFIDENCE.items():
        found = verification._confident(pool, group, "neutral", "frustration")
        for emotion, clear in (("neutral", neutral), ("frustration", unseen)):
            agreement = pool["agreement"][found[emotion]]
            assert len(found[emotion]) and (agreement == 1).all() == clear and (agreement >= 0.5).all()
            assert (pool["asked"][found[emotion]] == emotion).all()
        fewest = min(len(ids) for ids in found.values())
        assert verification.available(material, [0], group, "neutral", "frustration") == fewest
        assert verification.available(material, [0, 1], group, "neutral", "frustration") <= fewest


def test_iemocap_leaves_a_dyad_out_and_meld_declares_its_leak():
    iemocap = enroll_material.material("stand-in", "iemocap", "four")
    assert len(iemocap.folds) == 10
    for fold in iemocap.whole:
        (valid,), (test,) = (set(iemocap.table.loc[ids, "session"]) for ids in (fold.valid, fold.test))
        assert valid == test and valid not in set(iemocap.table.loc[fold.train, "session"])
    config = Config.of("quick", corpus="meld", **SMALL)
    found = enroll_to_verify.run(config, progress=False)
    assert found.meta["shared_speakers"]
    assert set(found.predictions["task"]) == {"", "neutral | surprise", "neutral | fear", "neutral | disgust"}
    assert np.isfinite(found.metrics["neutral | surprise F1"])


def test_meld_without_audio_says_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "meld").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "meld" / f"{split}_sent_emo.csv").write_text(
            "Speaker,Emotion,Dialogue_ID,Utterance_ID\nJoey,joy,0,0\n"
        )
    monkeypatch.setattr(paths, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match="expected audio such as .*download MELD.Raw"):
        enroll_to_verify.data(Config.of("paper", corpus="meld"))


@pytest.mark.real_speech
def test_melds_real_label_files_without_audio_say_how_to_get_it(real):
    folder = real("meld")
    if any(f.suffix in corpora.catalogue.CATALOGUE["meld"].endings for f in folder.rglob("*")):
        pytest.skip("MELD's audio is there")
    with pytest.raises(FileNotFoundError, match="download MELD.Raw, unpack its three parts"):
        enroll_to_verify.data(Config.of("paper", corpus="meld"))


def test_another_corpus_is_enrolled_from_and_verified():
    config = Config.of(
        "quick", corpus="ravdess", enrol_corpus="emodb", unseen="boredom+disgust", fold=2, **SMALL
    )
    material = enroll_to_verify.data(config)
    asked = [set(material.table.loc[query, "speaker"]) for _, query in material.elsewhere]
    assert sum(map(len, asked)) == 10 == len(set.union(*asked))  # every speaker once
    assert not material.table.loc[material.folds[2].train, "corpus"].eq("emodb").any()
    found = enroll_to_verify.run(config, progress=False)
    verified = found.predictions[found.predictions["part"] == "verify"]
    assert set(verified["speaker"]) == asked[2] and set(verified["task"]) == {
        "neutral | boredom",
        "neutral | disgust",
    }
    assert set(enroll_to_verify.predicted(found)["speaker"].str.split("/").str[0]) == {"ravdess"}
    assert enroll_to_verify.key(config) != enroll_to_verify.key(dataclasses.replace(config, enrol_corpus=""))


def test_pretraining_classes_move_what_is_unseen():
    for classes, count, unseen in [
        ("four without happiness", 3, ["surprise", "fear", "disgust"]), ("four and surprise", 5, ["fear", "disgust"]),
        ("neutral+surprise", 2, ["fear", "disgust"]),
    ]:  # fmt: skip
        config = Config.of("quick", corpus="meld", classes=classes)
        material = enroll_to_verify.data(config)
        assert len(material.classes) == count and verification.unseen(config, material) == unseen
    with pytest.raises(ValueError, match="classes 'six' is unknown"):
        enroll_material.mapping("six")
    with pytest.raises(ValueError, match="nothing else can be verified"):
        verification.unseen(dataclasses.replace(config, unseen="frustration"), material)


def test_namp_in_one_reading_is_amproto_in_the_other():
    printed, argued = enroll_config.losses("tightening"), enroll_config.losses("relaxing")
    assert printed["NAMP"] == argued["AMProto"] and printed["AMProto"] == argued["NAMP"]
    assert {k: v for k, v in printed.items() if "MProto" not in k and k != "NAMP"} == {
        k: v for k, v in argued.items() if "MProto" not in k and k != "NAMP"
    }
    assert enroll_config.canonical("NAMP", 0.0) == enroll_config.canonical("AProto")
    x, y = torch.randn(12, 5), torch.arange(3).repeat(4)
    for name, margin, reading in [
        ("NAMP", -0.2, "relaxing"),
        ("AMProto", 0.4, "relaxing"),
        ("NAMP", -0.1, "tightening"),
    ]:
        same = {k: v for k, v in enroll_config.canonical(name, margin, reading).items() if k != "loss"}
        other = enroll_config.canonical(name, margin, reading)["loss"]
        values = [losses.build(n, 5, 3, ce=False, **kw)(x, y).item()
                  for n, kw in ((name, {"margin": margin, "reading": reading}), (other, same))]  # fmt: skip
        assert values[0] == pytest.approx(values[1], rel=1e-6)


@pytest.mark.parametrize("wrong", ["loss", "encoder", "input", "normalisation"])
def test_unknown_names_are_refused(wrong):
    with pytest.raises(ValueError, match="'nothing' is unknown"):
        enroll_to_verify.run(
            Config.of("quick", corpus="ravdess", **{**SMALL, wrong: "nothing"}), progress=False
        )


def test_without_weights_vq_wav2vec_says_what_is_missing(monkeypatch):
    monkeypatch.delenv(enroll_material.WEIGHTS, raising=False)
    with pytest.raises(FileNotFoundError, match="set SERNB_VQ_WAV2VEC"):
        enroll_to_verify.run(Config.of("quick", corpus="ravdess", input="vq_wav2vec"), progress=False)


def test_the_content_of_weights_joins_the_key(tmp_path, monkeypatch):
    config, keys = Config.of("quick", corpus="ravdess", input="vq_wav2vec"), []
    for i, content in enumerate((b"one", b"two", b"one")):
        file = tmp_path / f"{i}.pt"
        file.write_bytes(content)
        monkeypatch.setenv(enroll_material.WEIGHTS, str(file))
        enroll_material.material.cache_clear()
        keys.append(enroll_to_verify.key(config))
    assert keys[0] == keys[2] != keys[1]


class Mean(nn.Module):
    """A stand-in encoder: the mean frame through a linear layer."""

    def __init__(self, features, **_):
        super().__init__()
        self.embedding, self.linear = 6, nn.Linear(features, 6)

    def forward(self, x, frames):
        return self.linear(x.sum(2) / frames[:, None])


@pytest.mark.parametrize("loss", losses.NAMES)
def test_every_loss_trains_any_encoder(loss, monkeypatch):
    monkeypatch.setitem(enrolment_encoders.ENCODERS, "ours", Mean)
    for ce in (True, False):
        config = Config.of("quick", corpus="ravdess", loss=loss, ce=ce, **SMALL)
        found = enroll_to_verify.run(config, progress=False)
        assert np.isfinite(found.curves["train_loss"]).all() and 0 <= found.metrics["uar"] <= 1


def test_a_stored_model_encodes_a_users_files_as_the_study_did(trained, monkeypatch):
    config, result = trained
    monkeypatch.setattr(paths, "RESULTS", result.path.parent.parent)
    network, material = enroll_to_verify.restored(config, progress=False), enroll_to_verify.data(config)
    expected = enroll_to_verify.embeddings(result)
    rows = expected.index[[0, 5, 11]]
    found = network.encode(list(material.table.loc[rows, "file"]))
    np.testing.assert_allclose(found, expected.loc[rows], atol=2e-3)  # frames are kept in half precision
    verifier = enroll.Verifier(network.encode)
    for emotion in ("neutral", "fear"):
        chosen = material.table.loc[material.whole[0].valid].query("asked == @emotion")["file"]
        verifier.enrol(emotion, list(chosen)[:3])
    distances = verifier.verify(material.table.loc[material.whole[0].test[0], "file"])
    assert set(distances.index) == {"neutral", "fear"} and distances.is_monotonic_increasing


def test_the_stand_in_is_learned_and_shuffled_labels_are_not():
    """What the notebooks' last cells ask of one fold: a UAR above 1.5 × chance."""
    uars = {}
    for shuffled in (False, True):
        config = Config.of("quick", epochs=4, shuffle_labels=shuffled)
        found = store.write(enroll_to_verify.run(config, progress=False))
        test = enroll_to_verify.predicted(found)
        uars[shuffled] = metrics.uar(test["emotion"], test["predicted"])
    assert uars[True] < 1.5 / 4 < uars[False]


def test_a_learned_margin_is_in_the_curves():
    config = Config.of("quick", corpus="ravdess", learned=True, **{**SMALL, "epochs": 2})
    found = enroll_to_verify.run(config, progress=False)
    assert isinstance(found.curves, pd.DataFrame) and (found.curves["valid_margin"] < 0).all()
