"""Many configurations of one study: what the store does not have yet is computed, the rest is read."""

from tqdm.auto import tqdm

from sernb import store


class GridError(RuntimeError):
    """Some configurations failed; every other one is in the store."""


def run(study, configs, cluster: str = "none", progress: bool = True) -> list[store.Result]:
    """Results of `configs` in their order.

    A configuration that fails does not stop the others; at the end GridError lists each with its error. An
    interrupt stops at once; what is done stays in the store, and a second call continues.
    """
    if cluster != "none":
        raise ValueError(f"cluster {cluster!r} is unknown; there is 'none' (here, in order).")
    keys = [study.key(config) for config in configs]
    results = {key: store.read(key) for key in keys}
    missing = {key: config for key, config in zip(keys, configs, strict=True) if results[key] is None}
    failed = {}
    for key, config in tqdm(
        missing.items(), desc=study.NAME, disable=not progress or not missing, leave=False
    ):
        try:
            results[key] = store.write(study.run(config, progress=progress))
        except Exception as error:  # reported below, all of them
            failed[key] = error
    if failed:
        lines = "\n".join(f"  {key}: {type(error).__name__}: {error}" for key, error in failed.items())
        raise GridError(
            f"{len(failed)} of {len(configs)} configurations of {study.NAME} failed:\n{lines}"
        ) from next(iter(failed.values()))
    return [results[key] for key in keys]
