"""What the papers on unseen corpora and unseen emotions (3 to 5) print: points read by eye, arithmetic that can tell."""

import numpy as np
from test_reported import gains, share

from sernb import reported

# 3 · Domain mismatch


def test_domain_mismatch_points():
    table = reported.table("domain_mismatch", 1).set_index(["variant", "metric"])["value"]
    assert table["IEMOCAP; tuned; 0 % augmented"].to_dict() == {
        "uACC": 0.68, "uACC std": 0.005, "wACC": 0.67, "wACC std": 0.005, "wF1": 0.68, "wF1 std": 0.006,
    }  # fmt: skip
    assert table["CREMA-D; not tuned; 100 % augmented", "wF1"] == 0.76
    assert table["MSP-Podcast; not tuned; 0 % augmented", "wACC"] == 0.36
    seen, scrambled = heat(2), heat(3)
    assert seen["A", "IEMOCAP", 0] == -0.27 and seen["D", "IEMOCAP", 100] == -0.35
    assert seen["E", "CREMA-D", 100] == -0.01 and seen["B", "MSP-Podcast", 50] == -0.14
    assert scrambled["B", "CREMA-D", 100] == -0.42 and scrambled["C", "IEMOCAP-SCRAMBLED", 100] == -0.09


def heat(number):
    """A heat map's values by training set (its letter), test set and share augmented."""
    frame = reported.figure("domain_mismatch", number)
    test, rate = (frame["variant"].str.split("; ").str[i] for i in (0, 1))
    keys = zip(
        frame["model"].str[0],
        test.str.removeprefix("test "),
        rate.str.split().str[0].astype(int),
        strict=True,
    )
    return dict(zip(keys, frame["value"], strict=True))


def baselines():
    """Table 1's wF1 without tuning by corpus and share augmented."""
    frame = reported.table("domain_mismatch", 1).query("metric == 'wF1'")
    split = frame["variant"].str.extract(r"(?P<corpus>.+); not tuned; (?P<rate>\d+) %").dropna()
    return {
        (c, int(r)): v
        for c, r, v in zip(split["corpus"], split["rate"], frame.loc[split.index, "value"], strict=True)
    }


def test_domain_mismatch_figure_2_is_the_difference_to_table_1():
    table, figure = baselines(), heat(2)
    for letter, corpus in (("A", "MSP-Podcast"), ("B", "IEMOCAP")):
        for rate in (0, 20, 50, 70, 100):
            assert round(table[corpus, rate] - table[corpus, 0], 2) == figure[letter, corpus, rate]
    result = reported.text("domain_mismatch").query("metric == 'wF1 (fraction)'")["value"].item()
    assert round(result - table["IEMOCAP", 0], 2) == figure["A", "IEMOCAP", 0]


def test_domain_mismatch_figures_repeat_cells_within_a_hundredth():
    second, third = heat(2), heat(3)
    noted = reported.figure("domain_mismatch", 3)["note"].str.startswith("Fig. 2 prints").sum()
    both = {key: round(second[key] - third[key], 2) for key in third if key[0] == "A" and key in second}
    assert len(both) == 10 and set(both.values()) == {-0.01, 0.0, 0.01}
    assert sum(v != 0 for v in both.values()) == noted == 3


def test_domain_mismatch_second_column_cannot_be_the_weighted_accuracy():
    # a weighted accuracy a bounds the weighted F1: 2a/(1+a), all precisions being 1
    table = reported.table("domain_mismatch", 1)
    zero = table[table["variant"] == "CREMA-D; not tuned; 0 % augmented"].set_index("metric")["value"]
    a = zero["wACC"] + 0.005
    assert 2 * a / (1 + a) < zero["wF1"] - 0.005


def test_domain_mismatch_gains_follow_from_the_heat_maps():
    figure = heat(2)
    assert round(figure["B", "CREMA-D", 100] - figure["B", "CREMA-D", 0], 2) == 0.08
    assert round(figure["A", "CREMA-D", 100] - figure["A", "CREMA-D", 0], 2) == 0.03
    assert sorted(gains("domain_mismatch")["value"]) == [3, 5, 6, 8, 11, 27]


# 4 · Attributes in the wild


def accuracies(number):
    """UA by approach, corpus and attributes; the baseline's attributes are `none`."""
    frame = reported.table("attributes_in_the_wild", number)
    split = frame["variant"].str.split("; ")
    return dict(
        zip(zip(frame["model"], split.str[0], split.str[1], strict=True), frame["value"], strict=True)
    )


def test_attributes_in_the_wild_points():
    one, several = accuracies(2), accuracies(3)
    for corpus, baseline in (("TESS", 49.48), ("CREMA-D", 52.21)):
        assert one["baseline", corpus, "none"] == several["baseline", corpus, "none"] == baseline
    assert one["GR", "TESS", "speaker"] == 55.17 and one["AD", "CREMA-D", "language"] == 50.89
    assert several["MTL", "TESS", "speaker + gender"] == 34.77
    assert several["AD", "CREMA-D", "corpus + speaker + gender + language"] == 47.15
    domain = reported.text("attributes_in_the_wild")
    domain = domain[domain["variant"].str.contains("in-domain")]
    assert domain["value"].tolist() == [59.32, 59.98, 60.34, 56.53]


def test_attributes_in_the_wild_claims_that_follow_and_that_do_not():
    both = accuracies(2) | accuracies(3)
    base = {corpus: both["baseline", corpus, "none"] for corpus in ("TESS", "CREMA-D")}
    better = {
        (model, attributes)
        for model, corpus, attributes in both
        if model != "baseline" and all(both[model, c, attributes] > base[c] for c in base)
    }
    several = ["speaker + language", "gender + language", "corpus + speaker + language"]
    # GR as the text counts (its other two are not in the tables); the text knows of no MTL model
    assert better == {("GR", a) for a in ["language", *several]} | {("MTL", "gender + language")}
    assert {a for m, c, a in both if m == "MTL" and c == "CREMA-D" and both[m, c, a] > base[c]} == {
        "speaker + gender",
        "gender + language",
    }
    best = max(v for (_, corpus, attributes), v in accuracies(2).items() if corpus == "TESS")
    assert round(best - base["TESS"]) == gains("attributes_in_the_wild")["value"].item() == 6


def test_attributes_in_the_wild_accuracies_beside_the_figure_are_table_2_rounded():
    text = reported.text("attributes_in_the_wild")
    beside = text[text["variant"].str.contains("beside Fig. 2")].set_index("model")["value"]
    table = accuracies(2)
    assert len(beside) == 3
    for model, attribute in (("baseline", "none"), ("MTL", "corpus"), ("GR", "corpus")):
        assert round(table[model, "TESS", attribute], 1) == beside[model]


# 5 · Enroll to verify

UNSEEN = {"IEMOCAP": ["frustration"], "MELD": ["surprise", "fear", "disgust"]}
MELD_TEST = {
    "neutral": 1256,
    "angry": 345,
    "happy": 402,
    "sad": 208,
    "surprise": 281,
    "fear": 50,
    "disgust": 68,
}


def verified(number):
    """A table's values by model, metric and variant."""
    frame = reported.table("enroll_to_verify", number)
    return dict(
        zip(zip(frame["model"], frame["metric"], frame["variant"], strict=True), frame["value"], strict=True)
    )


def test_enroll_to_verify_points():
    assert reported.values("enroll_to_verify", 4, "NAMP", "IEMOCAP; frustration") == {"F1": 70.9, "UAR": 71.9}
    assert reported.values("enroll_to_verify", 4, "All", "MELD; disgust") == {"F1": 76.3, "UAR": 63.2}
    assert reported.values("enroll_to_verify", 4, "AM", "MELD; fear") == {"F1": 86.7, "UAR": 54.9}
    assert reported.values("enroll_to_verify", 4, "Tri", "IEMOCAP; pretraining") == {"UAR": 49.3}
    assert reported.values("enroll_to_verify", 5, "BLSTM", "MELD; fear") == {"F1": 74.1, "UAR": 51.8}
    assert reported.values("enroll_to_verify", 5, "CNN+NetVLAD", "MELD; disgust") == {"F1": 69.3, "UAR": 52.2}
    assert reported.values("enroll_to_verify", 6, "NAMP", "MELD; disgust; sad") == {"F1": 65.3, "UAR": 68.6}
    assert reported.values("enroll_to_verify", 6, "NAMP", "IEMOCAP; pretraining; happy") == {"recall": 54.0}
    five = reported.values("enroll_to_verify", 7, "NAMP", "MELD; pretraining; five classes")
    assert five == {"F1": 24.5, "UAR": 32.8}
    three = reported.values("enroll_to_verify", 7, "NAMP", "IEMOCAP; frustration; three classes")
    assert three == {"F1": 68.9, "UAR": 69.2}
    assert reported.figure("enroll_to_verify", 4)["value"].item() == 59.2
    assert reported.figure("enroll_to_verify", 5)["value"].dropna().tolist() == [72.1, 70.7, 72.9]


def test_enroll_to_verify_prints_its_own_figures_alike_in_every_table_but_one():
    tables = {number: verified(number) for number in (4, 5, 6, 7)}
    for corpus, emotions in UNSEEN.items():
        for emotion in emotions:
            for metric in ("F1", "UAR"):
                where = f"{corpus}; {emotion}"
                printed = {
                    tables[4]["NAMP", metric, where],
                    tables[5]["NAMP", metric, where],
                    tables[6]["NAMP", metric, f"{where}; neutral"],
                    tables[7]["NAMP", metric, f"{where}; four classes"],
                }
                assert len(printed) == 1, (where, metric)
    pretrained = {
        corpus: [
            tables[4]["NAMP", "UAR", f"{corpus}; pretraining"],
            tables[5]["NAMP", "UAR", f"{corpus}; pretraining"],
            tables[7]["NAMP", "UAR", f"{corpus}; pretraining; four classes"],
        ]
        for corpus in UNSEEN
    }
    assert pretrained == {"IEMOCAP": [62.3, 62.3, 62.3], "MELD": [40.4, 40.3, 40.4]}
    recalls = {
        corpus: np.mean(
            [
                tables[6]["NAMP", "recall", f"{corpus}; pretraining; {c}"]
                for c in ("neutral", "angry", "happy", "sad")
            ]
        )
        for corpus in UNSEEN
    }
    rounding = 0.05 + 0.05 + 1e-9  # of the mean of rounded recalls, and of the UAR
    assert abs(recalls["IEMOCAP"] - 62.3) <= rounding
    assert min(abs(recalls["MELD"] - uar) for uar in (40.3, 40.4)) > rounding


def test_enroll_to_verify_gains_follow_or_are_noted():
    quoted = gains("enroll_to_verify")
    quoted = quoted[~quoted["metric"].str.contains(" and ")]
    assert len(quoted) == 30
    wrong = []
    for row in quoted.itertuples():
        _, where, over = row.variant.split("; ")
        table, emotion = where.removeprefix("Table ").split(", ")
        metric, variant = (
            row.metric.split()[2],
            ("IEMOCAP; " if emotion == "frustration" else "MELD; ") + emotion,
        )
        values = verified(int(table))
        gain = values[row.model, metric, variant] - values[over.removeprefix("over "), metric, variant]
        if round(gain, 1) != row.value:
            wrong.append((row.model, emotion, metric, row.value, round(gain, 1)))
            assert f"= {gain:.1f}" in row.note
    assert wrong == [
        ("NAMP", "surprise", "F1", 4.5, -4.5),
        ("NAMP", "surprise", "UAR", 8.7, -8.7),
        ("NAMP", "disgust", "F1", 3.9, -3.9),
        ("NAMP", "disgust", "UAR", 3.4, -3.4),
        ("NAMP", "frustration", "UAR", 5.0, 6.0),
    ]


def test_enroll_to_verify_four_classes_gain_less_than_2_points_over_three_but_once():
    values = verified(7)
    gain = {
        (emotion, metric): values["NAMP", metric, f"MELD; {emotion}; four classes"]
        - values["NAMP", metric, f"MELD; {emotion}; three classes"]
        for emotion in UNSEEN["MELD"]
        for metric in ("F1", "UAR")
    }
    assert {key: round(v, 1) for key, v in gain.items() if not 0 < v < 2} == {("surprise", "F1"): 2.8}


def test_enroll_to_verify_recalls_as_shares_of_the_test_set():
    values = verified(6)
    whole = {
        name: share(values["NAMP", "recall", f"MELD; pretraining; {name}"], MELD_TEST[name], 0.0501)
        for name in ("angry", "happy", "sad")  # of 1256 neutral ones, any figure is a share
    }
    assert whole == {"angry": False, "happy": True, "sad": False}
    text = reported.text("enroll_to_verify").set_index("metric")["value"]
    assert share(text["recall of surprise (%)"], MELD_TEST["surprise"], 0.0501)


def hits(seen, unseen, f1, uar):
    """Whether numbers of hits in both classes give the printed weighted F1 and UAR; and the macro F1's bound."""
    of = MELD_TEST[seen], MELD_TEST[unseen]
    a, b = np.meshgrid(np.arange(of[0] + 1), np.arange(of[1] + 1))
    each = 2 * a / (of[0] + a + of[1] - b), 2 * b / np.maximum(of[1] + b + of[0] - a, 1)
    near = np.abs(50 * (a / of[0] + b / of[1]) - uar) <= 0.0501
    weighted = 100 * (of[0] * each[0] + of[1] * each[1]) / sum(of)
    return (near & (np.abs(weighted - f1) <= 0.0501)).any(), (50 * (each[0] + each[1]))[near].max()


def test_enroll_to_verify_f1_is_weighted_and_some_pairs_are_of_no_single_draw():
    values = verified(4) | verified(5)
    pairs = {
        (model, emotion): hits("neutral", emotion, values[model, "F1", where], values[model, "UAR", where])
        for model, metric, where in values
        for emotion in [where.split("; ")[1]]
        if metric == "F1" and emotion in UNSEEN["MELD"]
    }
    assert values["All", "F1", "MELD; fear"] > pairs["All", "fear"][1] + 0.05  # no macro F1 goes so high
    impossible = {key for key, (found, _) in pairs.items() if not found}
    assert ("NAMP", "fear") in impossible and ("AM", "disgust") not in impossible
    assert len(pairs) == 42 and len(impossible) == 10


def test_enroll_to_verify_sums():
    text = reported.text("enroll_to_verify").set_index("metric")
    count = text["value"]
    assert count["utterances enrolled in all"] == 2 * count["utterances enrolled per class, N_P"]
    every = count["utterances of frustration"] + count["utterances of neutral"]
    assert f"= {every:.0f} " in text["note"]["training utterances, over"]
    assert count["training utterances, over"] < 0.8 * every  # two of ten speakers are left out
