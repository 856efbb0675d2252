"""Damaged label files: refused by name or read right, never mislabelled."""

import random
import warnings

import pytest
from damage import NAMED, SECONDS, mutated, tone

from sernb import corpora
from sernb.corpora import documents, table

VIEWS = {
    "msp_podcast": (
        "Labels/labels_consensus.csv",
        "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
        "MSP-PODCAST_0001_0008.wav,N,4.2,3.8,4.0,1,Male,Train\nMSP-PODCAST_0002_0033.wav,H,4.2,3.8,4.0,2,Female,Train\n"
        "MSP-PODCAST_0003_0040.wav,A,4.2,3.8,4.0,Unknown,Unknown,Test1\n",
        {"Audios/MSP-PODCAST_0001_0008.wav": "neutral", "Audios/MSP-PODCAST_0002_0033.wav": "happiness",
         "Audios/MSP-PODCAST_0003_0040.wav": "anger"},
    ),
    "meld": (
        "train_sent_emo.csv",
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
        '1,"Schöne, neue “Welt”",Chandler,neutral,neutral,0,0\n2,Ja,Ross,surprise,neutral,0,1\n3,Nein,Joey,joy,neutral,1,0\n',
        {"train/dia0_utt0.wav": "neutral", "train/dia0_utt1.wav": "surprise", "train/dia1_utt0.wav": "happiness"},
    ),
    "iemocap": (
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
        "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
        "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\nC-E2:\tNeutral;\t()\n\n"
        "[10.0100 - 11.3925]\tSes01F_impro01_M000\tfru\t[2.5000, 2.5000, 2.5000]\nC-E2:\tFrustration; Anger;\t()\n",
        {"Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav": "neutral",
         "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav": "frustration"},
    ),
    "epst": (
        "cc_001.txt",
        "0.00 0.05 A: [noise]\n0.05 0.10 A: happy, two thousand one\n0.10 0.20 A: hot anger, May second\n",
        {"cc_001.wav": None},
    ),
    "emodb": (
        "erkennung.txt",
        "Nr.\tSatz\terkannt\tnatürlich\n3\t03a01Fa.wav\t92,50\t75,00\n4\t03a01Wa.wav\t90,00\t75,00\n",
        {"wav/03a01Fa.wav": "happiness", "wav/03a01Wa.wav": "anger"},
    ),
    "crema_d": (
        "summaryTable.csv",
        '"","FileName","VoiceVote","VoiceLevel"\n"1","1001_IEO_NEU_XX","N","50"\n"2","1001_IEO_HAP_LO","H:N","50"\n',
        {"AudioWAV/1001_IEO_NEU_XX.wav": "neutral", "AudioWAV/1001_IEO_HAP_LO.wav": "happiness"},
    ),
}  # fmt: skip
EPST = {"epst/cc_001@0.05": "happiness", "epst/cc_001@0.10": "hot anger"}


@pytest.fixture(params=VIEWS)
def labelled(request, tmp_path, monkeypatch):
    """Name, root, label file, its text, and the true emotion of every utterance, of a small corpus."""
    name, (file, text, truth) = request.param, VIEWS[request.param]
    for recording in truth:
        tone(tmp_path / recording)
    monkeypatch.setattr(table, "inspect", lambda file: (SECONDS, None))
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text, encoding="utf-8")
    whole = corpora.load(name, tmp_path)
    expected = (
        EPST if name == "epst" else {i: truth[f[len(str(tmp_path)) + 1 :]] for i, f in whole["file"].items()}
    )
    assert whole["emotion"].to_dict() == expected
    return name, tmp_path, tmp_path / file, text, expected


def read(name, root):
    """The table or None; a reader raises nothing else than what names the corpus's folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return corpora.load(name, root)
        except NAMED as error:
            assert str(root) in str(error), f"{error!r} does not name a file"
            return None


def test_60_damaged_label_files_of_each_corpus(labelled):
    name, root, file, text, _ = labelled
    draw = random.Random(name)
    for _ in range(60):
        file.write_bytes(mutated(text.encode(), draw))
        found = read(name, root)
        if found is not None:
            table.check(found)


def test_lines_lost_doubled_or_disordered_mislabel_nothing(labelled):
    """Reordered blocks, of whole turns in IEMOCAP's case: what is found has its own label."""
    name, root, file, text, truth = labelled
    draw, cut = random.Random(name), "\n[" if name == "iemocap" else "\n"
    head, *lines = text.rstrip("\n").split(cut)
    for _ in range(40):
        kept = draw.choices(lines, k=draw.randint(1, 2 * len(lines)))
        file.write_text(cut.join([head, *kept]) + "\n", encoding="utf-8")
        found = read(name, root)
        for utterance, emotion in ({} if found is None else found["emotion"].to_dict()).items():
            assert truth[utterance] == emotion


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "cr", "crlf"]
)
def test_whatever_the_encoding_nothing_is_mislabelled(labelled, encoding):
    name, root, file, text, truth = labelled
    lines = {"cr": "\r", "crlf": "\r\n"}.get(encoding, "\n")
    file.write_bytes(
        text.replace("\n", lines).encode({"cr": "utf-8", "crlf": "utf-8"}.get(encoding, encoding), "replace")
    )
    found = read(name, root)
    if found is None:
        assert encoding in ("utf-16-be", "utf-32", "cr", "utf-16")
    else:
        assert found["emotion"].to_dict() == truth


DIFFERENT = {
    "msp_podcast": (",N,", ",S,"), "meld": ("neutral,neutral", "anger,neutral"), "iemocap": ("neu\t", "ang\t"),
    "crema_d": ('"N"', '"S"'),
}  # fmt: skip


@pytest.mark.parametrize("labelled", DIFFERENT, indirect=True)
def test_a_second_row_that_differs_is_refused(labelled):
    name, root, file, text, _ = labelled
    block = text[text.index("[6") : text.index("[10")] if name == "iemocap" else text.splitlines()[1] + "\n"
    file.write_text(text + block.replace(*DIFFERENT[name]), encoding="utf-8")
    with pytest.raises(ValueError, match="comes twice and differs|but neu before"):
        corpora.load(name, root)


def test_text_in_utf_16_is_read_where_it_says_so(tmp_path):
    (tmp_path / "a.csv").write_text("A,B\n1,ü\n", encoding="utf-16")
    assert documents.rows(tmp_path / "a.csv", {"A"}) == [{"A": "1", "B": "ü"}]
    (tmp_path / "a.csv").write_text("A,B\n1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.csv, line 2: has no B; is the file cut off\?"):
        documents.rows(tmp_path / "a.csv", {"A", "B"})


# A user's table
