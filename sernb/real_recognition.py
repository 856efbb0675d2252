"""Tables and verdicts of real runs, papers 1 and 2: frozen runs by study in, texts out; see headlines."""

import re

import pandas as pd

from sernb import metrics, real_runs, reported, tables, tables_ood
from sernb.studies import gmp_atl_config

MODELS = ("SVM", "Base", "Base+AGR", "Base+AMTL", "Base+MSAC")
WRITTEN = {"train": "pooled", "corpus": "per corpus (transductive)", "utterance": "per utterance"}


def control(runs) -> pd.DataFrame:
    """Base against MSAC on EMO-DB: recognition, McNemar's p, and what a linear probe reads off the embedding."""
    lines = []
    for preset in ("paper", "tuned"):
        base = _single(runs, preset, "Base")
        for variant in ("Base", "Base+MSAC"):
            found = _single(runs, preset, variant)
            if not found or len(found) < found[0].meta["folds"]:
                continue
            rows = tables.recognition(variant, found, against=base if variant != "Base" else None)
            uar = rows[rows["metric"] == "UAR"].iloc[0]
            line = {"preset": preset, "model": variant, "UAR": real_runs.cell(uar)}
            for name in ("mean of folds", "worst fold", "best fold"):
                line[name] = f"{uar[name]:.1f}"
            line["p (McNemar, to Base)"] = real_runs.p_cell(uar["p (McNemar)"])
            line |= _one_speaker(variant, found)
            lines.append(line | _probed(runs, preset, variant, found))
    return pd.DataFrame(lines).fillna("–")


def _one_speaker(variant, found) -> dict[str, str]:
    """What Table VI prints, which is of a single test speaker by its denominators, and the same speaker's scores here."""
    table = reported.table("msac_sernet", 6)
    printed = table[table["model"] == variant].set_index("metric")
    speaker = re.search(r"test speaker (\d+) alone", printed.loc["WAR", "note"])[1]
    pooled = tables.pool(found)
    own = pooled[pooled["speaker"] == f"emodb/{speaker}"]
    here = [
        f"{100 * score(own['emotion'], own['predicted']):.1f}" for score in tables.SCORES.values() if len(own)
    ]
    return {
        "the paper's UAR / WAR, of one speaker": " / ".join(
            f"{printed.loc[s, 'value']:.1f}" for s in tables.SCORES
        )
        + f" ({speaker})",
        "the same speaker here": " / ".join(here) or "–",
    }


def controls(runs) -> str:
    """Is MSAC better than Base, and can a probe read less of the speaker off it?"""
    said = []
    for preset in ("paper", "tuned"):
        base, msac = (_single(runs, preset, v) for v in ("Base", "Base+MSAC"))
        if not base or {len(base), len(msac)} != {base[0].meta["folds"]}:
            continue
        gain = real_runs.uar(msac) - real_runs.uar(base)
        said.append(
            f"Preset {preset}: MSAC less Base {gain:+.1f} points of UAR, {real_runs.told(tables.mcnemar(msac, base))}."
        )
        read = [_probed(runs, preset, v, base).get("speaker read / chance") for v in ("Base", "Base+MSAC")]
        if all(read):
            before, after = (float(r.split(" / ")[0]) for r in read)
            how = "less" if after < before else "more, not less,"
            said.append(
                f"The probe reads {how} of the speaker off MSAC's embedding ({after:.1f} against {before:.1f})."
            )
    return " ".join(said)


def _single(runs, preset, variant):
    return real_runs.find(runs, "msac_sernet", preset, corpus="emodb", variant=variant, model="base", seed=0)


def _probed(runs, preset, variant, found):
    asked = {"corpus": "emodb", "variant": variant, "seed": 0}
    return real_runs.probed(runs, preset, "msac_sernet", real_runs.places(found), **asked)


def crossed(runs) -> pd.DataFrame:
    """Ways of using attributes, and of normalising, on several corpora: held-out speakers, and a corpus never seen."""
    found = real_runs.find(
        runs, "msac_sernet", "reduced", ("model", "variant", "normalisation"), classes="five", **real_runs.TWO
    )
    groups = {}
    for run in found:
        model = "SVM" if run.config["model"] == "svm" else run.config["variant"]
        if model in MODELS:
            groups.setdefault((model, WRITTEN[run.config["normalisation"]]), []).append(run)
    lines, written = [], list(WRITTEN.values())
    for model, normalised in sorted(groups, key=lambda g: (written.index(g[1]), MODELS.index(g[0]))):
        found = groups[model, normalised]
        base = groups.get(("Base", normalised), [])
        alike = model != "Base" and real_runs.places(base) == real_runs.places(found)
        rows = tables.generalisation(model, found, against=base if alike else None)
        rows = rows[rows["metric"] != "WAR"].replace(
            {"metric": {"UAR": "held-out speakers, UAR", "OOD WAR/UAR": "unseen corpus, UAR"}}
        )
        line = (
            real_runs.wide(rows.assign(normalised=normalised), ["model", "normalised"], "metric")
            .iloc[0]
            .to_dict()
        )
        lines.append(
            line
            | {"p held-out / unseen": " / ".join(real_runs.p_cell(p) for p in rows["p (McNemar)"])}
            | {"trainings": len(found)}
        )
    return pd.DataFrame(lines)


def _reliable(runs):
    """Paper 1's detectors: results by variant, of the variants that have the draws and seeds of Base."""
    groups = {}
    for run in real_runs.find(runs, "reliability", "reduced", ("variant",), classes="five", **real_runs.TWO):
        groups.setdefault(run.config["variant"], []).append(run)
    base = real_runs.places(groups.get("Base", []))
    return {v: groups[v] for v in MODELS if v in groups and real_runs.places(groups[v]) == base}


def detected(runs) -> pd.DataFrame:
    """A line per detector: AUROC / FPR95 of every variant's embedding, the best AUROC of a line in bold."""
    groups = _reliable(runs)
    if not groups:
        return pd.DataFrame()
    nothing = reported.table("msac_sernet", 9).iloc[:0]  # other corpora: its figures are not like for like
    rows = pd.concat([tables_ood.detection(variant, found, nothing) for variant, found in groups.items()])
    cells = rows.assign(cell=[real_runs.cell(row) for row in rows.to_dict("records")])
    lines = []
    for detector, of in cells.groupby("detector", sort=False):
        best = of.loc[of["metric"] == "AUROC", "here"].max()
        line = {"detector": detector}
        for variant, two in of.groupby("model", sort=False):
            auroc, fpr95 = (two[two["metric"] == name].iloc[0] for name in ("AUROC", "FPR95"))
            mark = "**" if len(groups) > 1 and auroc["here"] == best else ""
            line[variant] = f"{mark}{auroc['cell']}{mark} / {fpr95['cell']}"
        lines.append(line)
    return pd.DataFrame(lines)


def detects(runs) -> str:
    """Does control help the detection, on average over the paper's five detectors? And in the paper's own table?"""
    groups = _reliable(runs)
    if len(groups) < 2:
        return ""
    asked = list(tables_ood.PRINTED)
    drawn = {v: 100 * tables_ood.bootstrap(of, asked).T.groupby(level=1).mean().T for v, of in groups.items()}
    here = {v: _scores(of, asked) for v, of in groups.items()}
    said = []
    for variant in (v for v in groups if v != "Base"):
        gain, ahead = here[variant] - here["Base"], (here[variant] > here["Base"])["AUROC"].sum()
        spread = (drawn[variant] - drawn["Base"]).quantile([0.025, 0.975])
        each = [f"{s} {gain[s].mean():+.1f} [{spread[s].iloc[0]:+.1f}, {spread[s].iloc[1]:+.1f}]" for s in ("AUROC", "FPR95")]  # fmt: skip
        better, worse = spread["AUROC"].iloc[0] > 0, spread["AUROC"].iloc[1] < 0
        how = "it helps" if better else "it hurts" if worse else "no difference that these draws can tell"
        said.append(f"{variant} {', '.join(each)}, a higher AUROC with {ahead} of them: {how}")
    paper = (
        reported.table("msac_sernet", 9)
        .pivot_table("value", ["variant", "metric"], "model")
        .xs("AUROC", level=1)
    )
    ahead = (paper["Base+MSAC"] > paper["Base"]).sum()
    return (
        f"{_utterances(groups['Base'])} Less Base, mean of the paper's {len(asked)} detectors: {'; '.join(said)}. In the paper's Table IX MSAC has the "
        f"higher AUROC with {ahead} of {len(paper)}."
    )


def _utterances(found) -> str:
    """What detectors were asked about, over the draws of held-out speakers."""
    frames = {r.meta["fold"]: r.predictions[~r.predictions["heard"]] for r in found}
    whole = pd.concat(frames.values())
    inside, outside = ((whole["part"] == part).sum() for part in ("ID", "OOD"))
    return f"{whole['speaker'].nunique()} test speakers, {inside} utterances of taught emotions and {outside} of others."


def _scores(found, detectors):
    """AUROC and FPR95 in % by detector, the mean over draws and seeds."""
    each = {d: [tables_ood.detected(r.predictions, d) for r in found] for d in detectors}
    return 100 * pd.DataFrame({d: pd.DataFrame(of).mean() for d, of in each.items()}).T


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
        groups[TUNED.format(variant)] = _single(runs, "tuned", variant)
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
    a, b = tables.pool(found), tables.pool(against)
    gains = [
        100 * (score(a["emotion"], a["predicted"]) - score(b["emotion"], b["predicted"]))
        for score in (metrics.uar, metrics.war)
    ]
    return *gains, tables.paired(a, b)
