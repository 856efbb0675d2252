"""A made corpus is indexed, packed and batched whole, and its memory is in gigabytes."""

import pandas as pd
import soundfile

from sernb import corpora, speed_scale


def test_what_is_made_is_a_corpus(tmp_path):
    speed_scale.make(tmp_path, 30)
    table = corpora.load("msp_podcast", tmp_path)
    assert len(table) == 30 and table.index.is_unique
    seconds = table["end"] - table["start"]
    assert seconds.between(0.25, 0.5).all() and set(table["split"]) == {"Train"}
    assert soundfile.info(table["file"].iloc[0]).samplerate == 16_000
    again = tmp_path / "again"
    speed_scale.make(again, 30)
    pd.testing.assert_series_equal(corpora.load("msp_podcast", again)["emotion"], table["emotion"])


def test_a_measurement_is_one_row_with_units():
    (row,) = speed_scale.measure(40, batch_size=16).to_dict("records")
    assert list(row) == [
        "utterances", "index / s", "pack / s", "batches / (utterances/s)", "peak memory, index and pack / GB",
        "peak memory, batches / GB",
    ]  # fmt: skip
    assert row["utterances"] == 40 and all(value > 0 for value in row.values())
    assert all(0.1 < memory < 8 for memory in list(row.values())[-2:])  # of a process that has loaded PyTorch
