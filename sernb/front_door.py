"""The README's table of results, and the listing of `sernb results`. Numbers come from stored predictions only."""

import importlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sernb import costs, frozen, headlines, metrics, paths, store

BEGIN, END = "<!-- written by `sernb results --readme` -->", "<!-- end of what is written -->"


#: Where each study's configurations are; none of these modules needs torch.
CONFIGS = {
    "msac_sernet": "msac_config", "gmp_atl": "gmp_atl_config", "domain_mismatch": "mismatch_config",
    "attributes_in_the_wild": "wild_config", "enroll_to_verify": "enroll_config",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table: what a paper reports beside our frozen runs of one preset, with what departs from it."""

    what: str
    notebook: str
    study: str
    preset: str = "paper"
    overrides: dict = field(default_factory=dict)
    reported: tuple | None = None  # table number and model of sernb.reported
    options: str = ""

    @property
    def command(self) -> str:
        number = Path(self.notebook).name.split("_")[0]
        return f"sernb run {number} --preset {self.preset} --data real{self.options}"


_11 = {"notebook": "1_msac_sernet/11_single_corpus", "study": "msac_sernet"}
ROWS = [
    Row("MSAC-SERNet, base model, as published; EMO-DB", reported=(6, "Base"), **_11),
    Row(
        "MSAC-SERNet, base model, tuned, transductive (a speaker's own unlabelled audio standardises it); EMO-DB",
        preset="tuned",
        reported=(6, "Base"),
        **_11,
    ),
    Row("openSMILE emobase + RBF SVM; EMO-DB", overrides={"model": "svm"}, **_11),
]


def rewrite(readme: Path | None = None) -> bool:
    """Write the generated part into the README; returns whether it changed.

    Raises ValueError if the README lacks the two marks.
    """
    readme = Path(readme or paths.ROOT / "README.md")
    before = readme.read_text()
    if before.count(BEGIN) != 1 or before.count(END) != 1:
        raise ValueError(f"{readme}: expected one line {BEGIN!r} and one {END!r} around the generated part.")
    head, rest = before.split(BEGIN)
    after = head + BEGIN + "\n" + generated() + "\n" + END + rest.split(END)[1]
    if after == before:
        return False
    Path(f"{readme}.new").write_text(after)
    os.replace(f"{readme}.new", readme)
    return True


def part(readme: Path | None = None) -> str:
    """The README's generated part as it stands."""
    text = Path(readme or paths.ROOT / "README.md").read_text()
    return text.split(BEGIN)[1].split(END)[0].strip("\n")


def generated() -> str:
    """The tables and the commands that make them, in Markdown, from the committed frozen runs."""
    commands = dict.fromkeys(row.command for row in ROWS)
    further = headlines.markdown()
    parts = [table(), "", "```", *commands, "sernb results --freeze --readme", "```"]
    parts += ["", further] if further else []
    return "\n".join(
        [
            *parts,
            "",
            "**What the papers' full grids cost**, trainings alone, at the preset `paper`:",
            "",
            costs_table(),
        ]
    )


def costs_table(speeds: pd.DataFrame | None = None) -> str:
    """Hours of each paper's full grid by device, from measured speeds; see costs."""
    frame = costs.table(speeds)
    devices = [c for c in frame if c.startswith("hours on")] or ["hours on two cores or a GPU"]
    lines = [
        f"| Paper | Trainings | {' | '.join(d[0].upper() + d[1:] for d in devices)} |",
        "|---" * (2 + len(devices)) + "|",
    ]
    for paper, row in frame.iterrows():
        hours = [row.get(d, float("nan")) for d in devices]
        cells = ["not measured" if pd.isna(h) else f"{h:,.0f}" if h >= 10 else f"{h:.1f}" for h in hours]
        lines.append(f"| {paper} | {row['trainings']:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(link: bool = True) -> str:
    """The table alone; without links, it can stand in a notebook."""
    runs = list(frozen.all_runs().values())
    lines = [
        "| Paper | Notebook | The paper's UAR / WAR | Ours: UAR / WAR [95 % interval] | Folds' UAR | Cost |",
        "|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        name = Path(row.notebook).name
        where = f"[{name}](notebooks/{row.notebook}.ipynb)" if link else name
        cells = [_what(row), where, _reported(row), *_ours(best_group(runs, row))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _what(row) -> str:
    """A row of ours says all that it changes."""
    changed = presets(row.study)[row.preset] if row.preset != "paper" else {}
    return row.what + (f": {', '.join(f'{k} {v}' for k, v in changed.items())}" if changed else "")


def best_group(runs: list, row: Row) -> list:
    """The runs behind a row: of its preset with exactly its overrides, of its study's newest version, of one seed."""
    wanted = _plain(presets(row.study).get(row.preset, {}) | row.overrides)
    fitting = [
        r for r in runs
        if (r.meta["study"], r.meta["preset"]) == (row.study, row.preset) and _plain(r.meta["overrides"]) == wanted
    ]  # fmt: skip
    groups = {}
    for run in fitting:
        groups.setdefault((-run.meta["version"], run.config.get("seed", 0)), []).append(run)
    return groups[min(groups)] if groups else []


def presets(study: str) -> dict[str, dict]:
    """What each preset of a study overrides."""
    return importlib.import_module(f"sernb.studies.{CONFIGS[study]}").PRESETS


def _plain(overrides) -> str:
    return json.dumps(overrides, sort_keys=True, default=list)


def _reported(row) -> str:
    if row.reported is None:
        return "–"
    from sernb import reported

    number, model = row.reported
    of = reported.values(row.study, number, model)
    return f"{of['UAR']:.2f} / {of['WAR']:.2f}"


def _ours(runs) -> list[str]:
    """Three cells: pooled scores with speaker-bootstrap intervals, the folds' spread, the cost."""
    if not runs:
        return ["no frozen run yet", "–", "–"]
    wanted = runs[0].meta["folds"]
    if len(runs) < wanted:
        return [f"{len(runs)} of {wanted} folds frozen", "–", "–"]
    pooled = pd.concat([r.predictions for r in runs])
    cells = [_score(pooled, f) for f in (metrics.uar, metrics.war)]
    folds = [100 * metrics.uar(r.predictions["emotion"], r.predictions["predicted"]) for r in runs]
    spread = f"mean {sum(folds) / len(folds):.1f}, worst {min(folds):.1f}, best {max(folds):.1f}"
    return [" / ".join(cells), spread, _cost(runs)]


def _score(frame, score) -> str:
    low, high = metrics.interval(frame, score, unit="speaker")
    return f"{100 * score(frame['emotion'], frame['predicted']):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _cost(runs) -> str:
    minutes = sum(r.meta["seconds"] for r in runs) / 60
    took = f"{minutes / 60:.1f} h" if minutes >= 90 else f"{minutes:.0f} min" if minutes >= 1 else "< 1 min"
    return f"{took} on {', '.join(sorted({re.sub(r'[|]', ' ', str(r.meta['device'])) for r in runs}))}"


def listing() -> str:
    """What the store and the frozen runs hold: study, version, preset, data, what differs, folds, seeds.

    Raises ValueError if a study's results are of several versions.
    """
    rows = []
    for run in store.find():
        differs = {k: v for k, v in run.meta.get("overrides", {}).items()}
        rows.append(
            {
                **{k: run.meta[k] for k in ("study", "version", "preset", "data")},
                "overrides": " ".join(f"{k}={v}" for k, v in differs.items()) or "none",
                "where": "frozen" if run.meta.get("frozen") else "store",
                "fold": run.config.get("fold"),
                "seed": run.config.get("seed"),
            }
        )
    if not rows:
        return f"No results yet: neither in {paths.RESULTS} nor frozen."
    by = [c for c in rows[0] if c not in ("fold", "seed")]
    table = pd.DataFrame(rows).groupby(by).agg(folds=("fold", _several), seeds=("seed", _several))
    return table.reset_index().to_string(index=False)


def models() -> str:
    """The stored runs that hold weights, newest last: what `sernb predict` can be asked for."""
    runs = [r for r in store.find() if r.path and (r.path / "model.safetensors").exists()]
    runs = sorted(runs, key=lambda r: r.meta["started"])
    lines = [
        f"{r.meta['study']}  {r.key}  {r.meta['data']}  valid UAR {r.metrics.get('valid_uar', float('nan')):.2f}"
        for r in runs
    ]
    return "\n".join(lines) or f"No trained model yet in {paths.RESULTS}."


def _several(values) -> str:
    return ",".join(str(v) for v in sorted(set(values)))
