"""The catalogue: its numbers against the published files, and a download that deviates in every way."""

import csv
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile

from sernb import cli, corpora, decoding, paths
from sernb.corpora import catalogue, checking, labels, listing, published

CATALOGUE = catalogue.CATALOGUE


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty folder of corpora."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    paths.DATA.mkdir()
    return paths.DATA


def tone(file, scale=0.1):
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, scale * np.sin(np.arange(160)), 8000)


@pytest.fixture
def savee(data):
    """SAVEE whole, in tones of 20 ms: 15 sentences of each emotion and speaker, 30 neutral ones."""
    for speaker in ("DC", "JE", "JK", "KL"):
        for code in ("a", "d", "f", "h", "n", "sa", "su"):
            for i in range(1, 31 if code == "n" else 16):
                tone(data / "savee" / speaker / f"{code}{i:02d}.wav")
    return data / "savee"


def command(*arguments):
    return cli.main(["corpora", *arguments])


class TestNumbers:
    def test_every_corpus_once_with_all_that_a_reader_looks_for(self):
        assert list(CATALOGUE) == corpora.names()
        assert {number for c in CATALOGUE.values() for number in c.needed} == {1, 2, 3, 4, 5}
        for corpus in CATALOGUE.values():
            assert corpus.needed and set(corpus.needed) <= set(catalogue.STUDIES)
            assert (
                corpus.title and corpus.licence and corpus.obtain and corpus.language in catalogue.LANGUAGES
            )
            assert set(corpus.facts) <= set(published.QUANTITIES) and all(corpus.sources)

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_the_classes_are_the_readers(self, name):
        assert set(CATALOGUE[name].classes) == set(getattr(labels, name.upper()).values()) - {None}

    @pytest.mark.parametrize(
        "name", ["emodb", "emovo", "ravdess", "casia", "tess", "savee", "crema_d", "meld"]
    )
    def test_every_breakdown_sums_to_the_utterances_and_the_speakers(self, name):
        corpus = CATALOGUE[name]
        for counts in corpus.counts:
            assert sum(counts.numbers.values()) == corpus.facts["utterances"].value
            if counts.by == ("speaker",):
                assert len(counts.numbers) == corpus.facts["speakers"].value

    def test_breakdowns_by_hand(self):
        """Counts that the publications give in other words."""
        assert set(CATALOGUE["emovo"].classes.values()) == {84}
        assert CATALOGUE["ravdess"].classes == dict.fromkeys(labels.RAVDESS.values(), 192) | {"neutral": 96}
        assert set(CATALOGUE["tess"].classes.values()) == {400}
        assert set(CATALOGUE["casia"].classes.values()) == {200}
        assert CATALOGUE["savee"].classes == dict.fromkeys(labels.SAVEE.values(), 60) | {"neutral": 120}
        assert CATALOGUE["crema_d"].classes == dict.fromkeys(labels.CREMA_D.values(), 1271) | {
            "neutral": 1087
        }
        by_emotion, by_session = CATALOGUE["iemocap"].counts
        four = [number for (emotion,), number in by_emotion.numbers.items() if emotion in by_session.of]
        assert sum(four) == sum(by_session.numbers.values()) == 5531


@pytest.mark.real_speech
class TestRecordings:
    @pytest.mark.parametrize("name", ["emodb", "emovo", "ravdess"])
    def test_agree(self, name, real, capsys):
        real(name)
        assert checking.check(name) == ([], [])
        assert command("check", name) == 0
        assert f"{name} in {paths.DATA / name} agrees with what is published." in capsys.readouterr().out

    def test_melds_label_files_agree(self, real):
        counts = Counter()
        for split in ("train", "dev", "test"):
            with open(real("meld") / f"{split}_sent_emo.csv", encoding="utf-8", errors="replace") as f:
                counts.update((split, labels.MELD[row["Emotion"]]) for row in csv.DictReader(f))
        assert CATALOGUE["meld"].counts[1].numbers == counts

    def test_crema_ds_label_files_agree(self, real):
        with open(real("crema_d") / "SentenceFilenames.csv") as f:
            names = [row["Filename"].split("_") for row in csv.DictReader(f)]
        counts = Counter((f"crema_d/{actor}", labels.CREMA_D[code]) for actor, _, code, _ in names)
        assert CATALOGUE["crema_d"].counts[2].numbers == counts

    @pytest.mark.parametrize("name", ["meld", "crema_d"])
    def test_labels_without_audio_are_no_corpus_and_no_crash(self, name, real, capsys):
        real(name)
        assert command() == 0
        assert f"labels only, no audio, in {paths.DATA / name}" in capsys.readouterr().out
        assert command("check", name) == 1
        assert "no audio, label files only: " in capsys.readouterr().out


class TestListing:
    def test_says_where_what_and_how_without_decoding(self, savee, data, monkeypatch, capsys):
        (data / "meld").mkdir()
        (data / "meld" / "Dev_sent_emo.csv").write_text("")
        (data / "epst").mkdir()

        def decode(file):
            pytest.fail(f"the listing decodes {file}")

        monkeypatch.setattr(decoding, "sound", decode)
        assert command() == 0
        blocks = capsys.readouterr().out.split("\n\n")
        assert blocks[0] == f"1 of 11 corpora have audio below {data} (SERNB_DATA)."
        said = {block.split(":")[0]: " ".join(block.split()) for block in blocks[1:]}
        assert list(said) == corpora.names()
        assert f"480 audio files in {savee}" in said["savee"]
        assert f"labels only, no audio, in {data / 'meld'}: Dev_sent_emo.csv" in said["meld"]
        assert f"no audio in {data / 'epst'}" in said["epst"]
        assert f"no: there is no {data / 'iemocap'}" in said["iemocap"]
        for name, corpus in CATALOGUE.items():
            for part in (corpus.licence, corpus.obtain, *corpus.needed.values()):
                assert part in said[name]

    def test_what_no_source_gives_is_said_to_be_unknown(self):
        assert listing.published(CATALOGUE["epst"]) == (
            "English, 15 recordings, utterances unknown, hours unknown, speakers unknown"
        )
        assert listing.classes(CATALOGUE["msp_podcast"]).endswith("how many of each is unknown")
        assert listing.classes(CATALOGUE["iemocap"]).endswith("disgust 2, other (number unknown)")


class TestCheck:
    def test_a_whole_download_agrees(self, savee, capsys, recwarn):
        assert command("check", "savee") == 0
        out = capsys.readouterr().out
        assert out.startswith(f"savee in {savee} agrees with what is published.\n")
        assert "number unknown, so not checked: hours" in out
        assert not recwarn.list

    def test_every_deviation_is_named(self, savee, capsys, recwarn):
        (savee / "DC" / "f01.wav").unlink()
        (savee / "DC" / "sa15.wav").rename(savee / "DC" / "a16.wav")
        tone(savee / "JE" / "n30.wav", scale=0)
        tone(savee / "JE" / "notes.wav")
        for file in (savee / "KL").iterdir():
            file.unlink()
        assert command("check", "savee") == 1
        first, *lines = capsys.readouterr().out.splitlines()
        assert first == f"savee in {savee} deviates from what is published in 18 points:"
        assert [line.strip() for line in lines[:18]] == [
            "utterances: found 358, expected 480: 122 missing",
            "speakers: found 3, expected 4: 1 missing",
            "anger: found 46, expected 60: 14 missing",
            "disgust: found 45, expected 60: 15 missing",
            "fear: found 44, expected 60: 16 missing",
            "happiness: found 45, expected 60: 15 missing",
            "neutral: found 89, expected 120: 31 missing",
            "sadness: found 44, expected 60: 16 missing",
            "surprise: found 45, expected 60: 15 missing",
            "savee/DC: found 119, expected 120: 1 missing",
            "savee/JE: found 119, expected 120: 1 missing",
            "savee/KL: found 0, expected 120: 120 missing",  # and no line for each of KL's emotions
            "savee/DC, anger: found 16, expected 15: 1 more",
            "savee/DC, fear: found 14, expected 15: 1 missing",
            "savee/DC, sadness: found 14, expected 15: 1 missing",
            "savee/JE, neutral: found 29, expected 30: 1 missing",
            "left out: JE/n30.wav: silent",
            "left out: JE/notes.wav: its name is not speaker, emotion, sentence as in AudioData/DC/a01",
        ]
        assert not recwarn.list  # said once, by the command

    def test_misuse(self, data, capsys):
        assert command("check", "saveee") == 2
        assert "corpus 'saveee' is unknown; there are emodb, emovo" in capsys.readouterr().err
        assert command("check", "savee") == 2
        assert f"{data / 'savee'} is no folder" in (err := capsys.readouterr().err)
        assert CATALOGUE["savee"].obtain in err and "SERNB_DATA" in err
        tone(data / "savee" / "speech.wav")
        assert command("check", "savee") == 2
        assert "expected audio such as AudioData/DC/a01.wav" in capsys.readouterr().err
        with pytest.raises(SystemExit) as stopped:
            command("check")
        assert stopped.value.code == 2

    def test_an_empty_folder_deviates(self, data, capsys):
        (data / "savee").mkdir()
        assert command("check", "savee") == 1
        assert "no audio, not one file of it" in capsys.readouterr().out


class TestCompare:
    """Rules that no small download shows."""

    CORPUS = published.Corpus(
        "A corpus", "eng", "free", "download", {1: "training"},
        facts={"utterances": published.Fact(4, "a book"), "hours": published.Fact(0.01, "a book", within=0.002)},
        counts=(
            published.by_emotion({"anger": 2, "fear": 2, "other": None}, "a book"),
            published.Counts(("split",), {("train",): 3}, "a letter", of=("anger", "fear")),
        ),
        flaws=(published.Flaw(r"train[^/]*/one\.\w+", {"emotion": "fear", "split": "train"}, "a rumour"),),
    )  # fmt: skip

    def table(self, emotions, splits, left_out=(), seconds=10.0):
        t = pd.DataFrame({"emotion": emotions, "split": splits, "speaker": np.nan, "gender": np.nan})
        t = t.assign(file=[str(i) for i in range(len(t))], start=0.0, end=seconds)
        t.attrs["left_out"] = list(left_out)
        return t

    def compare(self, *arguments, **named):
        return checking.compare(self.CORPUS, self.table(*arguments, **named), root="/nowhere")

    def test_a_flaw_of_the_publication_is_a_remark_and_lowers_the_counts(self):
        emotions, splits = ["anger", "anger", "other"], ["train", "train", "test"]
        deviations, remarks = self.compare(emotions, splits)
        assert deviations == [
            "utterances: found 3, expected 4: 1 missing",
            "fear: found 0, expected 2: 2 missing",
            "split train, anger + fear: found 2, expected 3: 1 missing",
        ]
        assert remarks == ["number unknown, so not checked: speakers, how often other"]
        flaw = ("/nowhere/TRAIN_splits/one.mp4", "cannot be decoded")
        deviations, remarks = self.compare(emotions, splits, [flaw])
        assert deviations == ["fear: found 0, expected 1: 1 missing"]
        assert remarks[0] == "left out as it must be: TRAIN_splits/one.mp4: cannot be decoded (a rumour)"
        deviations, _ = self.compare(emotions, splits, [("/nowhere/dev/one.mp4", "empty")])
        assert "left out: dev/one.mp4: empty" in deviations

    def test_a_class_without_a_published_number_must_be_there_and_no_other_class_may(self):
        deviations, _ = self.compare(["anger", "anger", "fear", "pride"], ["train"] * 3 + ["dev"])
        assert deviations == [
            "fear: found 1, expected 2: 1 missing",
            "other: found none, expected some",
            "pride: found 1, expected 0: 1 more",
        ]

    @pytest.mark.parametrize("seconds, off", [(7.3, False), (10.7, False), (7.1, True), (10.9, True)])
    def test_hours_may_be_off_by_what_the_source_rounds(self, seconds, off):
        deviations, _ = self.compare(["anger"] * 2 + ["fear"] * 2, ["train"] * 4, seconds=seconds)
        assert any(line.startswith("hours: found 0.0") for line in deviations) == off
