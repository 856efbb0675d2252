"""Tables and verdicts of real runs, paper 4: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import real_runs, tables
from sernb.studies import wild_config

APPROACHES = ("baseline", *wild_config.APPROACHES)


def wild(runs) -> pd.DataFrame:
    """Paper 4's approaches by set of attributes: in-domain and on a corpus never seen, less the baseline's."""
    groups = {}
    for run in real_runs.find(
        runs, "attributes_in_the_wild", "reduced", ("approach", "attributes"), **real_runs.TWO
    ):
        groups.setdefault((run.config["approach"], run.config["attributes"]), []).append(run)
    groups = real_runs.complete(groups)
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
