"""Paper 3's study on stand-ins: protocols joined, labels scrambled, what is augmented, how it is scored."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from sernb import corpora, grid, metrics, reported, tables_mismatch
from sernb.studies import control, domain_mismatch, mismatch_network, predicting, recognition
from sernb.studies.mismatch_config import PAPER, Config, training_set
from sernb.studies.mismatch_material import SWAPPED, protocol

SMALL = {
    "width": 0.0625,
    "embedding": 16,
    "epochs": 2,
    "crop": 0.5,
    "corpus": "emodb+savee",
    "unseen": "emovo",
}


def small(**overrides):
    return Config.of("quick", **{**SMALL, **overrides})


def test_paper_is_the_papers_hyper_parameters():
    paper = Config.of("paper")
    assert recognition.overrides(paper) == {} and paper == Config()
    assert (paper.batch_size, paper.learning_rate, paper.epochs, paper.optimiser) == (128, 1e-4, 30, "adam")
    assert (paper.sampling, paper.embedding, paper.width) == (32_000, 512, 1.0)
    assert training_set("D") == {"corpus": "msp_podcast+crema_d", "unseen": "iemocap"}
    assert training_set("E") == {"corpus": "+".join(PAPER), "unseen": ""}
    assert training_set("C", ["a", "b"]) == {"corpus": "a+b", "unseen": ""}


def test_each_corpus_keeps_its_own_protocol():
    config = Config.of("quick", **training_set("E"))
    material = domain_mismatch.data(config)
    table = material.table
    assert len(material.folds) == 10  # IEMOCAP's speakers
    assert material.classes == ["anger", "happiness", "neutral", "sadness"]
    assert not (table["published"] == "excitement").any()
    crema = table[table["corpus"] == "crema_d"]
    assert (crema["emotion"] == crema["voice_vote"]).all() and (crema["emotion"] != crema["published"]).any()
    for fold in material.folds:
        assert fold.shared_speakers  # CREMA-D at random
        for part, split in (("train", "Train"), ("valid", "Development"), ("test", "Test1")):
            msp = table.loc[getattr(fold, part)].query("corpus == 'msp_podcast'")
            assert set(msp["split"]) == {split}
        iemocap = [
            set(table.loc[getattr(fold, p)].query("corpus == 'iemocap'")["speaker"])
            for p in ("test", "valid")
        ]
        assert len(iemocap[0]) == len(iemocap[1]) == 1 and not iemocap[0] & iemocap[1]
    crema_parts = [
        table.loc[getattr(material.folds[0], p)].query("corpus == 'crema_d'")
        for p in ("train", "valid", "test")
    ]
    shares = np.array([len(p) for p in crema_parts]) / len(crema)
    np.testing.assert_allclose(shares, (0.7, 0.15, 0.15), atol=0.01)


def test_crema_d_can_be_divided_by_speakers_and_labelled_as_acted():
    table = corpora.load("crema_d", data="stand-in")
    (fold,) = protocol("crema_d", table, "speakers")
    assert not fold.shared_speakers
    heard, acted = (
        domain_mismatch.data(Config.of("quick", corpus="crema_d", unseen="", crema_d_labels=k)).table for k in ("heard", "acted")
    )  # fmt: skip
    assert (acted["emotion"] == acted["published"]).all() and len(heard) != len(acted)
    with pytest.raises(ValueError, match="'seen' is unknown; there are 'heard' and 'acted'"):
        domain_mismatch.data(Config.of("quick", crema_d_labels="seen"))
    with pytest.raises(ValueError, match="there are 'random' and 'speakers'"):
        protocol("crema_d", table, "utterances")


def test_scrambling_swaps_the_labels_of_one_corpus_everywhere():
    plain, swapped = (domain_mismatch.data(small(scrambled=of)) for of in ("", "emodb"))
    assert list(plain.table.index) == list(swapped.table.index) and plain.digest != swapped.digest
    of = plain.table["corpus"] == "emodb"
    assert (swapped.table.loc[of, "emotion"] == plain.table.loc[of, "emotion"].map(SWAPPED)).all()
    assert (swapped.table.loc[~of, "emotion"] == plain.table.loc[~of, "emotion"]).all()
    assert all(SWAPPED[SWAPPED[name]] == name != SWAPPED[name] for name in plain.classes)
    for wrong in ({"scrambled": "tess"}, {"unseen": "emodb"}):
        with pytest.raises(ValueError, match="scrambled|twice"):
            domain_mismatch.data(small(**wrong))


def test_a_training_its_evaluations_and_its_tables():
    config = small(augmented=0.5, epochs=3)
    found = grid.run(domain_mismatch, [config], progress=False)[0]
    material = domain_mismatch.data(config)
    fold = material.folds[0]
    test, unseen = (found.predictions[found.predictions["part"] == p] for p in ("test", "unseen"))
    assert list(test.index) == list(fold.test)
    emovo = material.table[material.table["corpus"] == "emovo"]
    assert set(unseen.index) == set(emovo.index)  # all its folds test it
    column = found.curves["tested emovo wF1"]
    assert column.isna().tolist() == [True, False, False]  # the last fifth, two epochs at least
    # the last evaluation is the final model's, the mean over the folds that test the corpus
    of_fold = emovo["tested"].reindex(unseen.index)
    expected = np.mean([metrics.wf1(f["emotion"], f["predicted"]) for _, f in unseen.groupby(of_fold)])
    assert column.iloc[-1] == pytest.approx(expected, abs=0.05)  # trained in bf16, predicted in fp32
    rows = tables_mismatch.scores([found], "emodb", {"wF1": 0.5}, draws=20).set_index("metric")
    assert rows.loc["wF1", "here"] == pytest.approx(found.curves["tested emodb wF1"].dropna().mean())
    assert rows.loc["wF1", "deviation"] == pytest.approx(found.curves["tested emodb wF1"].std(ddof=0))
    emodb = test[test["speaker"].str.startswith("emodb/")]
    assert rows.loc["uACC", "final model"] == pytest.approx(metrics.uar(emodb["emotion"], emodb["predicted"]))
    frame = tables_mismatch.relative(
        {("C", 0.5): [found], ("C", 1.0): []}, ["emodb", "emovo"], {"emodb": [found]}
    )
    assert frame.loc[0, "relative"] == 0 and frame["wF1"].isna().tolist() == [False, False, True, True]
    assert frame["in-domain"].tolist()[:2] == [True, False]
    asked = predicting.Predictor(predicting.find(str(found.path)))
    some = list(test.index[:3]) + list(
        unseen.index[:3]
    )  # a model of its own, which never met the other utterances
    answers = asked([material.packed.utterance(name) for name in some]).filter(like="p_")
    np.testing.assert_allclose(answers, found.predictions.loc[some, answers.columns], atol=2e-3)
    assert len(asked.usual(found)) == len(test)


def network(config):
    material = domain_mismatch.data(config)
    return mismatch_network.Network(config, material, material.table, material.folds[0], torch.device("cpu"))


def test_a_users_own_csv_is_trained_on_or_only_tested_on(tmp_path):
    """Its column `corpus` does not read as the path it is asked for by."""
    rows, files = {}, {}
    for name in ("emovo", "savee"):
        rows[name] = corpora.load(name, data="stand-in")
        files[name] = str(tmp_path / f"my_{name}.csv")
        rows[name].reset_index()[["utterance", "file", "speaker", "emotion", "corpus"]].to_csv(
            files[name], index=False
        )
    config = small(data="real", corpus=files["emovo"], unseen=files["savee"], epochs=1)
    material = domain_mismatch.data(config)
    four = {name: t.index[t["emotion"].isin(SWAPPED)] for name, t in rows.items()}
    assert set(material.unseen) == set(four["savee"])
    assert set(material.table.index) == {*four["savee"], *four["emovo"]}
    for fold in material.folds:
        assert not set(material.unseen) & {*fold.train, *fold.valid, *fold.test}
    found = domain_mismatch.run(config, progress=False).predictions
    unseen = found[found["part"] == "unseen"]
    assert set(unseen["speaker"].str.split("/").str[0]) == {"savee"} and len(unseen) == len(four["savee"])


def test_a_share_of_a_batch_is_augmented_and_hidden_in_part():
    plain, half = network(small()), network(small(augmented=0.5))
    rows = plain.rows["train"][:16]
    draws = [torch.Generator().manual_seed(0) for _ in range(2)]
    x, frames, hidden = plain.features(rows, draws[0])
    y, _, masks = half.features(rows, draws[1])
    changed = [
        not torch.equal(a[:, :n], b[:, :n]) for a, b, n in zip(x, y[:, :, : x.shape[2]], frames, strict=True)
    ]
    assert sum(changed) == 8 and hidden is None
    assert not masks[~torch.tensor(changed)].any() and masks[torch.tensor(changed)].any()


def test_upsampling_reaches_the_32_khz_front_end():
    deep = network(small(sampling=32_000))
    x, frames, _ = deep.features(deep.rows["train"][:4], torch.Generator().manual_seed(0))
    shallow = network(small()).features(deep.rows["train"][:4], torch.Generator().manual_seed(0))
    assert torch.equal(frames, shallow[1])  # a hop of 10 ms in both
    # one band below and one above what 16 kHz audio can hold
    inside = x[0, 20, : frames[0]].mean()
    assert x[0, -1, : frames[0]].mean() < inside - 30


def test_a_checkpoint_enters_the_key_by_content_and_the_result_by_name(tmp_path):
    keys = []
    for folder, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "Cnn14.pth"
        file.write_bytes(content)
        config = small(weights=str(file))
        keys.append(domain_mismatch.key(config))
        assert (
            recognition.overrides(config)["weights"]
            == recognition.as_stored(config)["weights"]
            == "Cnn14.pth"
        )
    assert keys[0] == keys[1] != keys[2]


def test_the_adversarial_head_hides_the_corpus_and_is_not_counted():
    config = small(adversarial=0.3, epochs=1)
    found = grid.run(domain_mismatch, [config], progress=False)[0]
    assert "attributes.heads.corpus.linear.weight" in found.state()
    plain = grid.run(domain_mismatch, [dataclasses.replace(config, adversarial=0.0)], progress=False)[0]
    assert found.metrics["parameters"] == plain.metrics["parameters"]
    probed = grid.run(control, [control.Config(config)], progress=False)[0]
    assert 0 <= probed.metrics["read_corpus"] <= 1 and probed.metrics["chance_corpus"] == 0.5


def test_the_printed_figures_are_read_by_set_rate_and_corpus():
    two, three = (tables_mismatch.printed(reported.figure("domain_mismatch", n)) for n in (2, 3))
    for frame, sets in ((two, "ABCDE"), (three, "ABC")):
        assert not frame.isna().any(axis=None) and set(frame["set"]) == set(sets)
        assert len(frame) == len(sets) * 3 * 5 and set(frame["corpus"]) == set(PAPER)
    at = two.set_index(["set", "corpus", "rate"])["relative"]
    assert at["B", "crema_d", 1.0] == -0.28 and at["A", "iemocap", 0.0] == -0.27
    paper = reported.table("domain_mismatch", 1)
    assert tables_mismatch.baseline(paper, "iemocap", tuned=True)["wF1"] == 0.68
    assert tables_mismatch.baseline(paper, "msp_podcast", rate=0.7)["wF1"] == 0.58


def test_the_gain_of_augmentation_is_the_highest_rate_less_none():
    rows = [("B", r, "crema_d", False, w) for r, w in ((0.0, 0.4), (0.5, 0.5), (1.0, 0.47))]
    rows += [("B", 1.0, "iemocap", True, 0.6)]
    frame = pd.DataFrame(rows, columns=["set", "rate", "corpus", "in-domain", "wF1"])
    found = tables_mismatch.gain(frame).set_index("corpus")["gain"]
    assert found["crema_d"] == pytest.approx(0.07) and np.isnan(found["iemocap"])
