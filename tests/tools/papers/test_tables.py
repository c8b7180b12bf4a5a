"""Cells and verdicts that the tables share."""

import json
import math
from pathlib import Path

import pytest

from papers.runs import Run
from papers.tables import cell, print_trainings, signed, verdict

CONFIG = Path("configs/quick/rcrnn.yaml").resolve()


@pytest.mark.parametrize(
    "low, high, word",
    [
        (0.1, 2.0, "confirmed"),
        (-2.0, -0.1, "contradicted"),
        (-1.0, 1.0, "not shown"),
        (0.0, 1.0, "not shown"),
        (-1.0, 0.0, "not shown"),
        (math.nan, math.nan, "not shown"),
    ],
)
def test_a_verdict_needs_an_interval_without_zero(low, high, word):
    assert verdict(low, high) == word


def test_cells():
    assert cell({"F1": 20.04, "F1-low": 17.0, "F1-high": 24.0}, "F1", 1) == "20.0 [17.0, 24.0]"
    assert cell({"ER": 1.5}, "ER", 2) == "1.50"
    assert cell({"ER": 1.5, "ER-low": None, "ER-high": None}, "ER", 2) == "1.50"
    assert cell({"F1": None}, "F1", 1) == cell({"F1": math.nan}, "F1", 1) == "n/a"
    assert signed((1.25, -0.5, 3.0), 1) == "+1.2 [-0.5, +3.0]"


def test_what_a_run_starts_from_is_counted_too_and_once(tmp_path, capsys):
    def training(name, seed, after=()):
        run = Run(CONFIG, tmp_path / name, 0, ["SEED", seed], list(after))
        run.folder.mkdir()
        (run.folder / "metrics.json").write_text(json.dumps({"iteration": 1, "time": 60.0}))
        return run

    first = training("first", "7")
    rows = [training("second", "8", [first]), training("third", "8", [first])]
    evaluated = Run(CONFIG, tmp_path / "evaluated", 0, [], [first], weights="model_final.pth")
    print_trainings([*rows, evaluated])
    assert capsys.readouterr().out == (
        "trainings: 3, seeds 7, 8, 6.0 min of training loops in all\n"
    )
    print_trainings(rows, by_clip=True)
    assert "intervals by clip: a clip holds several sources" in capsys.readouterr().out
