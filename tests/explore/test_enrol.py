"""Enrolling by hand without a browser: pools, distances by hand, margins, picks, and what the widgets lead to."""

import types

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from sernb import audio, enroll, explore, tables_enroll
from sernb.explore import trial
from sernb.studies import enroll_to_verify, verification
from sernb.studies.enroll_config import Config


@pytest.fixture(scope="module")
def stored():
    """A run on the stand-in of RAVDESS whose embeddings say the emotion with noise; nothing is trained."""
    config = Config.of("quick", corpus="ravdess", input="log_mel")
    material = enroll_to_verify.data(config)
    ids = pd.Index(np.concatenate(material.pools(0)))
    codes, _ = pd.factorize(material.table.loc[ids, "asked"], sort=True)
    z = np.eye(8)[codes] + np.random.default_rng(0).normal(0, 0.6, (len(ids), 8))
    z = pd.DataFrame(z.astype(np.float32), ids)
    predictions = pd.DataFrame({"emotion": material.table.loc[ids, "asked"]})
    meta = {"study": "enroll_to_verify", "data": "stand-in"}
    return types.SimpleNamespace(
        key="k", config=vars(config), meta=meta, predictions=predictions, embeddings=lambda: z
    )


@pytest.fixture
def found(stored):
    return explore.enrol(stored)


def test_validation_speakers_are_enrolled_and_test_speakers_asked(stored):
    of, material = (
        trial.Trial.of(stored),
        enroll_to_verify.data(Config.of("quick", corpus="ravdess", input="log_mel")),
    )
    assert of.candidates.equals(material.whole[0].valid) and of.queries.equals(material.whole[0].test)
    assert of.against == "neutral" and set(of.unseen) == {"fear", "disgust", "surprise", "calm"}
    assert not set(of.unseen) & set(material.classes)
    drawn = of.draw("fear", 3, seed=1)
    assert {e: len(ids) for e, ids in drawn.items()} == {"neutral": 3, "fear": 3}
    assert all((material.table.loc[ids, "asked"] == e).all() for e, ids in drawn.items())
    assert all(of.draw("fear", 3, seed=1)[e].equals(ids) for e, ids in drawn.items())


def test_a_verification_is_its_distances_by_hand(stored):
    of = trial.Trial.of(stored)
    enrolled = of.draw("fear", 3, seed=1)
    frame, z = of.verify("fear", enrolled, margin=0.1), stored.embeddings()

    def away(query, emotion):
        mean, q = z.loc[enrolled[emotion]].mean(), z.loc[query]
        return 1 - (mean @ q) / (np.linalg.norm(mean) * np.linalg.norm(q))

    for name, row in frame.iterrows():
        nearer = away(name, "neutral") - away(name, "fear")
        assert row["nearer"] == pytest.approx(nearer, abs=1e-5)
        assert row["predicted"] == ("fear" if nearer > 0.1 else "neutral")
    assert set(frame.index) == set(of.queries[of.table.loc[of.queries, "asked"].isin(["neutral", "fear"])])
    recalls = [(frame["predicted"] == e)[frame["emotion"] == e].mean() for e in ("neutral", "fear")]
    assert trial.score(frame) == pytest.approx(50 * sum(recalls))


def test_without_a_margin_it_is_the_studys_rule_and_draws_are_its_draws(stored):
    of, config = trial.Trial.of(stored), Config(**stored.config)
    z = torch.tensor(stored.embeddings().to_numpy())
    enrolled, at = of.draw("disgust", 4, seed=5), stored.embeddings().index.get_indexer
    frame = of.verify("disgust", enrolled)
    rows = np.stack([at(enrolled[e]) for e in ("neutral", "disgust")])[None]
    said = enroll.verify(z, rows, z[at(frame.index)])[0]
    assert (frame["predicted"] == np.array(["neutral", "disgust"])[said]).all()
    many = of.by_chance("disgust", 4, 0.0, seed=0, draws=2000)
    material = enroll_to_verify.data(config)
    asked = verification.asked(
        config, material, stored.embeddings(), names=["disgust"], enrolled=4, draws=2000
    )
    assert len(many) == 2000 and many.mean() == pytest.approx(
        tables_enroll.draws(asked)["UAR"].mean(), abs=0.7
    )


def test_sliders_and_picks_verify_anew(found):
    assert found.number.value == min(10, found.trial.most("fear")) and "stand-in" in found.heading.value
    first = found.verified
    found.margin.value = 0.4
    assert (found.verified["predicted"] == "fear").sum() < (first["predicted"] == "fear").sum()
    assert found.figure.layout.shapes[0].x0 == 0.4
    found.margin.value = 0.0
    found.number.value = 2
    assert {e: len(ids) for e, ids in found.enrolled.items()} == {"neutral": 2, "fear": 2}
    before = found.enrolled
    found.again.click()
    assert any(not found.enrolled[e].equals(before[e]) for e in before)
    pick = found.trial.pool("fear")[[0]]
    found.lists[1].value = tuple(pick)
    pd.testing.assert_frame_equal(found.verified, found.trial.verify("fear", found.enrolled | {"fear": pick}))
    found.lists[1].value = ()
    assert "Pick an utterance" in found.heading.value
    found.emotion.value = "calm"
    assert set(found.verified["emotion"]) == {"neutral", "calm"} and "calm" in found.heading.value


def test_the_worst_query_comes_first_and_a_clicked_point_is_heard(found):
    wrong = found.verified["predicted"] != found.verified["emotion"]
    names = [value for _, value in found.picker.list.options]
    assert set(names) == set(wrong.index) and list(wrong[names]) == sorted(wrong, reverse=True)
    found.hear(found.figure.data[1].text[0])
    assert found.picker.chosen == found.picker.panel.shown == found.figure.data[1].text[0]
    assert "<audio" in found.picker.panel.player.value and "emotion: fear" in found.picker.panel.caption.value


def test_models_are_chosen_between(stored):
    other = types.SimpleNamespace(
        **{**vars(stored), "embeddings": lambda: -(stored.embeddings().iloc[:, ::-1] ** 2)}
    )
    found = explore.enrol({"relaxing": stored, "tightening": other})
    before = found.verified
    found.model.value = "tightening"
    assert not np.allclose(found.verified["nearer"], before["nearer"]) and found.enrolled


@pytest.fixture
def files(tmp_path):
    rows = {}
    for i in range(12):
        file = tmp_path / f"ö {i}.wav"
        soundfile.write(file, 0.3 * np.sin(np.arange(8000) * (0.05 if i % 2 else 0.4)), 16000)
        rows[f"mine/{i}"] = {
            "file": str(file), "start": 0.0, "end": 0.5, "corpus": "mine", "speaker": f"mine/{i // 4}", "emotion": ["neutral", "joy"][i % 2],
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("utterance")


def test_any_encoder_and_table_of_files(files, monkeypatch, tmp_path):
    monkeypatch.setattr(audio.paths, "CACHE", tmp_path / "cache")

    def encode(names):  # the highest frequency says it all
        return torch.tensor(np.array([np.abs(np.fft.rfft(audio.decode(n), 32))[:8] for n in names]))

    found = explore.enrol(encode, files, speakers=["mine/1"])
    assert set(files.loc[found.trial.candidates, "speaker"]) == {"mine/1"} and len(found.verified) == 8
    assert (
        found.verified["predicted"] == found.verified["emotion"]
    ).all() and "UAR 100.0 %" in found.heading.value
    with pytest.raises(ValueError, match="two speakers or more"):
        explore.enrol(encode, files[files["speaker"] == "mine/0"])
    with pytest.raises(ValueError, match="no 'calm'"):
        explore.enrol(encode, files, against="calm")
    with pytest.raises(ValueError, match="whole files"):
        explore.enrol(encode, files.assign(file=files["file"].iloc[0]))


def test_other_studies_runs_and_frozen_ones_are_refused(stored):
    other = types.SimpleNamespace(**{**vars(stored), "meta": {"study": "msac_sernet", "data": "stand-in"}})
    with pytest.raises(ValueError, match="enrols nothing"):
        trial.Trial.of(other)
    frozen = types.SimpleNamespace(**{**vars(stored), "embeddings": lambda: None})
    with pytest.raises(FileNotFoundError, match="no embeddings"):
        explore.enrol(frozen)
