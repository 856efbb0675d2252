"""No published label stays unmapped, and every mapping ends in the one vocabulary."""

import inspect

import pytest

from sernb import corpora
from sernb.corpora import documents, labels

MAPPINGS = {
    name: mapping
    for name, mapping in vars(labels).items()
    if isinstance(mapping, dict) and name not in ("CLASSES", "THREE") and not name.startswith("_")
}
#: Words for one emotion that a corpus spells in more than one way.
SPELLINGS = {"IEMOCAP_VOTES": {"neutral", "surprise"}}


@pytest.mark.parametrize("name", MAPPINGS)
def test_every_mapping_ends_in_the_vocabulary_or_a_corpus_s_own_words(name):
    emotions = [emotion for emotion in MAPPINGS[name].values() if emotion is not None]
    assert set(emotions) <= {*labels.VOCABULARY, *labels.OWN}
    assert {e for e in emotions if emotions.count(e) > 1} == SPELLINGS.get(name, set())


@pytest.mark.parametrize("name", ["four", "five"])
def test_a_study_s_classes_are_emotions_and_stay_what_they_are(name):
    classes = labels.CLASSES[name]
    assert set(classes) | set(classes.values()) <= {*labels.VOCABULARY, *labels.OWN}
    assert all(classes[to] == to for to in classes.values())


def test_three_classes_throw_nothing_away_but_what_the_table_says():
    everything = {*labels.VOCABULARY, *labels.OWN}
    three = labels.CLASSES["three"]
    assert everything - set(three) == {"surprise", "other"}
    assert everything - set(labels.CLASSES["three, surprise positive"]) == {"other"}
    assert set(three.values()) == {"positive", "negative", "neutral"}
    assert sum(map(len, labels.THREE.values())) == len(three)  # none in two classes


def test_own_words_are_no_second_names_of_the_vocabulary():
    assert not set(labels.OWN) & set(labels.VOCABULARY)
    assert set(labels.OWN) <= set(labels.EPST.values()) and len(labels.EPST) == 15


def test_every_reader_has_a_mapping_of_its_corpus_s_name():
    assert {name.upper() for name in corpora.names()} <= set(MAPPINGS)
    for name, read in corpora.READERS.items():
        assert f"labels.{name.upper()}" in inspect.getsource(inspect.getmodule(read))


def test_votes_are_counted_in_the_words_of_the_consensus():
    for name in ("IEMOCAP", "MSP_PODCAST", "CREMA_D"):
        assert set(MAPPINGS[name].values()) - {None} == set(MAPPINGS[f"{name}_VOTES"].values())


@pytest.mark.real_speech
def test_no_label_of_the_published_label_files_is_unmapped(real):
    """MELD's and CREMA-D's own files, whole."""
    found, speakers = {}, set()
    for split, count in (("train", 9989), ("dev", 1109), ("test", 2610)):
        rows = corpora.meld.annotations(real("meld"), split)
        assert len(rows) == count
        found[split] = {row["Emotion"] for row in rows.values()}
        speakers |= {row["Speaker"] for row in rows.values()}
    assert set.union(*found.values()) == set(labels.MELD)
    assert speakers > set(corpora.meld.GENDERS) and "Richard’s Date" in speakers
    root = real("crema_d")
    rows = documents.rows(root / "summaryTable.csv", {"FileName"})
    assert {row["FileName"].split("_")[2] for row in rows} == set(labels.CREMA_D) and len(rows) == 7442
    assert all(corpora.crema_d.NAME.fullmatch(row["FileName"]) for row in rows)
    votes, sexes = corpora.crema_d.voice_votes(root), corpora.crema_d.demographics(root)
    ties = sum(":" in row["VoiceVote"] for row in rows)
    assert set(votes.values()) == set(labels.CREMA_D_VOTES.values()) and len(votes) == 7442 - ties
    assert {row["FileName"][:4] for row in rows} == set(sexes) and len(sexes) == 91
    assert sorted(set(sexes.values())) == ["female", "male"]
