"""Tables and verdicts of real runs, papers 3 and 4: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import metrics, real_runs, tables, tables_mismatch
from sernb.studies import mismatch_config, wild_config

APPROACHES = ("baseline", *wild_config.APPROACHES)
CORPORA = ("ravdess", "emodb", "emovo")
NAMES = {corpus: tables_mismatch.WRITTEN[corpus] for corpus in CORPORA}
VICTIM, REVERSED = "emodb", 0.5  # whose labels are scrambled; the weight of the corpus head behind reversal


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


def _mismatched(runs, letter, augmented=0.0, scrambled="", adversarial=0.0):
    """Paper 3's results of a training set out of the three corpora, the first seed's."""
    of = mismatch_config.training_set(letter, CORPORA)
    own = {"augmented": augmented, "scrambled": scrambled, "adversarial": adversarial}
    return real_runs.find(runs, "domain_mismatch", "reduced", seed=0, **own, **of)


def _written(found) -> str:
    config = found[0].config
    names = [
        NAMES[c] + (" scrambled" if c == config["scrambled"] else "") for c in config["corpus"].split("+")
    ]
    reverse = f", corpus reversed (α = {config['adversarial']})" if config["adversarial"] else ""
    return " + ".join(names) + reverse


def _seen(found, corpus) -> bool:
    return corpus in found[0].config["corpus"].split("+")


def _tested(found, against=None) -> dict[str, str]:
    """Cells of a line: weighted F1 / UAR of the final models on every corpus, and p to other models there."""
    line, ps = {}, []
    for corpus, name in NAMES.items():
        frame = tables_mismatch.tested(found, corpus)
        both = " / ".join(real_runs.scored(frame, score) for score in (metrics.wf1, metrics.uar))
        line[name] = f"{'seen' if _seen(found, corpus) else 'unseen'}: {both}"
        ps.append(tables.paired(frame, tables_mismatch.tested(against, corpus)) if against else float("nan"))
    return line | {"p": " / ".join(map(real_runs.p_cell, ps)) if against else "–"}


def _change(found, against, corpus) -> tuple[float, float, float]:
    """What a model gains over another on a corpus, in points of weighted F1 and of WAR, and McNemar's p."""
    a, b = (tables_mismatch.tested(of, corpus) for of in (found, against))
    gains = [100 * (_score(a, score) - _score(b, score)) for score in (metrics.wf1, metrics.war)]
    return *gains, tables.paired(a, b)


def _score(frame, score):
    return score(frame["emotion"], frame["predicted"])


def _folds(found) -> str:
    return f"{len(found)} of {found[0].meta['folds']}"


def figure_2(runs) -> dict:
    """Paper 3's results by training set and rate, on those folds that all have."""
    cells = [(letter, rate) for letter in mismatch_config.SETS for rate in mismatch_config.RATES]
    fitting = [c for c in cells if max(mismatch_config.SETS[c[0]]) < len(CORPORA) and c[0] in "ABCF"]
    return real_runs.shared({cell: _mismatched(runs, *cell) for cell in fitting})


def augmented(runs) -> pd.DataFrame:
    """A line per training set and rate: weighted F1 / UAR on every corpus, and p to the same set without augmentation."""
    groups, lines = figure_2(runs), []
    for (letter, rate), found in groups.items():
        line = {"trained on": _written(found), "augmented": f"{100 * rate:.0f} %"}
        line |= _tested(found, groups.get((letter, 0.0)) if rate else None)
        line[f"p to 0 %: {' / '.join(NAMES.values())}"] = line.pop("p")
        lines.append(line | {"folds": _folds(found)})
    return pd.DataFrame(lines)


def augments(runs) -> str:
    """Does augmentation help across corpora? It would where more than half of the cells gain by more than chance."""
    groups = figure_2(runs)
    rows = [
        {"rate": rate, "seen": _seen(found, corpus), "change": _change(found, groups[letter, 0.0], corpus)}
        for (letter, rate), found in groups.items() for corpus in CORPORA if rate and (letter, 0.0) in groups
    ]  # fmt: skip
    if not rows:
        return ""
    said, helps = [], False
    for seen, where in (
        (False, "On corpora not trained on"),
        (True, "On held-out speakers of those trained on"),
    ):
        each = []
        for rate in sorted({row["rate"] for row in rows}):
            of = [row["change"] for row in rows if (row["rate"], row["seen"]) == (rate, seen)]
            better, worse = (sum(p < 0.05 and sign * war > 0 for _, war, p in of) for sign in (1, -1))
            mean = sum(gain for gain, _, _ in of) / len(of)
            each.append(f"augmenting {100 * rate:.0f} % changes weighted F1 by {mean:+.1f} points on average over {len(of)} cells ({better} better, {worse} worse at p < 0.05)")  # fmt: skip
            helps |= not seen and better > len(of) / 2
        said.append(f"{where}, {'; '.join(each)}.")
    held = (
        "does not hold: it helps in more than half of them"
        if helps
        else "holds: in no more than half of them does it help"
    )
    return " ".join(
        [
            *said,
            _gap(groups),
            f"The paper's first finding, that augmentation barely helps across corpora, {held}.",
        ]
    ).replace("  ", " ")


def _gap(groups) -> str:
    """How far models stay below those trained on the corpus, without augmentation."""
    alone = {
        of[0].config["corpus"]: of
        for (_, rate), of in groups.items()
        if not rate and "+" not in of[0].config["corpus"]
    }
    gaps = [
        100 * (_score(tables_mismatch.tested(alone[corpus], corpus), metrics.wf1) - _score(tables_mismatch.tested(found, corpus), metrics.wf1))
        for (_, rate), found in groups.items() for corpus in alone if not rate and not _seen(found, corpus)
    ]  # fmt: skip
    return (
        f"Without it they stay {sum(gaps) / len(gaps):.1f} points below a model trained on the corpus alone."
        if gaps
        else ""
    )


def figure_3(runs) -> dict:
    """Paper 3's results with labels as published, scrambled, and with the corpus reversed as well, on those folds that all have."""
    asked = {("C", False, 0.0), ("C", True, 0.0), ("C", True, REVERSED), ("B", False, 0.0), ("B", True, 0.0)}
    order = sorted(asked, key=lambda a: (a[0] != "C", a[1:]))
    return real_runs.shared(
        {a: _mismatched(runs, a[0], scrambled=VICTIM if a[1] else "", adversarial=a[2]) for a in order}
    )


def _corpus_read(runs, found) -> str:
    config = found[0].config
    asked = {name: config[name] for name in ("corpus", "unseen", "scrambled", "adversarial", "augmented")}
    read = real_runs.probed(runs, "reduced", "domain_mismatch", real_runs.places(found), **asked)
    return read.get("corpus read / chance", "–")


def scrambled(runs) -> pd.DataFrame:
    """A line per model: every corpus by its true labels, the scrambled one by those it was given; the corpus probe."""
    groups, lines = figure_3(runs), []
    for (letter, swapped, _), found in groups.items():
        line = {"trained on": _written(found)} | _tested(
            found, groups.get((letter, False, 0.0)) if swapped else None
        )
        line[f"p to labels as published: {' / '.join(NAMES.values())}"] = line.pop("p")
        lines.append(line | {"corpus read / chance": _corpus_read(runs, found), "folds": _folds(found)})
    return pd.DataFrame(lines)


def scrambling(runs) -> str:
    """Do scrambled labels hurt? And do they once the corpora cannot be told apart?"""
    groups = figure_3(runs)
    published, swapped, reverse = (
        groups.get(("C", *a)) for a in ((False, 0.0), (True, 0.0), (True, REVERSED))
    )
    alone = [groups.get(("B", *a)) for a in ((True, 0.0), (False, 0.0))]
    said, name = [], NAMES[VICTIM]
    if published and swapped:
        found = {c: _change(swapped, published, c) for c in CORPORA}
        each = "; ".join(
            f"{NAMES[c]}{' by its own labels' if c == VICTIM else ''} {_points(found[c])}" for c in CORPORA
        )
        hurt = any(p < 0.05 and war < 0 for c, (_, war, p) in found.items() if _seen(published, c))
        said.append(f"Scrambling {name} changes weighted F1: {each}. The paper's second finding, that it does not hurt the corpora trained on, {'does not hold' if hurt else 'holds'}.")  # fmt: skip
    if all(alone):
        said.append(
            f"Trained on {name} alone, where swapped labels are the same task by other names: {_points(_change(*alone, VICTIM))}."
        )
    if swapped and reverse:
        each = "; ".join(
            f"{NAMES[c]} {_points(_change(reverse, swapped, c))}" for c in CORPORA if _seen(swapped, c)
        )
        said.append(f"Reversing the corpus as well: {each}.")
    read = {
        how: _corpus_read(runs, of)
        for how, of in (
            ("as published", published),
            ("scrambled", swapped),
            ("with the corpus reversed", reverse),
        )
        if of
    }
    read = [f"{text.split(' / ')[0]} % {how}" for how, text in read.items() if text != "–"]
    return " ".join(
        [
            *said,
            *([f"A linear probe reads the corpus off the embedding of {', '.join(read)}."] if read else []),
        ]
    )


def _points(change) -> str:
    return f"{change[0]:+.1f} points, {real_runs.told(change[2])}"
