"""What the real runs say, paper by paper: compact tables for the README, made of frozen runs only."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from sernb import frozen, tables, tables_enroll
from sernb.studies import wild_config

APPROACHES = ("baseline", *wild_config.APPROACHES)
LOSSES = ("SM", "AM", "AAM", "Tri", "Proto", "AProto", "AMProto", "NAMP")
MODELS = ("SVM", "Base", "Base+AGR", "Base+AMTL", "Base+MSAC")
WRITTEN = {"train": "pooled", "corpus": "per corpus (transductive)", "utterance": "per utterance"}


@dataclass(frozen=True)
class Section:
    """A table of the README: its title, the notebook that shows it at length, how to run it, and what makes it.

    `make` takes the frozen runs by study and gives texts; an empty frame where nothing is frozen.
    """

    title: str
    notebook: str
    options: str
    make: Callable[[dict[str, list]], pd.DataFrame]
    note: str = ""

    @property
    def command(self) -> str:
        return f"sernb run {self.notebook.rpartition('/')[2].split('_')[0]} {self.options}"


def markdown() -> str:
    """All sections that have frozen runs, in Markdown."""
    runs = {}
    for run in frozen.all_runs().values():
        runs.setdefault(run.meta["study"], []).append(run)
    parts = [_section(section, section.make(runs)) for section in SECTIONS]
    return "\n\n".join(part for part in parts if part)


def _section(section, frame):
    if frame.empty:
        return ""
    name = section.notebook.rpartition("/")[2]
    lines = [
        f"**{section.title}** ([{name}](notebooks/{section.notebook}.ipynb)). {section.note}".rstrip(),
        "",
    ]
    lines += ["| " + " | ".join(map(str, frame.columns)) + " |", "|---" * len(frame.columns) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join([*lines, "", f"`{section.command}`"])


def _of(runs, study, **fields):
    """The frozen runs of a study with these fields, of its newest version, by fold and seed."""
    found = [r for r in runs.get(study, []) if all(r.config.get(k) == v for k, v in fields.items())]
    newest = max((r.meta["version"] for r in found), default=0)
    found = [r for r in found if r.meta["version"] == newest]
    return sorted(found, key=lambda r: (r.config["fold"], r.config["seed"]))


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


def _single(runs, preset, variant):
    fields = {"corpus": "emodb", "preset": preset, "variant": variant, "model": "base", "kernels": "printed"}
    return [
        r
        for r in _of(runs, "msac_sernet", **fields, seed=0)
        if preset != "paper" or r.config["epochs"] == 100
    ]


def _probed(runs, preset, variant, folds):
    fields = {"corpus": "emodb", "preset": preset, "variant": variant, "of": "msac_sernet"}
    found = _of(runs, "control", **fields)
    if len(found) != folds:
        return {}
    metrics = pd.DataFrame([r.metrics for r in found]).mean() * 100
    names = [n.removeprefix("read_") for n in metrics.index if n.startswith("read_")]
    return {f"{n} read / chance": f"{metrics[f'read_{n}']:.1f} / {metrics[f'chance_{n}']:.1f}" for n in names}


def crossed(runs) -> pd.DataFrame:
    """Ways of using attributes, and of normalising, on several corpora: held-out speakers, and a corpus never seen."""
    found = _of(runs, "msac_sernet", preset="reduced", classes="five", corpus="emodb+ravdess", unseen="emovo")
    groups = {}
    for run in found:
        model = "SVM" if run.config["model"] == "svm" else run.config["variant"]
        if model in MODELS:
            groups.setdefault((model, WRITTEN[run.config["normalisation"]]), []).append(run)
    lines, written = [], list(WRITTEN.values())
    for model, normalised in sorted(groups, key=lambda g: (written.index(g[1]), MODELS.index(g[0]))):
        found = groups[model, normalised]
        base = groups.get(("Base", normalised), [])
        rows = tables.generalisation(model, found, against=base if model != "Base" and base else None)
        rows = rows[rows["metric"] != "WAR"].replace(
            {"metric": {"UAR": "held-out speakers, UAR", "OOD WAR/UAR": "unseen corpus, UAR"}}
        )
        line = _wide(rows.assign(normalised=normalised), ["model", "normalised"], "metric").iloc[0].to_dict()
        lines.append(line | {"p held-out / unseen": " / ".join(_p(p) for p in rows["p (McNemar)"])})
    return pd.DataFrame(lines)


def wild(runs) -> pd.DataFrame:
    """Paper 4's approaches by set of attributes: in-domain and on a corpus never seen, less the baseline's."""
    groups = {}
    for run in _of(runs, "attributes_in_the_wild", preset="reduced"):
        groups.setdefault((run.config["approach"], run.config["attributes"]), []).append(run)
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


def enrolled(runs) -> pd.DataFrame:
    """Paper 5's eight losses: each unseen emotion against neutral."""
    return _verified(_of(runs, "enroll_to_verify", preset="reduced", corpus="ravdess", enrol_corpus=""))


def enrolled_across(runs) -> pd.DataFrame:
    """The same with another corpus to enrol from and to verify in."""
    return _verified(_of(runs, "enroll_to_verify", preset="reduced", corpus="ravdess", enrol_corpus="emodb"))


def _verified(found):
    """A line per loss: every task and the mean over tasks, UAR / weighted F1 with what holds 95 % of the draws."""
    frames = {}
    for run in found:
        if run.config["ce"] and run.config["margin"] is None and run.config["classes"] == "four":
            asked = run.predictions[run.predictions["task"].str.contains(" | ", regex=False)]
            frames.setdefault(run.config["loss"], []).append(asked.assign(seed=run.config["seed"]))
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


def _drawn(values: pd.DataFrame) -> str:
    """UAR / weighted F1: means over draws, each with the interval that holds 95 % of them."""
    cells = [(v.mean(), *v.quantile([0.025, 0.975])) for v in (values["UAR"], values["F1"])]
    return " / ".join(f"{mean:.1f} [{low:.1f}, {high:.1f}]" for mean, low, high in cells)


_THREE = '-p corpora_seen \'["emodb", "ravdess"]\' --data real --preset reduced'
_NAMED = "UAR / weighted F1. NAMP's margin tightens, as printed; AMProto's relaxes, which is NAMP as the text argues."
SECTIONS = [
    Section("Paper 1: does control control? EMO-DB, ten folds", "1_msac_sernet/11_single_corpus",
            "--preset tuned --data real", control),
    Section("Paper 1: across corpora, five classes; EMO-DB and RAVDESS, EMOVO never seen", "1_msac_sernet/12_cross_corpus",
            f"{_THREE} -p unseen emovo -p draws '[0]' -p seeds '[0, 1]'", crossed),
    Section("Paper 4: one attribute and several, three approaches; EMO-DB and RAVDESS, EMOVO never seen",
            "4_attributes_in_the_wild/41_single_attributes",
            f"{_THREE} -p corpora_unseen '[\"emovo\"]' -p seeds '[0, 1, 2]'", wild,
            "UAR of three classes; language and corpus coincide here, so there is one of them."),
    Section("Paper 5: unseen emotions against neutral, ten enrolled; RAVDESS, six folds",
            "5_enroll_to_verify/51_losses", "--preset reduced --data real -p corpus ravdess -p seeds '[0, 1]'", enrolled,
            _NAMED),
    Section("Paper 5: enrolled and verified in another corpus, EMO-DB",
            "5_enroll_to_verify/53_tasks_and_pretraining", "--preset reduced --data real -p corpus ravdess", enrolled_across,
            _NAMED),
]  # fmt: skip
