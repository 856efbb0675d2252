"""Tables and verdicts of real runs, paper 5: frozen runs by study in, texts out; see headlines."""

import pandas as pd

from sernb import real_runs, tables_enroll

LOSSES = ("SM", "AM", "AAM", "Tri", "Proto", "AProto", "AMProto", "NAMP")


def enrolled(runs) -> pd.DataFrame:
    """Paper 5's eight losses: each unseen emotion against neutral."""
    return _verified(
        real_runs.find(
            runs, "enroll_to_verify", "reduced", ("loss", "unseen"), corpus="ravdess", enrol_corpus=""
        )
    )


def enrolled_across(runs) -> pd.DataFrame:
    """The same with another corpus to enrol from and to verify in."""
    return _verified(
        real_runs.find(
            runs, "enroll_to_verify", "reduced", ("loss", "unseen"), corpus="ravdess", enrol_corpus="emodb"
        )
    )


def _verified(found):
    """A line per loss: every task and the mean over tasks, UAR / weighted F1 with what holds 95 % of the draws."""
    frames = {}
    for run in found:
        asked = run.predictions[run.predictions["task"].str.contains(" | ", regex=False)]
        frames.setdefault(run.config["loss"], []).append(asked.assign(seed=run.config["seed"]))
    frames = real_runs.complete(frames)
    whole = {loss: pd.concat(frames[loss]) for loss in sorted(frames, key=LOSSES.index)}
    lines = []
    for loss, frame in whole.items():
        draws = {task: tables_enroll.draws(of) for task, of in frame.groupby("task", sort=False)}
        draws = {"mean over tasks": sum(draws.values()) / len(draws)} | draws
        line = {"loss": loss} | {task.replace(" | ", " or "): _drawn(of) for task, of in draws.items()}
        against = whole.get("AProto")
        known = against is not None and loss != "AProto"
        lines.append(
            line | {"p to AProto": real_runs.p_cell(tables_enroll.mcnemar(frame, against)) if known else "–"}
        )
    return pd.DataFrame(lines)


def margins(runs, across: str = "") -> str:
    """Does a negative margin help, and in which reading?"""
    frame = _verified(
        real_runs.find(
            runs, "enroll_to_verify", "reduced", ("loss", "unseen"), corpus="ravdess", enrol_corpus=across
        )
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
            told = real_runs.told(float(frame.loc[loss, "p to AProto"]))
            said.append(
                f"{what}, changes the mean UAR of AProto by {mean[loss] - mean['AProto']:+.1f} points, {told}"
            )
    return "; ".join(said) + "." if said else ""


def _drawn(values: pd.DataFrame) -> str:
    """UAR / weighted F1: means over draws, each with the interval that holds 95 % of them."""
    cells = [(v.mean(), *v.quantile([0.025, 0.975])) for v in (values["UAR"], values["F1"])]
    return " / ".join(f"{mean:.1f} [{low:.1f}, {high:.1f}]" for mean, low, high in cells)
