"""What full grids cost: trainings × epochs × hours over measured speed, and nothing where nothing was measured."""

import math

import pandas as pd
import pytest

from sernb import costs, front_door, speed_papers


def test_cost_is_audio_over_speed():
    stages = sorted({grid.stage for grid in costs.GRIDS})
    speeds = pd.DataFrame({"stage": stages, "device": "cpu", "speed": 10.0})
    speeds = pd.concat([speeds, speeds.iloc[:1].assign(device="a GPU", speed=1000.0)])
    table = costs.table(speeds)
    for paper in range(1, 6):
        hours = sum(g.trainings * g.epochs * g.hours for g in costs.GRIDS if g.paper == paper)
        assert table.loc[paper, "hours of audio"] == pytest.approx(hours)
        assert table.loc[paper, "hours on cpu"] == pytest.approx(hours / 10)
    assert (
        table["hours on a GPU"].notna().sum() == 1
    )  # the one paper of the one stage that was measured there


def test_a_paper_with_one_unmeasured_stage_has_no_cost():
    speeds = pd.DataFrame({"stage": ["CNN14"], "device": ["cpu"], "speed": [10.0]})
    table = costs.table(speeds)
    assert math.isnan(table.loc[1, "hours on cpu"]) and table.loc[3, "hours on cpu"] > 0


def test_the_front_page_says_what_was_not_measured():
    text = front_door.costs_table(pd.DataFrame({"stage": ["CNN14"], "device": ["cpu"], "speed": [10.0]}))
    lines = [line.split("|")[1:-1] for line in text.splitlines()[2:]]
    assert [cells[0].strip() for cells in lines] == ["1", "2", "3", "4", "5"]
    assert "| Hours on cpu |" in text
    assert lines[0][-1].strip() == "not measured" and lines[2][-1].strip() != "not measured"
    assert "not measured" in front_door.costs_table(pd.DataFrame(columns=["stage", "device", "speed"]))


def test_every_stage_that_a_grid_names_is_measured(tmp_path):
    stages = {
        name: (study, config) for name, study, config in speed_papers._stages("mine.csv", str(tmp_path))
    }
    assert {grid.stage for grid in costs.GRIDS} == set(stages)
    for study, config in stages.values():
        assert config.preset == "paper" and isinstance(config, study.Config)
