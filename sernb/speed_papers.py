"""Speed of one training of every paper's model at its `paper` preset, in hours of audio an hour; see costs.

python -m sernb.speed_papers [CSV]      a table of recordings (default: EMO-DB); writes figures/real/costs.csv
"""

import sys
import tempfile
from pathlib import Path

import pandas as pd

from sernb import corpora, costs, paths, training

EPOCHS = 3  # the first pays for compilation and warm-up


def measure(table: pd.DataFrame) -> pd.DataFrame:
    """Rows stage, device, speed: hours of training audio per hour of the fastest epoch, validation included.

    `table` is of one corpus with at least four emotions and six speakers; the results go to a folder that is thrown
    away. HuBERT has its published size and random weights: they cost the same.
    """
    rows, before = [], paths.RESULTS
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "measured.csv"
        table.reset_index(names="id").to_csv(csv, index=False)
        paths.RESULTS = Path(folder) / "results"
        try:
            for stage, study, config in _stages(str(csv), folder):
                material = study.data(config)
                whole = getattr(material, "whole", material.folds)[config.fold]
                seconds = (table["end"] - table["start"])[whole.train].sum()
                epoch = study.run(config, progress=False).curves["seconds"].min()
                name = training.device_name(training.device())
                rows.append({"stage": stage, "device": name, "speed": seconds / epoch})
        finally:
            paths.RESULTS = before
    return pd.DataFrame(rows)


def _stages(csv, folder):
    from transformers import HubertConfig, HubertModel

    from sernb.studies import attributes_in_the_wild, domain_mismatch, enroll_to_verify, gmp_atl, msac_sernet

    hubert = Path(folder) / "hubert"
    HubertModel(HubertConfig()).save_pretrained(hubert)
    own = {"corpus": csv, "epochs": EPOCHS}
    every = {**own, "classes": "all"}
    few = {"input": "emobase", "enrolled": 1}  # how many are enrolled after a training costs nothing
    yield "GRU-transformer", enroll_to_verify, enroll_to_verify.Config.of("paper", **own, **few)
    yield "MSAC-SERNet", msac_sernet, msac_sernet.Config.of("paper", **every, variant="Base+MSAC")
    yield "CNN-LSTM", attributes_in_the_wild, attributes_in_the_wild.Config.of("paper", **own, unseen="")
    yield "CNN14", domain_mismatch, domain_mismatch.Config.of("paper", **own, unseen="", augmented=1.0)
    plain = {"encoder": str(hubert), "division": "speaker", "pseudo_labels": False}
    if training.device().type == "cpu":
        # A batch of the paper's 64 takes more memory than a small machine has.
        plain["batch_size"] = 16
    yield "GMP-ATL", gmp_atl, gmp_atl.Config.of("paper", **every, **plain)


def main(arguments: list[str]) -> None:
    table = corpora.read_table(arguments[0]) if arguments else corpora.load("emodb", data="real")
    found = measure(table)
    file = paths.FIGURES / "real" / "costs.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = costs.measured()
    kept = kept[~kept["device"].isin(found["device"])]
    pd.concat([kept, found]).to_csv(file, index=False, float_format="%.4g")
    print(costs.table().round(1).to_string())


if __name__ == "__main__":
    main(sys.argv[1:])
