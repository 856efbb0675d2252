"""Paper 4's study on stand-ins: three approaches, parts, and that a killed adversarial run goes on as it was."""

import dataclasses

import numpy as np
import pytest
import torch

from sernb import grid, training
from sernb.studies import attributes_in_the_wild as wild
from sernb.studies import recognition
from sernb.studies.attributes_in_the_wild import Config


def test_paper_is_the_papers_hyper_parameters():
    paper = Config.of("paper")
    assert recognition.overrides(paper) == {} and paper == Config()
    assert (paper.epochs, paper.learning_rate, paper.optimiser, paper.dropout) == (150, 0.002, "sgd", 0.5)
    assert (paper.frequency_mask, paper.time_mask, paper.normalisation) == (3, 30, "utterance")
    assert len(wild.SETS) == 15 == len(set(wild.SETS)) and wild.SETS[-1] == "corpus+gender+speaker+language"


@pytest.mark.parametrize(
    ("approach", "names"), [("baseline", ""), ("MTL", "gender+speaker"), ("GR", "corpus"), ("AD", "gender")]
)
def test_every_approach_trains_and_predicts_both_parts(approach, names):
    config = Config.of("quick", approach=approach, attributes=names, epochs=1, corpus="emovo+emodb")
    found = grid.run(wild, [config], progress=False)[0]
    material = wild.data(config)
    fold = material.folds[0]
    test, unseen = (found.predictions[found.predictions["part"] == p] for p in ("test", "unseen"))
    assert list(test.index) == list(fold.test) and set(unseen["speaker"].str.split("/").str[0]) == {"tess"}
    assert found.meta["classes"] == ["negative", "neutral", "positive"]
    assert found.metrics["unseen_tess_uar"] == pytest.approx(found.metrics["unseen_uar"])
    assert np.isfinite(found.curves["train_loss"]).all()
    assert ("valid_adversary_gender" in found.curves) == (approach == "AD")


def test_the_parameters_reported_are_the_shared_ones():
    config = Config.of("quick", approach="AD", attributes="gender", corpus="emovo+emodb", width=1.0)
    material = wild.data(config)
    network = wild.Adversarial(config, material, material.table, material.folds[0], torch.device("cpu"))
    own = sum(p.numel() for p in network.model.parameters()) - sum(
        p.numel() for p in network.model.attributes.parameters()
    )
    assert abs(own - 1.8e6) < 0.1e6
    assert not any(p.requires_grad for p in network.model.attributes.parameters())


def test_an_adversarial_run_cut_off_goes_on_with_its_discriminators(tmp_path):
    config = Config.of("quick", approach="AD", attributes="gender", corpus="emovo+emodb", epochs=3)
    material, on = wild.data(config), torch.device("cpu")

    def make():
        return wild.Adversarial(config, material, material.table, material.folds[0], on)

    whole = make().fit(progress=False)
    cut = make()
    validate, calls = cut.validate, []

    def stop():
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(1)
        return validate()

    cut.validate = stop
    plan = dict.fromkeys(["checkpoint_every"], 0.0)
    original = training.FitConfig
    training.FitConfig = lambda *a, **k: original(*a, **k, **plan)
    try:
        with pytest.raises(KeyboardInterrupt):
            cut.fit(progress=False, checkpoint=tmp_path / "c.pt")
    finally:
        training.FitConfig = original
    again = make().fit(progress=False, checkpoint=tmp_path / "c.pt")
    np.testing.assert_array_equal(again["test"], whole["test"])
    for name, values in whole["state"].items():
        np.testing.assert_array_equal(values, again["state"][name], err_msg=name)


def test_what_cannot_be_asked_is_refused():
    base = Config.of("quick")
    for change in (
        {"approach": "MTL"},
        {"attributes": "gender"},
        {"approach": "X", "attributes": "gender"},
        {"approach": "MTL", "attributes": "age"},
        {"approach": "MTL", "attributes": "gender+gender"},
    ):
        with pytest.raises(ValueError, match="expected"):
            wild.run(dataclasses.replace(base, **change), progress=False)
