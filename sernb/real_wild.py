"""Tables and verdicts of real runs, paper 4: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import metrics, real_runs, tables
from sernb.studies import wild_config

APPROACHES = ("baseline", *wild_config.APPROACHES)


def _groups(runs) -> dict[tuple[str, str], list]:
    """Runs by (approach, attributes), of the models that have all seeds."""
    groups = {}
    for run in real_runs.find(
        runs, "attributes_in_the_wild", "reduced", ("approach", "attributes"), **real_runs.TWO
    ):
        groups.setdefault((run.config["approach"], run.config["attributes"]), []).append(run)
    return real_runs.complete(groups)


def wild(runs) -> pd.DataFrame:
    """Paper 4's approaches by set of attributes: in-domain and on a corpus never seen, less the baseline's."""
    groups = _groups(runs)
    if ("baseline", "") not in groups:
        return pd.DataFrame()
    order = sorted(groups, key=lambda m: (m[0] != "baseline", m[1].count("+"), m[1], APPROACHES.index(m[0])))
    rows = pd.concat([tables.domains(*model, groups[model]) for model in order])
    first = rows[rows["approach"] == "baseline"].set_index("domain")["here"]
    shown = real_runs.wide(rows, ["approach", "attributes"], "domain")
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
    frame, groups = wild(runs), _groups(runs)
    gains = (
        frame[frame["approach"] != "baseline"]
        .set_index("approach")
        .filter(like="less baseline")
        .astype(float)
    )
    said = []
    for approach, of in gains.groupby(level=0, sort=False):
        both, mean = (of > 0).all(axis=1).sum(), of.mean()
        models = [found for (a, _), found in groups.items() if a == approach]
        each = []
        for column, part in zip(of, ("test", "unseen"), strict=True):
            sure = sum(_surely(found, groups["baseline", ""], part) for found in models)
            each.append(f"{column.removesuffix(', less baseline')} {mean[column]:+.1f} ({sure} at p < 0.05)")
        said.append(
            f"{approach}: {both} of {len(of)} sets beat the baseline everywhere, on average {', '.join(each)}"
        )
    return "; ".join(said) + "."


def _surely(found, baseline, part) -> bool:
    """Whether a model is ahead of the baseline by McNemar's test."""
    ahead = real_runs.gain(found, baseline, metrics.uar, part) > 0
    return ahead and tables.mcnemar(found, baseline, part) < 0.05
