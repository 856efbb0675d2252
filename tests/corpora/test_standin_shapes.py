"""Each stand-in has its corpus's shape: speakers, classes, published layout and splits, votes, rooms.

Label files are read here a second time, without the readers.
"""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sernb import corpora, paths, splits
from sernb.corpora import labels, standin, table

WOMEN_AND_MEN = {
    "emodb": (5, 5), "emovo": (3, 3), "ravdess": (12, 12), "casia": (2, 2), "tess": (2, 0), "savee": (0, 4),
    "crema_d": (12, 8), "epst": (0, 0), "iemocap": (5, 5), "msp_podcast": (12, 12), "meld": (3, 3),
}  # fmt: skip
OTHERS = {"epst": 7, "meld": 4}  # speakers whose gender is published nowhere
LANGUAGES = {"emodb": "deu", "emovo": "ita", "casia": "cmn"}  # all others speak English
CLASSES = {
    "emodb": 7, "emovo": 7, "ravdess": 8, "casia": 6, "tess": 7, "savee": 7, "crema_d": 6, "epst": 15, "iemocap": 8,
    "msp_podcast": 9, "meld": 7,
}  # fmt: skip
UTTERANCES = {
    "emodb": 280, "emovo": 168, "ravdess": 360, "casia": 144, "tess": 112, "savee": 128, "crema_d": 240, "epst": 210,
    "iemocap": 980, "msp_podcast": 392, "meld": 388,
}  # fmt: skip
FILES = {
    "emodb": r"wav/(03|08|09|1\d)[ab]\d\d[WLEAFTN][a-g]\.wav",
    "emovo": r"([fm][123])/(dis|gio|neu|pau|rab|sor|tri)-\1-[bln]\d\.wav",
    "ravdess": r"Actor_(\d\d)/03-01-0[1-8]-0[12]-0[12]-0[12]-\1\.wav",
    "casia": r"(liuchanhg|zhaoquanyin|wangzhe|ZhaoZuoxiang)/(angry|fear|happy|neutral|sad|surprise)/2\d\d\.wav",
    "tess": r"[OY]AF_[a-z]+_(angry|disgust|fear|happy|neutral|ps|sad)\.wav",
    "savee": r"AudioData/(DC|JE|JK|KL)/(a|d|f|h|n|sa|su)\d\d\.wav",
    "crema_d": r"AudioWAV/10\d\d_[A-Z]{3}_(ANG|DIS|FEA|HAP|NEU|SAD)_(XX|LO|MD|HI)\.wav",
    "epst": r"data/speech/(cc|cl|gg|jg|mf|mk|mm)_001\.sph",
    "iemocap": r"Session([1-5])/sentences/wav/(Ses0\1[FM]_(impro|script)\d\d(_\d)?)/\2_[FM]\d{3}\.wav",
    "msp_podcast": r"Audios/MSP-PODCAST_\d{4}_\d{4}\.wav",
    "meld": r"(train/train_splits|dev_splits_complete|output_repeated_splits_test)/dia\d+_utt\d+\.wav",
}
SOUND = {"tess": (24_414, 1), "savee": (44_100, 1), "epst": (22_050, 2)}  # all others 16 kHz mono
ACTED = ("emodb", "emovo", "ravdess", "casia", "tess", "savee", "crema_d", "epst")


def rows(name, *file):
    with open(standin.make(name).joinpath(*file), newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


@pytest.mark.parametrize("name", corpora.names())
def test_reads_whole_with_the_speakers_language_and_classes_of_the_corpus(name, stand_ins):
    t = stand_ins[name]
    assert t.attrs == {"left_out": [], "data": "stand-in"} and list(t.columns)[:11] == table.COLUMNS
    assert len(t) == UTTERANCES[name] and set(t["language"]) == {LANGUAGES.get(name, "eng")}
    people = t.dropna(subset="speaker").drop_duplicates("speaker")["gender"].value_counts(dropna=False)
    assert (people.get("female", 0), people.get("male", 0)) == WOMEN_AND_MEN[name]
    assert people.sum() - sum(WOMEN_AND_MEN[name]) == OTHERS.get(name, 0)
    assert t["emotion"].nunique() == CLASSES[name]
    if name in ACTED:
        assert (t.groupby("speaker")["emotion"].nunique() == CLASSES[name]).all()
    seconds = t["end"] - t["start"]
    assert seconds.between(0.8, 4.5).all() and 1.4 < seconds.mean() < 2.5


@pytest.mark.parametrize("name", corpora.names())
def test_lies_in_the_published_layout(name, stand_ins):
    root, t = standin.make(name), stand_ins[name]
    assert root.is_relative_to(paths.CACHE)
    strange = [f for f in t["file"] if not re.fullmatch(FILES[name], Path(f).relative_to(root).as_posix())]
    assert not strange
    info = soundfile.info(t["file"].iloc[0])
    assert (info.samplerate, info.channels) == SOUND.get(name, (16_000, 1)) and info.subtype == "PCM_16"
    assert info.format == ("NIST" if name == "epst" else "WAV")


@pytest.mark.parametrize("name", corpora.names())
def test_sadness_is_spoken_more_slowly_than_anger(name, stand_ins):
    """Texts are drawn whatever the emotion: only a label that is that of the speech gives this."""
    t = stand_ins[name]
    seconds = (t["end"] - t["start"]).groupby(t["emotion"]).mean()
    assert seconds["sadness"] > 1.1 * seconds["hot anger" if name == "epst" else "anger"]


def test_no_speaker_is_in_two_stand_ins(stand_ins):
    voices = [set(t["speaker"].dropna()) for t in stand_ins.values()]
    assert sum(map(len, voices)) == len(set.union(*voices))


def test_across_corpora_all_five_classes_are_everywhere_and_others_are_left(stand_ins):
    five = {"happiness", "anger", "sadness", "fear", "neutral"}
    for name in ("emodb", "emovo", "iemocap", "casia", "ravdess", "tess"):
        assert five < set(stand_ins[name]["emotion"].dropna())


def test_emodb_has_its_listening_test_and_its_most_frequent_class(stand_ins):
    t = stand_ins["emodb"]
    assert t["emotion"].value_counts().idxmax() == "anger" and t["agreement"].between(0.8, 1).all()


def test_crema_d_listeners_hear_neutral_too_often_and_sometimes_disagree(stand_ins):
    t = stand_ins["crema_d"]
    votes = {
        row["FileName"]: row["VoiceVote"] for row in rows("crema_d", "processedResults", "summaryTable.csv")
    }
    tied = {f"crema_d/{name}" for name, vote in votes.items() if ":" in vote}
    assert set(t.index[t["voice_vote"].isna()]) == tied and 5 <= len(tied) <= 40
    heard, acted = t["voice_vote"].drop(tied), t["emotion"].drop(tied)
    assert heard.eq("neutral").mean() > 2 * acted.eq("neutral").mean()
    assert heard[acted == "neutral"].eq("neutral").mean() > 0.8
    assert set(heard) == set(acted) == set(labels.CREMA_D.values())


def test_epst_transcripts_say_where_the_speech_is(stand_ins):
    for file, t in stand_ins["epst"].groupby("file"):
        x, rate = soundfile.read(file)
        inside = np.zeros(len(x), bool)
        for start, end in zip(t["start"], t["end"], strict=True):
            assert not inside[round(start * rate) : round(end * rate)].any()
            inside[round(start * rate) : round(end * rate)] = True
        power = (x**2).mean(axis=1)
        assert power[inside].mean() > 100 * power[~inside].mean()
        assert (~inside).mean() > 0.1


def test_iemocap_has_five_dyads_in_dialogue(stand_ins):
    t = stand_ins["iemocap"]
    assert sorted(t["session"].unique()) == list("12345")
    folds = splits.leave_one_dyad_out(t)
    assert len(folds) == 10 and not any(fold.shared_speakers for fold in folds)
    dialogue = t.index.str.rpartition("_").get_level_values(0)
    assert (t.groupby(dialogue)["gender"].nunique() == 2).all() and dialogue.nunique() == 5 * 8
    # The letter after the session is the dialogue's: both people speak in dialogues of either letter.
    letters = t.index.str.extract(r"Ses\d\d([FM])", expand=False).to_numpy()
    assert (t.groupby([t["speaker"], letters]).size() > 10).all()


def test_iemocap_annotators_chose_the_label_or_none(stand_ins):
    words = {"ang": "Anger", "hap": "Happiness", "exc": "Excited", "neu": "Neutral", "sad": "Sadness",
             "fru": "Frustration", "sur": "Surprise", "fea": "Fear"}  # fmt: skip
    turn = re.compile(r"^\[[\d.]+ - [\d.]+\]\t(\S+)\t(\S+)\t.*\n((?:C-.*\n)+)", re.MULTILINE)
    t, several, seen = stand_ins["iemocap"], 0, 0
    for file in sorted(standin.make("iemocap").glob("Session*/dialog/EmoEvaluation/*.txt")):
        for name, label, lines in turn.findall(file.read_text("utf-8")):
            chosen = [re.findall(r"(\w+);", line) for line in lines.splitlines() if line.startswith("C-E")]
            (first, most), *others = Counter(word[0] for word in chosen).most_common()
            alone = not others or most > others[0][1]
            assert len(chosen) == 3 and (first == words[label] if label != "xxx" else not alone)
            several, seen = several + any(len(word) > 1 for word in chosen), seen + 1
            row = t.loc[f"iemocap/{name}"]
            assert np.isnan(row["agreement"]) == (label == "xxx")
            # In improvised dialogues the actor judges, too.
            assert lines.count("\n") == (4 if "impro" in name else 3)
    assert seen == len(t) and several > 20
    assert set(t["agreement"].dropna().round(2)) == {0.5, 0.67, 0.75, 1.0}
    assert t[["valence", "activation", "dominance"]].stack().between(1, 5).all()
    feelings = t.groupby("emotion")[["valence", "activation"]].mean()
    assert feelings["valence"].idxmin() == "anger" and feelings["activation"].idxmin() == "sadness"


def test_iemocap_has_unseen_emotions_to_enrol(stand_ins):
    t = stand_ins["iemocap"]
    counts = t.groupby(["speaker", "emotion"]).size().unstack()
    assert (counts[["neutral", "frustration"]] >= 20).all(axis=None)
    assert (counts[["surprise", "fear"]] >= 1).all(axis=None)
    sure = t["agreement"].eq(1).where(t["agreement"].notna())
    groups = t[t["emotion"].isin(["neutral", "frustration"])].groupby(["speaker", "emotion", sure]).size()
    assert len(groups) == 10 * 2 * 2 and groups.min() >= 5


def test_msp_podcast_keeps_unknown_speakers_in_training(stand_ins):
    t = stand_ins["msp_podcast"]
    assert set(t["split"]) == {"Train", "Development", "Test1"}
    unknown = t["speaker"].isna()
    assert (
        unknown.sum() == 32
        and set(t.loc[unknown, "split"]) == {"Train"}
        and t.loc[unknown, "gender"].isna().all()
    )
    four = t[t["emotion"].isin(["anger", "happiness", "neutral", "sadness"])]
    [fold] = splits.published(four, "Train", "Development", "Test1")
    assert not fold.shared_speakers and len(fold.train) > len(fold.test) > len(fold.valid) >= 50
    for part in (fold.train, fold.valid, fold.test):
        assert four.loc[part, "emotion"].value_counts().min() >= 8
        assert four.loc[part].dropna(subset="gender").groupby("gender")["speaker"].nunique().nunique() == 1
    assert four["emotion"].value_counts().idxmax() == "neutral"


def test_msp_podcast_annotators_chose_the_label_or_none(stand_ins):
    words = {"A": "Angry", "S": "Sad", "H": "Happy", "U": "Surprise", "F": "Fear", "D": "Disgust", "C": "Contempt",
             "N": "Neutral", "O": "Other"}  # fmt: skip
    t, votes = stand_ins["msp_podcast"], defaultdict(list)
    for row in rows("msp_podcast", "Labels", "labels_detailed.csv"):
        votes[row["FileName"]].append(row["EmoClass_Major"])
    consensus = rows("msp_podcast", "Labels", "labels_consensus.csv")
    assert len(consensus) == len(votes) == len(t)
    for row in consensus:
        chosen, found = votes[row["FileName"]], t.loc[f"msp_podcast/{Path(row['FileName']).stem}"]
        (first, most), *others = Counter(chosen).most_common()
        assert 5 <= len(chosen) <= 7
        if row["EmoClass"] == "X":
            assert most == others[0][1] and found[["emotion", "agreement"]].isna().all()
        else:
            assert first == words[row["EmoClass"]] and found["agreement"] == pytest.approx(most / len(chosen))
    assert Counter(row["EmoClass"] for row in consensus)["X"] >= 3
    assert t[["valence", "activation", "dominance"]].stack().between(1, 7).all()


def test_meld_shares_its_cast_and_numbers_its_dialogues_anew(stand_ins):
    t = stand_ins["meld"]
    with pytest.raises(ValueError, match="is in train and valid"):
        splits.published(t)
    [fold] = splits.published(t, shared_speakers=True)
    assert len(fold.train) > len(fold.test) > len(fold.valid)
    for split, part in t.groupby("split"):
        assert set(part["emotion"].value_counts()[["fear", "disgust"]]) == {12}
        assert part["emotion"].value_counts().idxmax() == "neutral" and part["emotion"].nunique() == 7
        assert f"{split}/0" in set(part["session"]) and part["gender"].notna().mean() > 0.8
    for session, part in t.groupby("session"):
        turns = sorted(int(name.rpartition("utt")[2]) for name in part.index)
        assert turns == list(range(len(turns))), session
    assert (t.groupby("session")["speaker"].nunique() > 1).mean() > 0.9


def floor(file, start, end):
    """How far an utterance's softest 25 ms lie below its mean power, dB."""
    rate = soundfile.info(file).samplerate
    x, _ = soundfile.read(file, start=round(start * rate), stop=round(end * rate), always_2d=True)
    width = rate // 40
    power = (x[: len(x) // width * width, 0].reshape(-1, width) ** 2).mean(axis=1)
    return 10 * np.log10(power.min() / power.mean())


def test_rooms_and_noise_differ_by_corpus(stand_ins):
    heard = []
    for name in ("tess", "emodb", "iemocap", "meld"):  # from a sound booth to a set with an audience
        t = stand_ins[name].iloc[::5]
        heard.append(np.median([floor(*row) for row in t[["file", "start", "end"]].itertuples(index=False)]))
    assert (np.diff(heard) > 5).all()


def test_podcasts_come_through_channels_of_their_own(stand_ins):
    """The share of power above 5 kHz, dB: many a podcast's channel cuts it off, a studio does not."""
    least = {}
    for name in ("msp_podcast", "casia"):
        shares = []
        for file in stand_ins[name]["file"].iloc[::4]:
            x, rate = soundfile.read(file)
            power = np.abs(np.fft.rfft(x)) ** 2
            high = np.fft.rfftfreq(len(x), 1 / rate) > 5000
            shares.append(10 * np.log10(power[high].sum() / power.sum()))
        least[name] = np.quantile(shares, 0.1)
    assert least["msp_podcast"] < least["casia"] - 6
