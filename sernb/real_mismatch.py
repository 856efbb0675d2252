"""Tables and verdicts of real runs, paper 3: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import metrics, real_runs, tables, tables_mismatch
from sernb.studies import mismatch_config

CORPORA = ("ravdess", "emodb", "emovo")  # of the letters
NAMES = {corpus: tables_mismatch.WRITTEN[corpus] for corpus in CORPORA}
LETTERS = [s for s, of in mismatch_config.SETS.items() if max(of) < len(CORPORA) and s in "ABCF"]
VICTIM = "emodb"  # whose labels are scrambled
REVERSED = (0.05, 0.1, 0.5)  # weights of the corpus head behind reversal: all are shown, none is chosen
COLLAPSED = 0.95  # of the predictions in one class

_REVERSE = [("C", VICTIM, weight) for weight in REVERSED]


def figure_2(runs) -> dict:
    """Results by training set and rate, on those folds that all have; none without augmentation."""
    cells = [(letter, rate) for letter in LETTERS for rate in mismatch_config.RATES]
    groups = real_runs.shared({cell: _trained(runs, *cell) for cell in cells})
    return groups if any(rate for _, rate in groups) else {}


def figure_3(runs) -> dict:
    """Results by training set, whether EMO-DB is scrambled, and the corpus reversed; on those folds that all have."""
    cells = [("C", "", 0.0), ("C", VICTIM, 0.0), *_REVERSE, ("B", "", 0.0), ("B", VICTIM, 0.0)]
    groups = real_runs.shared({cell: _trained(runs, cell[0], 0.0, *cell[1:]) for cell in cells})
    return groups if any(scrambled for _, scrambled, _ in groups) else {}


def _trained(runs, letter, augmented, scrambled="", adversarial=0.0):
    """Results of a training set, the first seed's."""
    of = mismatch_config.training_set(letter, CORPORA)
    own = {"augmented": augmented, "scrambled": scrambled, "adversarial": adversarial}
    return real_runs.find(runs, "domain_mismatch", "reduced", seed=0, **own, **of)


def augmented(runs) -> pd.DataFrame:
    """A line per training set and rate: weighted F1 / UAR on every corpus, and p to the same set without augmentation."""
    groups, lines = figure_2(runs), []
    for (letter, rate), found in groups.items():
        line = {"trained on": _written(found), "augmented": f"{100 * rate:.0f} %"}
        lines.append(line | _tested(found, "to 0 %", groups.get((letter, 0.0)) if rate else None))
    return pd.DataFrame(lines)


def scrambled(runs) -> pd.DataFrame:
    """A line per model: every corpus by its true labels, the scrambled one by those it was given; the corpus probe."""
    groups, lines = figure_3(runs), []
    for (letter, swapped, _), found in groups.items():
        against = groups.get((letter, "", 0.0)) if swapped else None
        line = {"trained on": _written(found)} | _tested(found, "to labels as published", against)
        lines.append(line | {"corpus read / chance": _corpus_read(runs, found)})
    return pd.DataFrame(lines)


def _written(found) -> str:
    config = found[0].config
    names = [NAMES[c] + " scrambled" * (c == config["scrambled"]) for c in config["corpus"].split("+")]
    weight = config["adversarial"]
    return " + ".join(names) + (f", corpus reversed (α = {weight})" if weight else "")


def _tested(found, to, against) -> dict[str, str]:
    """Cells of a line: the final models' weighted F1 / UAR on every corpus, p to other models there, the folds."""
    line, ps = {}, []
    for corpus, name in NAMES.items():
        frame = tables_mismatch.tested(found, corpus)
        both = " / ".join(real_runs.scored(frame, score) for score in (metrics.wf1, metrics.uar))
        line[name] = f"{'seen' if _seen(found, corpus) else 'unseen'}: {both}{_collapsed(found, corpus)}"
        if against:
            ps.append(real_runs.p_cell(tables.paired(frame, tables_mismatch.tested(against, corpus))))
    line[f"p {to}: {' / '.join(NAMES.values())}"] = " / ".join(ps) or "–"
    return line | {"folds": f"{len(found)} of {found[0].meta['folds']}"}


def _collapsed(found, corpus) -> str:
    """Which models say the same of everything, each by itself: pooled, two that say different things would hide it."""
    shares = [
        tables_mismatch.tested([r], corpus)["predicted"].value_counts(normalize=True).max() for r in found
    ]
    collapsed = sum(share > COLLAPSED for share in shares)
    if not collapsed:
        return ""
    return " (one class)" if collapsed == len(found) else f" (one class in {collapsed} of {len(found)} folds)"


def _seen(found, corpus) -> bool:
    return corpus in found[0].config["corpus"].split("+")


def _corpus_read(runs, found) -> str:
    config = found[0].config
    asked = {name: config[name] for name in ("corpus", "unseen", "scrambled", "adversarial", "augmented")}
    read = real_runs.probed(runs, "reduced", "domain_mismatch", real_runs.places(found), **asked)
    return read.get("corpus read / chance", "–")


def _change(found, against, corpus) -> tuple[float, float, float]:
    """What a model gains over another on a corpus, in points of weighted F1 and of WAR, and McNemar's p."""
    a, b = (tables_mismatch.tested(of, corpus) for of in (found, against))
    gains = [_score(a, score) - _score(b, score) for score in (metrics.wf1, metrics.war)]
    return *gains, tables.paired(a, b)


def _score(frame, score) -> float:
    return 100 * score(frame["emotion"], frame["predicted"])


def augments(runs) -> str:
    """Does augmentation help across corpora? It would where more than half of the cells gain by more than chance."""
    groups, rows = figure_2(runs), []
    for (letter, rate), found in groups.items():
        if rate and (letter, 0.0) in groups:
            rows += [(rate, _seen(found, c), _change(found, groups[letter, 0.0], c)) for c in CORPORA]
    if not rows:
        return ""
    said, helps = [], {}
    for seen, where in ((False, "corpora not trained on"), (True, "held-out speakers of those trained on")):
        each = []
        for rate in sorted({rate for rate, _, _ in rows}):
            of = [change for r, s, change in rows if (r, s) == (rate, seen)]
            better, worse = (sum(p < 0.05 and sign * war > 0 for _, war, p in of) for sign in (1, -1))
            mean = sum(gain for gain, _, _ in of) / len(of)
            each.append(f"{mean:+.1f} points at {100 * rate:.0f} % ({better} of {len(of)} cells better and {worse} worse at p < 0.05)")  # fmt: skip
            if not seen:
                helps.setdefault(better > len(of) / 2, []).append(f"{100 * rate:.0f} %")
        said.append(f"on {where} {', '.join(each)}")
    ways = {
        False: "holds at {}: no more than half of the cells gain",
        True: "does not hold at {}: more than half do",
    }
    held = "; it ".join(way.format(" and ".join(helps[gain])) for gain, way in ways.items() if gain in helps)
    return (
        f"Augmentation changes weighted F1, on average: {'; '.join(said)}. {_gap(groups)}The paper's first finding, that "
        f"augmentation barely helps across corpora, {held}."
    )


def _gap(groups) -> str:
    """How far models stay below those trained on the corpus, without augmentation."""
    plain = [found for (_, rate), found in groups.items() if not rate]
    alone = {of[0].config["corpus"]: of for of in plain if "+" not in of[0].config["corpus"]}
    gaps = [_wf1(alone[c], c) - _wf1(found, c) for found in plain for c in alone if not _seen(found, c)]
    if not gaps:
        return ""
    return f"Without it, not having trained on a corpus costs {sum(gaps) / len(gaps):.1f} points. "


def _wf1(found, corpus) -> float:
    return _score(tables_mismatch.tested(found, corpus), metrics.wf1)


def scrambling(runs) -> str:
    """Do scrambled labels hurt? And do they once the corpora cannot be told apart?"""
    groups, name, said = figure_3(runs), NAMES[VICTIM], []
    published, swapped, alone, alone_swapped = (
        groups.get((letter, of, 0.0)) for letter in "CB" for of in ("", VICTIM)
    )
    reverse = {cell[2]: groups[cell] for cell in _REVERSE if cell in groups}
    if published and swapped:
        found = {c: _change(swapped, published, c) for c in CORPORA}
        hurt = any(p < 0.05 and war < 0 for c, (_, war, p) in found.items() if _seen(published, c))
        held = "does not hold" if hurt else "holds as far as this test can tell"
        said.append(f"Scrambling {name} changes weighted F1: {_each(found)}.")
        said.append(f"The paper's second finding, that it does not hurt the corpora trained on, {held}.")
    if alone and alone_swapped:
        noise = _points(_change(alone_swapped, alone, VICTIM))
        said.append(
            f"Trained on {name} alone, where swapped labels are the same task by other names: {noise}."
        )
    for weight, of in reverse.items() if swapped else ():
        found = {c: _change(of, swapped, c) for c in CORPORA if _seen(swapped, c)}
        said.append(f"Reversing the corpus as well, α = {weight}: {_each(found)}.")
    models = {"as published": published, "scrambled": swapped}
    models |= {f"with the corpus reversed at {weight}": of for weight, of in reverse.items()}
    read = {how: _corpus_read(runs, of).split(" / ")[0] for how, of in models.items() if of}
    read = [f"{share} % {how}" for how, share in read.items() if share != "–"]
    return " ".join(
        [*said, *([f"A linear probe reads the corpus off the embedding: {', '.join(read)}."] if read else [])]
    )


def _each(changes) -> str:
    own = {VICTIM: " by the labels it was given"}
    return "; ".join(f"{NAMES[c]}{own.get(c, '')} {_points(change)}" for c, change in changes.items())


def _points(change) -> str:
    return f"{change[0]:+.1f} points (p {change[2]:.2g})"
