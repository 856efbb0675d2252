"""What each stand-in is made of, as data: language, texts, speakers, classes, recording conditions, layout.

Sizes are a tenth of the corpora's or less, with enough of every class for each speaker to be tested or enrolled.
"""

from dataclasses import dataclass

from . import emodb, labels, standin_labels, standin_scripts

GERMAN = (
    "Der Brief liegt auf dem Schrank.", "Morgen fahren wir an den See.", "Sie hat die Tasche im Flur gelassen.",
    "Um acht Uhr kommt der Bus.", "Das Fenster steht noch offen.", "Er holt die Kinder von der Schule.",
    "In der Küche brennt noch Licht.", "Die Jacke hängt hinter der Tür.", "Gleich wird es wieder regnen.",
    "Am Abend gehen sie nach Hause.",
)  # fmt: skip
ITALIAN = (
    "La lettera è sul tavolo.", "Domani andiamo al mare.", "Il treno arriva alle otto.", "La finestra è ancora aperta.",
    "Hanno lasciato la borsa in cucina.", "Stasera tornano a casa.",
)  # fmt: skip
MANDARIN = (
    "他把钥匙放在桌子上。", "明天我们去公园。", "火车八点钟到。", "窗户还开着。", "她在厨房里等你。", "今天晚上会下雨。",
    "这本书是我哥哥的。", "孩子们已经回家了。",
)  # fmt: skip
STATEMENTS = ("Cups are standing near the sink.", "Trains are waiting by the bridge.")
WORDS = ("back", "bar", "bite", "dog", "food", "germ", "hole", "lease")  # TESS has one carrier phrase for all
CARRIER = tuple(f"Please say the word {word}." for word in WORDS)
BRITISH = (
    "The kettle is next to the window.", "She walked along the river to the mill.", "His coat was hanging in the hall.",
    "They put the parcels under the stairs.", "A ferry leaves from here every hour.", "The gate was painted last spring.",
    "We ordered soup and a loaf of bread.", "The map shows a path across the field.",
)  # fmt: skip
ACTED = {  # by CREMA-D's sentence codes
    "DFA": "The door is at the end of the hall.", "IEO": "It is nearly ten to seven.",
    "IOM": "I left my keys at the office.", "ITH": "I think the train was early.",
    "ITS": "The shop opens after the weekend.", "IWL": "I would like another cup of tea.",
    "IWW": "I want to know where the road goes.", "MTI": "My sister called about the boat.",
    "TAI": "The parcel arrived on Monday.", "TIE": "That is the colour of the car.",
    "TSI": "The garden needs some water now.", "WSI": "We should be there by the evening.",
}  # fmt: skip
DATES = (
    "March the twenty second.", "Four thousand and eleven.", "November the thirteenth.", "Eight hundred and six.",
    "September the first.", "Two thousand and ninety.",
)  # fmt: skip
DRAMA = (
    "I told you about it last week.", "You never said that to me.", "We are moving to another city.",
    "They gave the job to someone else.", "I have been waiting here for an hour.", "So what are you going to do now?",
    "My brother is coming back tomorrow.", "I do not know what else to say.", "It was your idea in the first place.",
    "She sold the house by the lake.", "You can read the letter yourself.", "They lost all of my luggage.",
    "We could still take the later flight.", "I looked for it everywhere.", "He asked me to marry him.",
    "There is nothing left in the account.", "Did you hear what he said?", "I will be there when you land.",
    "The form has to be signed again.", "We used to come here every summer.",
)  # fmt: skip
TALK = (
    "So the study ran for almost ten years.", "And then we moved the whole company.", "I think that is a good question.",
    "The market was closed by that time.", "He wrote three books about the subject.", "We had about forty people in the room.",
    "You know, it started as a small project.", "That is what the numbers tell us.", "My guest today is an engineer.",
    "They built the second one in the spring.", "Well, nobody had tried it before.", "I grew up close to the border.",
    "The interview lasted most of the night.", "And that changed how we work.", "Let us go back to the first part.",
    "It took a while to find the tape.",
)  # fmt: skip
COMEDY = (
    "Hey, who took my sandwich?", "You are wearing my sweater.", "We said we would meet at noon.", "Is that a new haircut?",
    "I left the turkey at the door.", "Okay, everybody sit down.", "There is a duck in the bathroom.",
    "You told my mother about this?", "She wants to come to the wedding.", "I think he saw us.",
    "That was the last cup of coffee.", "Can I borrow your apartment?", "We have to leave in five minutes.",
    "Oh, you kept the photograph.",
)  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """Ranges from which every utterance draws its room, noise and channel, whatever its emotion."""

    t60: tuple = (0.1, 0.35)  # reverberation time, seconds
    snr: tuple = (25, 45)  # dB
    noise: str = "white"  # or "pink", "audience"
    high: tuple | None = None  # upper limit of the channel, Hz; below, it passes from 80…200 Hz


@dataclass(frozen=True)
class Plan:
    """What a stand-in is made of; the scripts and the label files say which of the later fields they need."""

    voice: str
    texts: tuple
    speakers: tuple  # (name, gender)
    codes: dict  # the corpus's own label → rule of prosody.py; None where annotators did not agree
    counts: dict  # utterances per label and speaker; MELD: per split and label
    name: object = None  # acted corpora: (speaker, code, text number, take) → path below the root
    script: object = None  # the others: (plan, generator) → lines per speaker
    labels: object = None  # writes the label files: (root, plan, spoken lines, generator)
    recording: Recording = Recording()
    rate: int = 16_000
    channels: int = 1
    format: str = "WAV"
    weakest: float = 1.0  # acted emotions are drawn between this share and all of it, the rest is neutral
    dialogues: tuple = ()  # names, after the session's
    rare: tuple = ()  # labels of which each speaker has only some
    splits: tuple = ()  # (name, first speaker, speaker after the last)
    folders: dict | None = None  # per split
    cast: int = 0  # so many of the speakers recur; the others are guests


def _genders(names, women):
    return tuple((name, "female" if name in women else "male") for name in names)


# The place in this dictionary is part of every draw: new ones go to the end.
PLANS = {
    "emodb": Plan(
        "de", GERMAN,
        tuple((s, "male" if s in emodb.MEN else "female") for s in "03 08 09 10 11 12 13 14 15 16".split()),
        labels.EMODB, {"W": 6, "L": 4, "E": 3, "A": 4, "F": 4, "T": 3, "N": 4},
        lambda s, code, text, take: f"wav/{s}a{text + 1:02d}{code}a.wav", labels=standin_labels.emodb,
    ),
    "emovo": Plan(
        "it", ITALIAN, tuple((f"{g}{i}", "female" if g == "f" else "male") for g in "fm" for i in (1, 2, 3)),
        labels.EMOVO, dict.fromkeys(labels.EMOVO, 4),
        lambda s, code, text, take: f"{s}/{code}-{s}-b{text + 1}.wav",
    ),
    "ravdess": Plan(
        "en-us", STATEMENTS, tuple((f"{i:02d}", "male" if i % 2 else "female") for i in range(1, 25)),
        labels.RAVDESS, {code: 1 if code == "01" else 2 for code in labels.RAVDESS},
        lambda s, code, text, take: f"Actor_{s}/03-01-{code}-01-{text + 1:02d}-01-{s}.wav",
    ),
    "casia": Plan(
        "cmn", MANDARIN, _genders(("liuchanhg", "wangzhe", "zhaoquanyin", "ZhaoZuoxiang"), ("liuchanhg", "zhaoquanyin")),
        labels.CASIA, dict.fromkeys(labels.CASIA, 6),
        lambda s, code, text, take: f"{s}/{code}/{201 + text}.wav",
        recording=Recording((0.05, 0.12), (33, 38)),
    ),
    "tess": Plan(
        "en-us", CARRIER, _genders(("OAF", "YAF"), ("OAF", "YAF")),
        labels.TESS, dict.fromkeys(labels.TESS, 8),
        lambda s, code, text, take: f"{s}_{WORDS[text]}_{code}.wav",
        recording=Recording((0.05, 0.10), (40, 55)), rate=24_414,
    ),
    "savee": Plan(
        "en-gb-x-rp", BRITISH, _genders(("DC", "JE", "JK", "KL"), ()),
        labels.SAVEE, {code: 8 if code == "n" else 4 for code in labels.SAVEE},
        lambda s, code, text, take: f"AudioData/{s}/{code}{take + 1:02d}.wav",
        recording=Recording((0.15, 0.30), (30, 45)), rate=44_100,
    ),
    "crema_d": Plan(
        "en-us", tuple(ACTED.values()),
        _genders([str(1001 + i) for i in range(20)], "1002 1003 1004 1006 1007 1008 1009 1010 1012 1013 1018 1020".split()),
        labels.CREMA_D, dict.fromkeys(labels.CREMA_D, 2),
        lambda s, code, text, take: (
            f"AudioWAV/{s}_{list(ACTED)[text]}_{code}_"
            + (("LO", "MD", "HI")[int(s) % 3] if code != "NEU" and list(ACTED)[text] == "IEO" else "XX") + ".wav"
        ),
        labels=standin_labels.crema_d, recording=Recording((0.2, 0.5), (20, 35), "pink"), weakest=0.3,
    ),
    "epst": Plan(
        "en-us", DATES, _genders("cc cl gg jg mf mk mm".split(), "gg jg mf mk".split()),
        labels.EPST, dict.fromkeys(labels.EPST, 2),
        lambda s, code, text, take: f"data/speech/{s}_001.sph", labels=standin_labels.epst,
        recording=Recording((0.05, 0.15), (35, 50)), rate=22_050, channels=2, format="NIST",
    ),
    "iemocap": Plan(
        "en-us", DRAMA, tuple((f"Ses{i:02d}{g}", "female" if g == "F" else "male") for i in range(1, 6) for g in "FM"),
        {code: emotion for code, emotion in labels.IEMOCAP.items() if emotion not in ("disgust", "other")},
        # Enough neutral and frustrated turns that some ten can be enrolled from one speaker, agreed on or not.
        {"ang": 14, "hap": 6, "exc": 10, "neu": 22, "sad": 14, "fru": 24, "sur": 2, "fea": 1, "xxx": 5},
        script=standin_scripts.dialogues, labels=standin_labels.iemocap,
        recording=Recording((0.35, 0.7), (15, 28), "pink"),
        dialogues=("F_impro01", "F_impro02", "F_script01_1", "F_script02_2", "M_impro01", "M_impro02", "M_script01_1",
                   "M_script02_2"),
    ),
    "msp_podcast": Plan(
        "en-us", TALK,
        (*((str(i), "female" if i % 2 else "male") for i in range(1, 25)),
         *((f"Unknown {i}", "female" if i % 2 else "male") for i in range(1, 9))),
        labels.MSP_PODCAST, {"N": 6, "H": 3, "A": 2, "S": 2},
        script=standin_scripts.podcasts, labels=standin_labels.msp_podcast,
        recording=Recording((0.1, 0.3), (22, 45), "pink", (3400, 8000)), rare=tuple("UFDCOX"),
        splits=(("Train", 0, 14), ("Development", 14, 18), ("Test1", 18, 24), ("Train", 24, 32)),
    ),
    "meld": Plan(
        "en-us-nyc", COMEDY,
        _genders("Chandler Joey Monica Phoebe Rachel Ross Emily Gunther Janice Mike".split(),
                 "Monica Phoebe Rachel Emily Janice".split()),
        labels.MELD,
        {"train": {"neutral": 56, "joy": 28, "surprise": 20, "anger": 24, "sadness": 20, "disgust": 12, "fear": 12},
         "dev": {"neutral": 22, "joy": 14, "surprise": 14, "anger": 14, "sadness": 14, "disgust": 12, "fear": 12},
         "test": {"neutral": 28, "joy": 16, "surprise": 16, "anger": 16, "sadness": 14, "disgust": 12, "fear": 12}},
        script=standin_scripts.scenes, labels=standin_labels.meld,
        recording=Recording((0.2, 0.5), (8, 20), "audience"), cast=6,
        folders={"train": "train/train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"},
    ),
}  # fmt: skip
