"""Emotion names: one vocabulary, and every corpus's own labels as a visible table."""

VOCABULARY = (
    "anger", "boredom", "calm", "contempt", "disgust", "excitement", "fear", "frustration", "happiness", "neutral",
    "pleasant surprise", "sadness", "surprise", "other",
)  # fmt: skip

#: A corpus's own words, kept where none of the vocabulary fits: all of EPST's.
OWN = ("anxiety", "cold anger", "despair", "elation", "hot anger", "interest", "panic", "pride", "shame")

#: The sixth letter of an EMO-DB file name, from the German word.
EMODB = {
    "W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral",
}  # fmt: skip

#: The first three letters of an EMOVO file name, from the Italian word.
EMOVO = {
    "dis": "disgust", "gio": "happiness", "neu": "neutral", "pau": "fear", "rab": "anger", "sor": "surprise",
    "tri": "sadness",
}  # fmt: skip

#: The third field of a RAVDESS file name.
RAVDESS = {
    "01": "neutral", "02": "calm", "03": "happiness", "04": "sadness", "05": "anger", "06": "fear", "07": "disgust",
    "08": "surprise",
}  # fmt: skip

#: The folder of a CASIA recording.
CASIA = {
    "angry": "anger", "fear": "fear", "happy": "happiness", "neutral": "neutral", "sad": "sadness",
    "surprise": "surprise",
}  # fmt: skip

#: The last token of a TESS file name.
TESS = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness", "neutral": "neutral",
    "ps": "pleasant surprise", "sad": "sadness",
}  # fmt: skip

#: The letters before the number in a SAVEE file name.
SAVEE = {
    "a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "n": "neutral", "sa": "sadness", "su": "surprise",
}  # fmt: skip

#: The third field of a CREMA-D file name: what was acted.
CREMA_D = {
    "ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness",
}  # fmt: skip

#: A letter of `VoiceVote` in CREMA-D's summaryTable.csv: what listeners heard. Tied letters (`N:S`) are no vote.
CREMA_D_VOTES = {
    "A": "anger", "D": "disgust", "F": "fear", "H": "happiness", "N": "neutral", "S": "sadness",
}  # fmt: skip

#: A category of an EPST transcript, in full: none of the fifteen is folded into another.
EPST = {
    "anxiety": "anxiety", "boredom": "boredom", "cold anger": "cold anger", "contempt": "contempt",
    "despair": "despair", "disgust": "disgust", "elation": "elation", "happy": "happiness", "hot anger": "hot anger",
    "interest": "interest", "neutral": "neutral", "panic": "panic", "pride": "pride", "sadness": "sadness",
    "shame": "shame",
}  # fmt: skip

#: The label of an IEMOCAP turn. None: the annotators did not agree, and the emotion is missing.
IEMOCAP = {
    "ang": "anger", "dis": "disgust", "exc": "excitement", "fea": "fear", "fru": "frustration", "hap": "happiness",
    "neu": "neutral", "oth": "other", "sad": "sadness", "sur": "surprise", "xxx": None,
}  # fmt: skip

#: A word of one IEMOCAP annotator. Any other word agrees with no label.
IEMOCAP_VOTES = {
    "anger": "anger", "disgust": "disgust", "excited": "excitement", "fear": "fear", "frustration": "frustration",
    "happiness": "happiness", "neutral": "neutral", "neutral state": "neutral", "other": "other",
    "sadness": "sadness", "surprise": "surprise", "surprised": "surprise",
}  # fmt: skip

#: `EmoClass` of MSP-Podcast. None: the annotators did not agree, and the emotion is missing.
MSP_PODCAST = {
    "A": "anger", "C": "contempt", "D": "disgust", "F": "fear", "H": "happiness", "N": "neutral", "O": "other",
    "S": "sadness", "U": "surprise", "X": None,
}  # fmt: skip

#: `EmoClass_Major` of one MSP-Podcast annotator. "Other" may carry the annotator's own word ("Other-annoyed").
MSP_PODCAST_VOTES = {
    "angry": "anger", "contempt": "contempt", "disgust": "disgust", "fear": "fear", "happy": "happiness",
    "neutral": "neutral", "other": "other", "sad": "sadness", "surprise": "surprise",
}  # fmt: skip

#: `Emotion` of MELD.
MELD = {
    "anger": "anger", "disgust": "disgust", "fear": "fear", "joy": "happiness", "neutral": "neutral",
    "sadness": "sadness", "surprise": "surprise",
}  # fmt: skip

#: The classes that a study distinguishes, from the emotions of the corpora. What a set does not name is none of its
#: classes: it is not trained on, and can serve as an unseen emotion.
CLASSES = {
    "four": {
        "anger": "anger", "happiness": "happiness", "excitement": "happiness", "neutral": "neutral",
        "sadness": "sadness",
    },
    "four, without excitement": {
        "anger": "anger", "happiness": "happiness", "neutral": "neutral", "sadness": "sadness",
    },
    "five": {
        "anger": "anger", "fear": "fear", "happiness": "happiness", "excitement": "happiness", "neutral": "neutral",
        "sadness": "sadness",
    },
}  # fmt: skip
CLASSES["four without happiness"] = {
    e: c for e, c in CLASSES["four"].items() if c != "happiness"
}  # paper 5, Table 7
CLASSES["four and surprise"] = CLASSES["four"] | {"surprise": "surprise"}

#: Paper 4's three classes. Nothing is thrown away but surprise, which is neither: "three" leaves it out, "three,
#: surprise positive" keeps it. The paper's table is not printed; this is our reading.
THREE = {
    "positive": ("happiness", "excitement", "elation", "interest", "pride", "pleasant surprise"),
    "negative": (
        "anger", "hot anger", "cold anger", "sadness", "fear", "anxiety", "panic", "disgust", "boredom", "contempt",
        "despair", "shame", "frustration",
    ),
    "neutral": ("neutral", "calm"),
}  # fmt: skip
CLASSES["three"] = {emotion: name for name, emotions in THREE.items() for emotion in emotions}
CLASSES["three, surprise positive"] = CLASSES["three"] | {"surprise": "positive"}
