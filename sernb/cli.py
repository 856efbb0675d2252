"""The command line: `sernb run` executes notebooks, `sernb corpora` lists and checks data, `sernb results` shows results,
`sernb predict` asks a trained model."""

import argparse
import signal
import sys
from pathlib import Path

from sernb import clusters, notebooks, saving

#: What was wrong with the command itself; nothing was executed.
MISUSE = 2


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 1 (something failed), 2 (misuse), 130 or 143 (stopped)."""
    chosen = parser().parse_args(arguments)
    try:
        return chosen.command(chosen)
    except (ValueError, OSError) as error:
        print(f"sernb: {error}", file=sys.stderr)
        return MISUSE


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="sernb", description=__doc__.split("\n")[0])
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="execute notebooks, headless and in order")
    run.add_argument(
        "notebooks", nargs="*", metavar="NOTEBOOK", help="path, name, number or folder; default: all"
    )
    run.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters",
                     help="set a notebook's parameter; one that a notebook does not declare is refused")  # fmt: skip
    run.add_argument(
        "--preset", choices=["quick", "reduced", "paper", "tuned"], help="default: the notebook's own, quick"
    )
    run.add_argument("--data", choices=["stand-in", "real"], help="default: the notebook's own, stand-in")
    run.add_argument("--cluster", help="where trainings run: none (here, in order; the default), local (worker processes), "
                     "slurm, or a Dask scheduler's address")  # fmt: skip
    run.add_argument("--out", type=Path, metavar="DIR", help="where to render; default: build/rendered")
    run.add_argument(
        "--save", action="store_true", help="put the executed notebook in its place, to be committed"
    )
    run.set_defaults(command=execute)

    catalogue = commands.add_parser(
        "corpora", help="list the corpora: what is there, how to get the rest; check one"
    )
    catalogue.set_defaults(command=list_corpora)
    check = catalogue.add_subparsers(metavar="check").add_parser(
        "check", help="compare a download with what is published"
    )
    check.add_argument("name", metavar="NAME", help="the corpus, as its folder below SERNB_DATA is called")
    check.set_defaults(command=check_corpus)

    results = commands.add_parser("results", help="list results; freeze, import, write the README's table")
    results.add_argument(
        "--import", type=Path, metavar="DIR", dest="other", help="merge another machine's results/"
    )
    results.add_argument(
        "--freeze", action="store_true", help="write finished real runs to figures/real/runs"
    )
    results.add_argument(
        "--readme", action="store_true", help="rewrite the README's table from the frozen runs"
    )
    results.add_argument(
        "--models", action="store_true", help="list the trained models by key, for `predict`"
    )
    results.set_defaults(command=show_results)

    ask = commands.add_parser("predict", help="emotion, probabilities and out-of-distribution score of files")
    ask.add_argument(
        "model", metavar="MODEL", help="a stored run: its key, the beginning of it, or its folder"
    )
    ask.add_argument("files", nargs="+", metavar="FILE")
    ask.add_argument("--format", choices=["table", "csv", "json"], default="table")
    ask.add_argument("--window", type=float, default=10.0, help="seconds; a longer file is judged in windows")
    ask.add_argument("--hop", type=float, default=5.0, help="seconds between windows")
    ask.set_defaults(command=predict)
    return top


def execute(chosen) -> int:
    """`sernb run`. Every notebook's parameters are checked before the first one is executed."""
    given = {name: notebooks.value(text) for name, text in chosen.parameters}
    if chosen.cluster is not None:
        clusters.check(chosen.cluster)
    offered = {"preset": chosen.preset, "data": chosen.data, "cluster": chosen.cluster}
    if chosen.save and (given or any(offered.values())):
        raise ValueError("--save stores a notebook as its own parameters make it; give no others with it.")
    found = notebooks.find(chosen.notebooks)
    if not found:
        raise FileNotFoundError("there is no notebook below notebooks/.")
    passed = [notebooks.choose(n, given, offered) for n in found]
    failures = []
    for i, (notebook, values) in enumerate(zip(found, passed, strict=True), 1):
        print(f"[{i}/{len(found)}] {_described(notebook, values)} … ", end="", flush=True)
        file = notebooks.place(notebook, values, chosen.out)
        try:
            outcome = notebooks.execute(notebook, values, file)
        except notebooks.Stopped as stop:
            return _stopped(notebook, file, stop)
        print(f"{outcome.seconds:.0f} s{'' if outcome.error is None else ', failed'}", flush=True)
        if outcome.error is not None:
            failures.append(outcome)
        elif chosen.save:
            saving.save(notebook, outcome.file)
    for outcome in failures:
        print(f"{outcome.notebook.name}: {outcome.error}\n  see {_short(outcome.file)}", file=sys.stderr)
    return 1 if failures else 0


def _described(notebook, passed):
    values = {k: v for k, v in notebook.parameters().items() if k in ("preset", "data")} | passed
    shown = [str(v) if k in ("preset", "data") else f"{k} {v}" for k, v in values.items()]
    return f"{notebook.name} ({', '.join(shown)})" if shown else notebook.name


def _stopped(notebook, file, stop):
    name = signal.Signals(stop.number).name
    print(f"stopped by {name}", flush=True)
    print(
        f"{notebook.name}: stopped by {name}; as far as it came: {_short(file.with_suffix('.partial.ipynb'))}. "
        "The same command again continues: what the store holds is not computed twice.",
        file=sys.stderr,
    )
    return 128 + stop.number


def _short(file):
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def list_corpora(chosen) -> int:
    """`sernb corpora`: the catalogue; no file is decoded."""
    from sernb.corpora import listing

    print(listing.catalogue())
    return 0


def check_corpus(chosen) -> int:
    """`sernb corpora check NAME`: 0 where the download agrees with what is published, 1 with every deviation."""
    from sernb.corpora import listing

    status, text = listing.checked(chosen.name)
    print(text)
    return status


def show_results(chosen) -> int:
    """`sernb results`: import, freeze and rewrite the README in this order where asked, else list."""
    from sernb import front_door, frozen

    if chosen.other:
        print(f"imported {frozen.import_(chosen.other)} new results")
    if chosen.freeze:
        for file in frozen.freeze() or ["nothing: the store has no finished real run"]:
            print(f"froze {file}")
    if chosen.readme:
        print("README.md", "rewritten" if front_door.rewrite() else "is up to date")
    if chosen.models:
        print(front_door.models())
    if not (chosen.other or chosen.freeze or chosen.readme or chosen.models):
        print(front_door.listing())
    return 0


def predict(chosen) -> int:
    """`sernb predict MODEL FILE…`: 0, or 1 where a file could not be read; the others are judged all the same."""
    from sernb.studies import predicting

    predictor = predicting.Predictor(predicting.find(chosen.model))
    frame, left_out = predicting.files(predictor, chosen.files, chosen.window, chosen.hop)
    written = {
        "table": lambda: frame.to_string(index=False, float_format="{:.3f}".format),
        "csv": lambda: frame.to_csv(index=False).rstrip("\n"),
        "json": lambda: frame.to_json(orient="records", indent=1),
    }
    print(written[chosen.format]())
    for file, why in left_out:
        print(f"sernb: left out: {file}: {why}", file=sys.stderr)
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
