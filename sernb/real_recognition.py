"""Tables and verdicts of real runs, papers 1 and 2: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import real_runs, tables

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
            lines.append(line | _probed(runs, preset, variant, found))
    return pd.DataFrame(lines).fillna("–")


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
            line | {"p held-out / unseen": " / ".join(real_runs.p_cell(p) for p in rows["p (McNemar)"])}
        )
    return pd.DataFrame(lines)
