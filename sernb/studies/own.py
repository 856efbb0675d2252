"""Losses and encoders of one's own: registered under a name, they are configured like the workbook's.

    @own.loss("mine")     # a class: Mine(features, classes); forward(x, target) → scalar; logits(x) → (B, classes)
    @own.encoder("mine")  # a class: Mine(n_mels, embedding); forward(x (B, n_mels, T), frames (B,)) → (B, embedding)

A name is known where the code that registers it has run: in this notebook, or in a module that workers import too. What
is registered joins the store's key by its source, so that what was changed is computed again.
"""

import ast
import functools
import hashlib
import inspect
import linecache
from collections.abc import Callable

LOSSES, ENCODERS = {}, {}
FIELDS = {"loss": LOSSES, "encoder": ENCODERS}


def loss(name: str) -> Callable:
    return functools.partial(_register, LOSSES, name)


def encoder(name: str) -> Callable:
    return functools.partial(_register, ENCODERS, name)


def _register(registered, name, made):
    registered[name] = made
    return made


def choose(what: str, name: str, ours: dict[str, Callable]) -> Callable:
    """What makes the loss or encoder (`what`) of that name: of `ours`, or registered. Raises ValueError for neither."""
    found = ours.get(name) or FIELDS[what].get(name)
    if found is None:
        known = ", ".join([*ours, *FIELDS[what]])
        raise ValueError(
            f"{what} {name!r} is unknown; there are {known}. Your own: register it, see studies.own."
        )
    return found


def sources(config) -> dict[str, str]:
    """For the store's key: what of a configuration is one's own, by a digest of its source without its comments."""
    named = {field: registered.get(getattr(config, field, None)) for field, registered in FIELDS.items()}
    return {f"source of {field}": source(made) for field, made in named.items() if made is not None}


def source(made) -> str:
    """Sixteen digits of the class or function as it is written, in a module or a cell of a notebook."""
    functions = (
        [made] if inspect.isfunction(made) else [f for f in vars(made).values() if inspect.isfunction(f)]
    )
    if not functions:
        raise ValueError(
            f"{made.__name__} has no method of its own: expected a class with forward, or a function."
        )
    text = "".join(linecache.getlines(functions[0].__code__.co_filename))
    written = [
        ast.unparse(node) for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == made.__name__
    ]  # fmt: skip
    return hashlib.sha256("\n".join(written).encode()).hexdigest()[:16]
