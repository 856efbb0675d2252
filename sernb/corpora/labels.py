"""Emotion names: one vocabulary, and every corpus's own labels as a visible table."""

VOCABULARY = (
    "anger", "boredom", "calm", "contempt", "disgust", "excitement", "fear", "frustration", "happiness", "neutral",
    "pleasant surprise", "sadness", "surprise", "other",
)  # fmt: skip

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
