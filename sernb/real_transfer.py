"""Tables and verdicts of real runs, paper 2: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import real_recognition, real_runs, reported, tables
from sernb.studies import gmp_atl_config

SVM, TUNED = "emobase + SVM", "MSAC-SERNet (paper 1, tuned): {}"


def table_3(runs) -> dict:
    """Results by row of paper 2's Table 3, of the SVM of the same study, and paper 1's models, on those folds of EMO-DB that all have.

    Paper 1's are left out where they were not tested on the same utterances with the same labels.
    """
    asked = {"corpus": "emodb", "classes": "all", "division": "speaker", "seed": 0}
    rows = {
        name: {"pseudo_labels": True, "loss": "am_softmax"} | row for name, row in gmp_atl_config.ROWS.items()
    }
    groups = {
        n: real_runs.find(runs, "gmp_atl", "reduced", model="base", **asked, **row) for n, row in rows.items()
    }
    if not any(groups.values()):
        return {}
    groups[SVM] = real_runs.find(runs, "gmp_atl", "reduced", model="svm", **asked)
    for variant in ("Base", "Base+MSAC"):
        groups[TUNED.format(variant)] = real_recognition.single(runs, "tuned", variant)
    groups = real_runs.shared(groups)
    labels = {
        name: tables.pool(of).set_index("fold", append=True)["emotion"].sort_index()
        for name, of in groups.items()
    }
    first = next(iter(labels.values()), None)
    return {name: of for name, of in groups.items() if labels[name].equals(first)}


def transferred(runs) -> pd.DataFrame:
    """Table 3's rows on EMO-DB with a small encoder, beside the SVM and paper 1's models."""
    groups, lines = table_3(runs), []
    first, paper = next(iter(gmp_atl_config.ROWS)), reported.table("gmp_atl", 3)
    for name, found in groups.items():
        against = groups.get(first) if name != first else None
        rows = tables.recognition(name, found, against=against).set_index("metric")
        line = {"model": name} | {score: real_runs.cell(row) for score, row in rows.iterrows()}
        line[f"p (McNemar, to {first})"] = real_runs.p_cell(rows["p (McNemar)"].iloc[0])
        printed = paper[paper["variant"].str.startswith(f"{name};")].set_index("metric")["value"]
        line["the paper on IEMOCAP, UAR / WAR"] = " / ".join(
            f"{printed[s]:.1f}" for s in tables.SCORES if s in printed
        )
        line["folds"] = f"{len(found)} of {found[0].meta['folds']}"
        lines.append(line)
    return pd.DataFrame(lines).replace("", "–")


def transfers(runs) -> str:
    """Do pseudo-labels help, does AM-Softmax, as the paper claims? And is the whole better than the classical baseline?"""
    groups = table_3(runs)
    full = list(gmp_atl_config.ROWS)[-1]
    asked = {
        "Pseudo-labels": {"with CE": ("pseudo-labels; CE", "no pseudo-labels; CE"), "with AM-Softmax": (full, "no pseudo-labels; AMS")},
        "AM-Softmax": {"without pseudo-labels": ("no pseudo-labels; AMS", "no pseudo-labels; CE"), "with them": (full, "pseudo-labels; CE")},
        "The whole method less the SVM": {"": (full, SVM)},
    }  # fmt: skip
    said = []
    for what, pairs in asked.items():
        pairs = {how: pair for how, pair in pairs.items() if {*pair} <= {*groups}}
        if not pairs:
            continue
        found = {how: _gain(groups[a], groups[b]) for how, (a, b) in pairs.items()}
        each = "; ".join(
            f"{how} {uar:+.1f} / {war:+.1f} points (p {p:.2g})".strip()
            for how, (uar, war, p) in found.items()
        )
        gained = sum(uar > 0 and war > 0 and p < 0.05 for uar, war, p in found.values())
        claim = (
            ""
            if what.endswith("SVM")
            else f" The gain that the paper claims shows, at p < 0.05, in {gained} of {len(found)}."
        )
        said.append(f"{what}, UAR / WAR: {each}.{claim}")
    return " ".join(said)


def _gain(found, against):
    """What a model gains over another in points of UAR and WAR, and McNemar's p."""
    gains = [real_runs.gain(found, against, score) for score in tables.SCORES.values()]
    return *gains, tables.mcnemar(found, against)
