"""What the tables of real runs are made with: finding frozen runs by configuration, comparing like with like, cells."""

import pandas as pd

from sernb import metrics, tables
from sernb.studies import enroll_config, gmp_atl_config, mismatch_config, msac_config, wild_config

CONFIGS = {
    "msac_sernet": msac_config,
    "reliability": msac_config,  # of its models
    "gmp_atl": gmp_atl_config,
    "domain_mismatch": mismatch_config,
    "attributes_in_the_wild": wild_config,
    "enroll_to_verify": enroll_config,
}
PRESETS = {study: module.PRESETS for study, module in CONFIGS.items()}
TWO = {"corpus": "emodb+ravdess", "unseen": "emovo"}


def find(runs, study, preset, free=(), of="", **fields):
    """The frozen runs of a study (or of what it asks `of` another) that depart from a preset in these fields only.

    Fields in `free` may have any value. Of the newest version; by fold and seed. A preset that has changed since is
    another one: its earlier runs are left out. A field that came after a run had its default in it.
    """
    default = CONFIGS[of or study].Config
    wanted = {"preset": preset, **PRESETS[of or study][preset], **fields} | ({"of": of} if of else {})

    def fits(run):
        same = all(
            _stored(run.config.get(name, getattr(default, name, None))) == _stored(value)
            for name, value in wanted.items()
        )
        return same and set(run.meta["overrides"]) <= {*wanted, *free}

    found = [r for r in runs.get(study, []) if fits(r)]
    newest = max((r.meta["version"] for r in found), default=0)
    found = [r for r in found if r.meta["version"] == newest]
    return sorted(found, key=lambda r: places([r]))


def _stored(value):
    return list(value) if isinstance(value, tuple) else value  # as JSON keeps it


def places(found) -> list[tuple]:
    return [(r.config["fold"], r.config["seed"]) for r in found]


def complete(groups: dict) -> dict:
    """Those groups of runs that are as large as the largest: a model of fewer folds or seeds is no fair comparison."""
    most = max(map(len, groups.values()), default=0)
    return {name: runs for name, runs in groups.items() if len(runs) == most}


def shared(groups: dict) -> dict:
    """Groups of runs on those folds and seeds that all of them have; groups without a run left out."""
    groups = {name: found for name, found in groups.items() if found}
    each = [set(places(found)) for found in groups.values()]
    common = set.intersection(*each) if each else set()
    groups = {name: [r for r in of if places([r])[0] in common] for name, of in groups.items()}
    return groups if common else {}


def folds(groups: dict) -> list[int]:
    """The folds that were run, empty where those are all."""
    found = [r for of in groups.values() for r in of]
    run = sorted({r.config["fold"] for r in found})
    return run if found and len(run) < found[0].meta["folds"] else []


def cell(row) -> str:
    """A score with its interval, and the paper's beside it where there is one."""
    low, high = row["interval"].split(" (")[0].split(" … ")
    paper = row.get("reported", float("nan"))
    return f"{row['here']:.1f} [{low}, {high}]" + ("" if pd.isna(paper) else f"; paper {paper:.1f}")


def scored(pooled, score) -> str:
    """A score of pooled predictions in % with its interval."""
    here = 100 * score(pooled["emotion"], pooled["predicted"])
    return cell({"here": here, "interval": tables.interval(pooled, score)})


def wide(rows: pd.DataFrame, index: list[str], across: str) -> pd.DataFrame:
    """Rows reported | here | interval as one line per `index`, a column per value of `across`."""
    cells = rows.assign(cell=[cell(row) for row in rows.to_dict("records")])
    return cells.pivot_table("cell", index, across, aggfunc="first", sort=False).fillna("–").reset_index()


def p_cell(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2g}"


def told(p: float) -> str:
    return f"p {p:.2g}: " + ("a difference" if p < 0.05 else "no difference that this test can tell")


def uar(results) -> float:
    pooled = tables.pool(results)
    return 100 * metrics.uar(pooled["emotion"], pooled["predicted"])


def gain(results, against, score, part="test") -> float:
    """Points of a score that results are ahead of others."""
    both = [tables.pool(r, part) for r in (results, against)]
    here, there = (100 * score(frame["emotion"], frame["predicted"]) for frame in both)
    return here - there


def probed(runs, preset, of, asked, **fields) -> dict[str, str]:
    """What a linear probe reads off the embedding of a study's models: "attribute read / chance", the mean over folds.

    `asked` are pairs (fold, seed); nothing where one of them was not probed.
    """
    found = [r for r in find(runs, "control", preset, of=of, probe=0, **fields) if places([r])[0] in asked]
    if len(found) != len(asked):
        return {}
    mean = pd.DataFrame([r.metrics for r in found]).mean() * 100
    names = [n.removeprefix("read_") for n in mean.index if n.startswith("read_")]
    return {f"{n} read / chance": f"{mean[f'read_{n}']:.1f} / {mean[f'chance_{n}']:.1f}" for n in names}
