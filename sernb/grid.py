"""Many configurations of one study: what the store does not have yet is computed, the rest is read."""

import dataclasses
import functools

from tqdm.auto import tqdm

from sernb import clusters, store, together


class GridError(RuntimeError):
    """Some configurations failed; every other one is in the store."""


def run(study, configs, cluster: str = "none", progress: bool = True) -> list[store.Result]:
    """Results of `configs` in their order.

    `cluster` says where those are computed that the store lacks: "none" (here, in order), "local" (worker processes
    on this machine), "slurm" or a Dask scheduler's address; see clusters for their settings. A configuration that
    fails does not stop the others; at the end GridError lists each with its error. An interrupt stops at once; what
    is done stays in the store, and a second call continues.
    """
    clusters.check(cluster)
    if together.number() > 1 and cluster != "none":
        raise ValueError(
            f"cluster={cluster!r} in one of {together.number()} processes: either these train, or workers."
        )
    keys, failed = _keys(study, configs)
    results = {key: store.read(key) for key in keys if key is not None}
    lacking = together.agreed(lambda: [key for key, found in results.items() if found is None])
    missing = {key: config for key, config in zip(keys, configs, strict=True) if key in lacking}
    call = functools.partial(_computed, study)
    if missing and cluster != "none":
        failed |= clusters.each(call, missing, cluster, study.NAME, progress)
    elif missing:
        failed |= _in_order(functools.partial(call, progress=progress), missing, study.NAME, progress)
    for key in lacking:
        if key in failed:
            continue
        results[key] = store.read(key)
        if results[key] is None:
            failed[key] = FileNotFoundError(
                "its worker stored it elsewhere: does it see the same SERNB_RESULTS?"
            )
    if failed:
        lines = "\n".join(f"  {name}: {type(error).__name__}: {error}" for name, error in failed.items())
        raise GridError(
            f"{len(failed)} of {len(configs)} configurations of {study.NAME} failed:\n{lines}"
        ) from next(iter(failed.values()))
    return [results[key] for key in keys]


def _keys(study, configs) -> tuple[list[str | None], dict[str, Exception]]:
    """The key of every configuration, None where its data cannot be read, and why not."""
    keys, failed = [], {}
    for config in configs:
        try:
            keys.append(study.key(config))
        except Exception as error:  # reported with the others
            keys.append(None)
            failed[_described(config)] = error
    return keys, failed


def _in_order(call, missing, label, progress):
    failed = {}
    for key, config in tqdm(missing.items(), desc=label, disable=not progress, leave=False):
        try:
            call(key, config)
        except Exception as error:  # reported with the others
            if together.number() > 1:
                raise  # the other processes of this training would wait for this one
            failed[key] = error
    return failed


def _computed(study, key, config, progress=False) -> None:
    """Compute one configuration and store it, unless another process has done so."""
    if together.agreed(lambda: store.has(key)):
        return
    made = study.run(config, progress=progress)
    if made.key != key:
        raise ValueError(
            f"it came out as {made.key}: data or version of sernb differ between here and the caller. Bring them together."
        )
    together.agreed(lambda: store.write(made) and None)


def _described(config) -> str:
    """A configuration by those of its fields that are no defaults."""
    if not dataclasses.is_dataclass(config):
        return repr(config)
    values = ((f.name, getattr(config, f.name), f.default) for f in dataclasses.fields(config))
    return ", ".join(f"{name}={value!r}" for name, value, default in values if value != default)
