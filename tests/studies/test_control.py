"""What is read off a trained model's embedding: of whom, beside which chance."""

import pytest

from sernb import grid, metrics
from sernb.studies import attributes_in_the_wild, control, msac_sernet
from sernb.studies.msac_config import Config


def test_attributes_are_read_off_the_stored_models_embedding():
    trained = Config.of("quick", corpus="emodb+emovo", classes="five", epochs=1)
    found = grid.run(control, [control.Config(trained)], progress=False)[0]
    table, frame = msac_sernet.data(trained).known, found.predictions
    # language and corpus are one here: asked once, as the corpus
    assert set(frame["attribute"]) == {"speaker", "gender", "corpus"}
    for name in ("gender", "corpus"):
        rows = frame[frame["attribute"] == name]
        assert set(rows.index) == set(table.index)
        assert (rows["emotion"] == table.loc[rows.index, name]).all()
        assert found.metrics[f"read_{name}"] == pytest.approx(metrics.uar(rows["emotion"], rows["predicted"]))
        assert found.metrics[f"chance_{name}"] == 0.5
    speakers = frame.loc[frame["attribute"] == "speaker", "emotion"]
    assert found.metrics["chance_speaker"] == pytest.approx(1 / speakers.nunique())
    assert found.metrics["read_speaker"] > found.metrics["chance_speaker"]  # nothing was reversed
    assert found.metrics["read_corpus"] > 0.6
    assert control.read([found, found])["gender"] == pytest.approx(100 * found.metrics["read_gender"])
    assert control.read([found], "chance")["gender"] == 50
    assert control.key(control.Config(trained, seed=1)) != found.key


def test_a_model_of_paper_4_is_asked_the_same_way():
    trained = attributes_in_the_wild.Config.of(
        "quick", corpus="emodb+emovo", unseen="", epochs=1, approach="MTL", attributes="corpus"
    )
    found = grid.run(control, [control.Config(trained)], progress=False)[0]
    table = attributes_in_the_wild.data(trained).known
    frame = found.predictions.query("attribute == 'corpus'")
    assert set(frame.index) == set(table.index) and found.config["of"] == "attributes_in_the_wild"
    assert found.metrics["read_corpus"] == pytest.approx(metrics.uar(frame["emotion"], frame["predicted"]))
    assert found.embeddings().shape == (len(table), trained.embedding)
