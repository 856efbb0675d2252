"""Tables and verdicts of real runs, paper 1: frozen runs by study in, texts out; see headlines."""

import re

import pandas as pd

from sernb import metrics, real_runs, reported, tables, tables_ood

MODELS = ("SVM", "Base", "Base+AGR", "Base+AMTL", "Base+MSAC")
WRITTEN = {"train": "pooled", "corpus": "per corpus (transductive)", "utterance": "per utterance"}


def control(runs) -> pd.DataFrame:
    """Base against MSAC on EMO-DB: recognition, McNemar's p, and what a linear probe reads off the embedding."""
    lines = []
    for preset in ("paper", "tuned"):
        base = single(runs, preset, "Base")
        for variant in ("Base", "Base+MSAC"):
            found = single(runs, preset, variant)
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
        base, msac = (single(runs, preset, v) for v in ("Base", "Base+MSAC"))
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


def single(runs, preset, variant) -> list:
    """A variant's runs on EMO-DB alone."""
    return real_runs.find(runs, "msac_sernet", preset, corpus="emodb", variant=variant, model="base", seed=0)


def _probed(runs, preset, variant, found):
    asked = {"corpus": "emodb", "variant": variant, "seed": 0}
    return real_runs.probed(runs, preset, "msac_sernet", real_runs.places(found), **asked)


def _across(runs) -> dict[tuple[str, str], list]:
    """Runs across corpora by (model, normalisation as written)."""
    found = real_runs.find(
        runs, "msac_sernet", "reduced", ("model", "variant", "normalisation"), classes="five", **real_runs.TWO
    )
    groups = {}
    for run in found:
        model = "SVM" if run.config["model"] == "svm" else run.config["variant"]
        if model in MODELS:
            groups.setdefault((model, WRITTEN[run.config["normalisation"]]), []).append(run)
    written = list(WRITTEN.values())
    return {g: groups[g] for g in sorted(groups, key=lambda g: (written.index(g[1]), MODELS.index(g[0])))}


def _alike(one, other) -> bool:
    return bool(one and other) and real_runs.places(one) == real_runs.places(other)


def crossed(runs) -> pd.DataFrame:
    """Ways of using attributes, and of normalising, on several corpora: held-out speakers, and a corpus never seen."""
    groups, lines = _across(runs), []
    for (model, normalised), found in groups.items():
        base = groups.get(("Base", normalised), [])
        rows = tables.generalisation(
            model, found, against=base if model != "Base" and _alike(base, found) else None
        )
        rows = rows[rows["metric"] != "WAR"].replace(
            {"metric": {"UAR": "held-out speakers, UAR", "OOD WAR/UAR": "unseen corpus, UAR"}}
        )
        line = (
            real_runs.wide(rows.assign(normalised=normalised), ["model", "normalised"], "metric")
            .iloc[0]
            .to_dict()
        )
        ps = " / ".join(real_runs.p_cell(p) for p in rows["p (McNemar)"])
        lines.append(line | {"p (McNemar, to Base) held-out / unseen": ps, "trainings": len(found)})
    return pd.DataFrame(lines)


def crosses(runs) -> str:
    """Does control help across corpora, and do a corpus's own statistics?"""
    groups, said = _across(runs), []
    pooled, own = WRITTEN["train"], WRITTEN["corpus"]
    for variant in MODELS[2:]:
        pairs = {n: (groups.get((variant, n), []), groups.get(("Base", n), [])) for n in WRITTEN.values()}
        each = {n: _gains(*pair) for n, pair in pairs.items() if _alike(*pair)}
        if each:
            told = "; ".join(f"{n}, " + ", ".join(parts) for n, (parts, _) in each.items())
            better = sum(gained for _, of in each.values() for gained in of)
            said.append(
                f"{variant} less Base, UAR: {told}. Better at p < 0.05 in {better} of {2 * len(each)}."
            )
    each = []
    for model in MODELS:
        pair = groups.get((model, own), []), groups.get((model, pooled), [])
        if _alike(*pair):
            each.append(f"{model}, " + ", ".join(_gains(*pair)[0]))
    if each:
        said.append(f"A corpus's own statistics less pooled ones, UAR: {'; '.join(each)}.")
    return " ".join(said)


def _gains(found, against):
    """What a model gains on held-out speakers and on the corpus never seen, told, and whether p is below 0.05."""
    parts, gained = [], []
    for part, name in (("test", "held-out"), ("unseen", "unseen")):
        gain, p = real_runs.gain(found, against, metrics.uar, part), tables.mcnemar(found, against, part)
        parts.append(f"{name} {gain:+.1f} (p {p:.2g})")
        gained.append(gain > 0 and p < 0.05)
    return parts, gained


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
