"""Tables and verdicts of the real runs, paper by paper: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import metrics, tables, tables_enroll
from sernb.studies import enroll_config, msac_config, wild_config

APPROACHES = ("baseline", *wild_config.APPROACHES)
CONFIGS = {
    "msac_sernet": msac_config,
    "attributes_in_the_wild": wild_config,
    "enroll_to_verify": enroll_config,
}
PRESETS = {study: module.PRESETS for study, module in CONFIGS.items()}
TWO = {"corpus": "emodb+ravdess", "unseen": "emovo"}
LOSSES = ("SM", "AM", "AAM", "Tri", "Proto", "AProto", "AMProto", "NAMP")
MODELS = ("SVM", "Base", "Base+AGR", "Base+AMTL", "Base+MSAC")
WRITTEN = {"train": "pooled", "corpus": "per corpus (transductive)", "utterance": "per utterance"}


def _of(runs, study, preset, free=(), of="", **fields):
    """The frozen runs of a study (or of what it asks `of` another) that depart from a preset in these fields only.

    Fields in `free` may have any value. Of the newest version; by fold and seed. A preset that has changed since is
    another one: its earlier runs are left out. A field that came after a run had its default in it.
    """
    default = CONFIGS[of or study].Config
    wanted = {"preset": preset, **PRESETS[of or study][preset], **fields} | ({"of": of} if of else {})

    def fits(run):
        same = all(
            run.config.get(name, getattr(default, name, None)) == value for name, value in wanted.items()
        )
        return same and set(run.meta["overrides"]) <= {*wanted, *free}

    found = [r for r in runs.get(study, []) if fits(r)]
    newest = max((r.meta["version"] for r in found), default=0)
    found = [r for r in found if r.meta["version"] == newest]
    return sorted(found, key=lambda r: (r.config["fold"], r.config["seed"]))


def _complete(groups: dict) -> dict:
    """Those groups of runs that are as large as the largest: a model of fewer folds or seeds is no fair comparison."""
    most = max(map(len, groups.values()), default=0)
    return {name: runs for name, runs in groups.items() if len(runs) == most}


def _places(found) -> list[tuple]:
    return [(r.config["fold"], r.config["seed"]) for r in found]


def _cell(row) -> str:
    """A score with its interval, and the paper's beside it where there is one."""
    low, high = row["interval"].split(" (")[0].split(" … ")
    paper = row.get("reported", float("nan"))
    return f"{row['here']:.1f} [{low}, {high}]" + ("" if pd.isna(paper) else f"; paper {paper:.1f}")


def _wide(rows: pd.DataFrame, index: list[str], across: str) -> pd.DataFrame:
    """Rows reported | here | interval as one line per `index`, a column per value of `across`."""
    cells = rows.assign(cell=[_cell(row) for row in rows.to_dict("records")])
    return cells.pivot_table("cell", index, across, aggfunc="first", sort=False).fillna("–").reset_index()


def _p(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2g}"


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
            line = {"preset": preset, "model": variant, "UAR": _cell(uar)}
            for name in ("mean of folds", "worst fold", "best fold"):
                line[name] = f"{uar[name]:.1f}"
            line["p (McNemar, to Base)"] = _p(uar["p (McNemar)"])
            lines.append(line | _probed(runs, preset, variant, len(found)))
    return pd.DataFrame(lines).fillna("–")


def controls(runs) -> str:
    """Is MSAC better than Base, and can a probe read less of the speaker off it?"""
    said = []
    for preset in ("paper", "tuned"):
        base, msac = (_single(runs, preset, v) for v in ("Base", "Base+MSAC"))
        if not base or {len(base), len(msac)} != {base[0].meta["folds"]}:
            continue
        gain = _uar(msac) - _uar(base)
        said.append(
            f"Preset {preset}: MSAC less Base {gain:+.1f} points of UAR, {_told(tables.mcnemar(msac, base))}."
        )
        read = [
            _probed(runs, preset, v, len(base)).get("speaker read / chance") for v in ("Base", "Base+MSAC")
        ]
        if all(read):
            before, after = (float(r.split(" / ")[0]) for r in read)
            how = "less" if after < before else "more, not less,"
            said.append(
                f"The probe reads {how} of the speaker off MSAC's embedding ({after:.1f} against {before:.1f})."
            )
    return " ".join(said)


def _uar(results) -> float:
    pooled = tables.pool(results)
    return 100 * metrics.uar(pooled["emotion"], pooled["predicted"])


def _told(p: float) -> str:
    return f"p {p:.2g}: " + ("a difference" if p < 0.05 else "no difference that this test can tell")


def _single(runs, preset, variant):
    return _of(runs, "msac_sernet", preset, corpus="emodb", variant=variant, model="base", seed=0)


def _probed(runs, preset, variant, folds):
    found = _of(runs, "control", preset, of="msac_sernet", corpus="emodb", variant=variant, seed=0)
    if len(found) != folds:
        return {}
    metrics = pd.DataFrame([r.metrics for r in found]).mean() * 100
    names = [n.removeprefix("read_") for n in metrics.index if n.startswith("read_")]
    return {f"{n} read / chance": f"{metrics[f'read_{n}']:.1f} / {metrics[f'chance_{n}']:.1f}" for n in names}


def crossed(runs) -> pd.DataFrame:
    """Ways of using attributes, and of normalising, on several corpora: held-out speakers, and a corpus never seen."""
    found = _of(runs, "msac_sernet", "reduced", ("model", "variant", "normalisation"), classes="five", **TWO)
    groups = {}
    for run in found:
        model = "SVM" if run.config["model"] == "svm" else run.config["variant"]
        if model in MODELS:
            groups.setdefault((model, WRITTEN[run.config["normalisation"]]), []).append(run)
    lines, written = [], list(WRITTEN.values())
    for model, normalised in sorted(groups, key=lambda g: (written.index(g[1]), MODELS.index(g[0]))):
        found = groups[model, normalised]
        base = groups.get(("Base", normalised), [])
        alike = model != "Base" and _places(base) == _places(found)
        rows = tables.generalisation(model, found, against=base if alike else None)
        rows = rows[rows["metric"] != "WAR"].replace(
            {"metric": {"UAR": "held-out speakers, UAR", "OOD WAR/UAR": "unseen corpus, UAR"}}
        )
        line = _wide(rows.assign(normalised=normalised), ["model", "normalised"], "metric").iloc[0].to_dict()
        lines.append(line | {"p held-out / unseen": " / ".join(_p(p) for p in rows["p (McNemar)"])})
    return pd.DataFrame(lines)


def wild(runs) -> pd.DataFrame:
    """Paper 4's approaches by set of attributes: in-domain and on a corpus never seen, less the baseline's."""
    groups = {}
    for run in _of(runs, "attributes_in_the_wild", "reduced", ("approach", "attributes"), **TWO):
        groups.setdefault((run.config["approach"], run.config["attributes"]), []).append(run)
    groups = _complete(groups)
    if ("baseline", "") not in groups:
        return pd.DataFrame()
    order = sorted(groups, key=lambda m: (m[0] != "baseline", m[1].count("+"), m[1], APPROACHES.index(m[0])))
    rows = pd.concat([tables.domains(*model, groups[model]) for model in order])
    first = rows[rows["approach"] == "baseline"].set_index("domain")["here"]
    shown = _wide(rows, ["approach", "attributes"], "domain")
    better = rows.assign(gain=rows["here"] - rows["domain"].map(first))
    gains = better.pivot_table("gain", ["approach", "attributes"], "domain", sort=False)
    for domain in first.index:
        shown[f"{domain}, less baseline"] = [
            f"{gains.loc[(a, s), domain]:+.1f}"
            for a, s in zip(shown["approach"], shown["attributes"], strict=True)
        ]
    return shown


def consistent(runs) -> str:
    """The paper's claim: gradient reversal helps most consistently."""
    frame = wild(runs)
    gains = (
        frame[frame["approach"] != "baseline"]
        .set_index("approach")
        .filter(like="less baseline")
        .astype(float)
    )
    said = []
    for approach, of in gains.groupby(level=0, sort=False):
        both, mean = (of > 0).all(axis=1).sum(), of.mean()
        each = ", ".join(f"{c.removesuffix(', less baseline')} {mean[c]:+.1f}" for c in of)
        said.append(f"{approach}: {both} of {len(of)} sets beat the baseline everywhere, on average {each}")
    return "; ".join(said) + "."


def enrolled(runs) -> pd.DataFrame:
    """Paper 5's eight losses: each unseen emotion against neutral."""
    return _verified(
        _of(runs, "enroll_to_verify", "reduced", ("loss", "unseen"), corpus="ravdess", enrol_corpus="")
    )


def enrolled_across(runs) -> pd.DataFrame:
    """The same with another corpus to enrol from and to verify in."""
    return _verified(
        _of(runs, "enroll_to_verify", "reduced", ("loss", "unseen"), corpus="ravdess", enrol_corpus="emodb")
    )


def _verified(found):
    """A line per loss: every task and the mean over tasks, UAR / weighted F1 with what holds 95 % of the draws."""
    frames = {}
    for run in found:
        asked = run.predictions[run.predictions["task"].str.contains(" | ", regex=False)]
        frames.setdefault(run.config["loss"], []).append(asked.assign(seed=run.config["seed"]))
    frames = _complete(frames)
    whole = {loss: pd.concat(frames[loss]) for loss in sorted(frames, key=LOSSES.index)}
    lines = []
    for loss, frame in whole.items():
        draws = {task: tables_enroll.draws(of) for task, of in frame.groupby("task", sort=False)}
        draws = {"mean over tasks": sum(draws.values()) / len(draws)} | draws
        line = {"loss": loss} | {task.replace(" | ", " or "): _drawn(of) for task, of in draws.items()}
        against = whole.get("AProto")
        known = against is not None and loss != "AProto"
        lines.append(line | {"p to AProto": _p(tables_enroll.mcnemar(frame, against)) if known else "–"})
    return pd.DataFrame(lines)


def margins(runs, across: str = "") -> str:
    """Does a negative margin help, and in which reading?"""
    frame = _verified(
        _of(runs, "enroll_to_verify", "reduced", ("loss", "unseen"), corpus="ravdess", enrol_corpus=across)
    )
    frame, said = frame.set_index("loss"), []
    for loss, what in (
        ("NAMP", "A margin that tightens, as printed"),
        ("AMProto", "one that relaxes, as argued"),
    ):
        if {loss, "AProto"} <= {*frame.index}:
            mean = {
                name: float(frame.loc[name, "mean over tasks"].split(" ")[0]) for name in (loss, "AProto")
            }
            told = _told(float(frame.loc[loss, "p to AProto"]))
            said.append(
                f"{what}, changes the mean UAR of AProto by {mean[loss] - mean['AProto']:+.1f} points, {told}"
            )
    return "; ".join(said) + "." if said else ""


def _drawn(values: pd.DataFrame) -> str:
    """UAR / weighted F1: means over draws, each with the interval that holds 95 % of them."""
    cells = [(v.mean(), *v.quantile([0.025, 0.975])) for v in (values["UAR"], values["F1"])]
    return " / ".join(f"{mean:.1f} [{low:.1f}, {high:.1f}]" for mean, low, high in cells)
