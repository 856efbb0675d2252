"""The eleven corpora as published: what each holds, its licence, where to get it, what the five papers do with it.

The one place of published numbers, each with its source; a number without a source at hand is absent, never guessed.
"""

from . import casia, labels, savee, table
from .published import Corpus, Counts, Fact, Flaw, by_emotion, crossed

#: By the number of the paper's folder below notebooks/.
STUDIES = {
    1: "MSAC-SERNet", 2: "GMP-ATL", 3: "domain mismatch", 4: "attributes in the wild", 5: "enroll-to-verify",
}  # fmt: skip
LANGUAGES = {"cmn": "Mandarin", "deu": "German", "eng": "English", "ita": "Italian"}


def _same(emotions, n):
    return dict.fromkeys(emotions.values(), n)


#: The four classes of most papers, happiness with excitement.
FOUR = ("anger", "happiness", "excitement", "neutral", "sadness")

_FILES = "names of the published files"
_LENGTHS = "length of the published files"
_CREMA_D = "its label file SentenceFilenames.csv"
_CREMA_D_FEWER = {
    **{(f"crema_d/{actor}", emotion): 13 for actor in (1008, 1009, 1019) for emotion in labels.CREMA_D.values()},
    **{(f"crema_d/{actor}", "neutral"): 11 for actor in (1002, 1008, 1009, 1019, 1076)},
}  # fmt: skip
_MELD = "its label files {train,dev,test}_sent_emo.csv, and Table 2 of paper 5"
_MELD_COUNTS = {
    "train": {"anger": 1109, "disgust": 271, "fear": 268, "happiness": 1743, "neutral": 4710, "sadness": 683, "surprise": 1205},
    "dev": {"anger": 153, "disgust": 22, "fear": 40, "happiness": 163, "neutral": 470, "sadness": 111, "surprise": 150},
    "test": {"anger": 345, "disgust": 68, "fear": 50, "happiness": 402, "neutral": 1256, "sadness": 208, "surprise": 281},
}  # fmt: skip

CATALOGUE = {
    "emodb": Corpus(
        title="EMO-DB, the Berlin database of emotional speech (Burkhardt et al. 2005)",
        language="deu",
        licence="free",
        obtain="download: http://emodb.bilderbar.info/download/",
        needed={
            1: "seven classes, ten folds by speaker; cross-corpus, five classes",
            4: "training",
        },
        facts={
            "utterances": Fact(535, _FILES), "speakers": Fact(10, _FILES), "women": Fact(5, _FILES),
            "hours": Fact(0.413, _LENGTHS, within=0.005),
        },
        counts=(
            by_emotion({"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "sadness": 62,
                        "neutral": 79}, _FILES),
            Counts(("speaker",), {
                ("emodb/03",): 49, ("emodb/08",): 58, ("emodb/09",): 43, ("emodb/10",): 38, ("emodb/11",): 55,
                ("emodb/12",): 35, ("emodb/13",): 61, ("emodb/14",): 69, ("emodb/15",): 56, ("emodb/16",): 71,
            }, _FILES),
        ),
        label_files=("erkennung.txt",),
    ),
    "emovo": Corpus(
        title="EMOVO (Costantini et al. 2014)",
        language="ita",
        licence="research use",
        obtain="download: http://voice.fub.it/activities/corpora/emovo/index.html",
        needed={1: "cross-corpus, five classes", 4: "training"},
        facts={
            "utterances": Fact(588, _FILES), "speakers": Fact(6, _FILES), "women": Fact(3, _FILES),
            "hours": Fact(0.510, _LENGTHS, within=0.005),
        },
        counts=crossed([f"emovo/{s}" for s in "f1 f2 f3 m1 m2 m3".split()], _same(labels.EMOVO, 14), _FILES),
    ),
    "ravdess": Corpus(
        title="RAVDESS, its speech (Livingstone & Russo 2018)",
        language="eng",
        licence="CC BY-NC-SA 4.0",
        obtain="download Audio_Speech_Actors_01-24.zip: https://zenodo.org/records/1188976",
        needed={1: "cross-corpus, five classes", 4: "training"},
        facts={
            "utterances": Fact(1440, _FILES), "speakers": Fact(24, _FILES), "women": Fact(12, _FILES),
            "hours": Fact(1.480, _LENGTHS, within=0.005),
        },
        counts=crossed([f"ravdess/{i:02d}" for i in range(1, 25)], _same(labels.RAVDESS, 8) | {"neutral": 4}, _FILES),
    ),
    "casia": Corpus(
        title="CASIA, the Chinese emotional corpus of the Academy of Sciences",
        language="cmn",
        licence="unknown: by agreement with the distributor",
        obtain="order the public part from Chinese LDC: http://www.chineseldc.org/",
        needed={1: "cross-corpus, five classes"},
        facts={
            "utterances": Fact(1200, "paper 1, section IV-A"), "speakers": Fact(4, "paper 1, section IV-A"),
            "women": Fact(2, "paper 1, section IV-A"),
        },
        counts=crossed([f"casia/{s}" for s in casia.SPEAKERS], _same(labels.CASIA, 50),
                       "layout of the public part"),
    ),
    "tess": Corpus(
        title="TESS, the Toronto emotional speech set (Pichora-Fuller & Dupuis 2010)",
        language="eng",
        licence="CC BY-NC-ND 4.0",
        obtain="download: https://doi.org/10.5683/SP2/E8H2MF",
        needed={1: "unseen corpus, five classes", 4: "unseen corpus"},
        facts={
            "utterances": Fact(2800, _FILES), "speakers": Fact(2, _FILES), "women": Fact(2, _FILES),
            "hours": Fact(1.6, "papers 1 and 4: 1 hour 36 minutes", within=0.02),
        },
        counts=crossed(["tess/OAF", "tess/YAF"], _same(labels.TESS, 200), _FILES),
    ),
    "savee": Corpus(
        title="SAVEE (Haq & Jackson 2009)",
        language="eng",
        licence="research use",
        obtain="register: http://kahlan.eps.surrey.ac.uk/savee/",
        needed={4: "training"},
        facts={"utterances": Fact(480, _FILES), "speakers": Fact(4, _FILES), "women": Fact(0, _FILES)},
        counts=crossed([f"savee/{s}" for s in sorted(savee.SPEAKERS)], _same(labels.SAVEE, 15) | {"neutral": 30}, _FILES),
    ),
    "crema_d": Corpus(
        title="CREMA-D (Cao et al. 2014)",
        language="eng",
        licence="ODbL",
        obtain="git clone with Git LFS: https://github.com/CheyneyComputerScience/CREMA-D",
        needed={3: "training and test, four classes by the voice vote", 4: "unseen corpus"},
        facts={
            "utterances": Fact(7442, _CREMA_D), "speakers": Fact(91, _CREMA_D),
            "women": Fact(43, "its label file VideoDemographics.csv"),
            "hours": Fact(5.25, "paper 4: 5 hours 15 minutes", within=0.05),
        },
        counts=crossed([f"crema_d/{i}" for i in range(1001, 1092)], _same(labels.CREMA_D, 14) | {"neutral": 12},
                       _CREMA_D, _CREMA_D_FEWER),
        flaws=(
            Flaw(r"1076_MTI_SAD_XX\.\w+", {"speaker": "crema_d/1076", "gender": "female", "emotion": "sadness"},
                 "the published file, which is silent"),
        ),
        label_files=("sentencefilenames.csv", "summarytable.csv", "videodemographics.csv"),
    ),
    "epst": Corpus(
        title="EPST, Emotional Prosody Speech and Transcripts (Liberman et al. 2002, LDC2002S28)",
        language="eng",
        licence="LDC user agreement",
        obtain="order from LDC: https://catalog.ldc.upenn.edu/LDC2002S28",
        needed={4: "training"},
        facts={
            "recordings": Fact(15, "documentation of LDC2002S28"),
        },
        counts=(by_emotion(_same(labels.EPST, None), "documentation of LDC2002S28"),),
        endings=table.AUDIO | {".sph"},
    ),
    "iemocap": Corpus(
        title="IEMOCAP (Busso et al. 2008)",
        language="eng",
        licence="academic, by a release form",
        obtain="send the release form: https://sail.usc.edu/iemocap/",
        needed={
            1: "four classes, ten folds by speaker; unseen classes; cross-corpus, five classes",
            2: "four classes, five folds by session",
            3: "training and test, four classes, also with swapped labels",
            4: "training",
            5: "four classes by dyad, frustration unseen",
        },
        facts={
            "utterances": Fact(10039, "paper 5, section 3.1.1"), "speakers": Fact(10, "Busso et al. 2008"),
            "women": Fact(5, "Busso et al. 2008"),
            "hours": Fact(12, "Busso et al. 2008: about twelve hours", within=1),
        },
        counts=(
            by_emotion({"anger": 1103, "happiness": 595, "excitement": 1041, "neutral": 1708, "sadness": 1084,
                        "frustration": 1849, "surprise": 107, "fear": 40, "disgust": 2, "other": None},
                       "its label files, and Table 2 of paper 5"),
            Counts(("session",), {("1",): 1085, ("2",): 1023, ("3",): 1151, ("4",): 1031, ("5",): 1241},
                   "its label files", of=FOUR),
        ),
        note="the audio files include recordings of whole dialogues; turns without agreed emotion are in no class",
    ),
    "msp_podcast": Corpus(
        title="MSP-Podcast, release 1.10 (Lotfian & Busso 2019)",
        language="eng",
        licence="academic, by an agreement of the institution",
        obtain="request: https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html",
        needed={3: "training and test, four classes, the published split"},
        facts={"hours": Fact(165, "paper 3, section 2.1: about 165 hours", within=2)},
        counts=(
            by_emotion({e: None for e in labels.MSP_PODCAST.values() if e}, "its label file"),
            Counts(("corpus",), {("msp_podcast",): 67_929}, "paper 3, section 2.1", of=FOUR),
        ),
        label_files=("labels_consensus.csv", "labels_concensus.csv"),
        note="paper 3 has release 1.10, of which it says: more than 100 000 utterances, more than 600 speakers; "
        "a later release holds more and deviates",
    ),
    "meld": Corpus(
        title="MELD (Poria et al. 2019)",
        language="eng",
        licence="labels: GPL-3.0; the clips are cut from a television series",
        obtain="download MELD.Raw, unpack its three parts: https://github.com/declare-lab/MELD",
        needed={5: "four classes, the published split; surprise, fear, disgust unseen"},
        facts={"utterances": Fact(13_708, _MELD), "speakers": Fact(304, "its label files")},
        counts=(
            by_emotion({e: sum(part[e] for part in _MELD_COUNTS.values()) for e in _MELD_COUNTS["train"]}, _MELD),
            Counts(("split", "emotion"),
                   {(split, e): n for split, part in _MELD_COUNTS.items() for e, n in part.items()}, _MELD),
        ),
        flaws=(
            Flaw(r"train[^/]*/dia125_utt3\.\w+", {"speaker": "meld/Ross", "gender": "male", "emotion": "neutral", "split": "train"},
                 "issue 39 of github.com/declare-lab/MELD: the published file is corrupt"),
        ),
        label_files=("train_sent_emo.csv", "dev_sent_emo.csv", "test_sent_emo.csv"),
        endings=table.AUDIO | {".mp4"},
    ),
}  # fmt: skip
