"""From a data file to trainings and rows, and cells."""

import math
from dataclasses import replace

import pytest
import yaml

from papers.cells import Cells, cell, signed, verdict
from papers.tables import build_table, fill, load_tables

DATA = yaml.safe_load("""
folds: [0, 1]
opts: {SOLVER.MAX_ITER: 5, DATASETS.TEST: ["mini_{level}_fold{fold}"]}
each: {level: [20, 0]}
trainings:
  "first {level}": {config: quick/rcrnn, folder: "first_{level}_fold{fold}"}
  "second {level}":
    config: quick/rcrnn
    folder: "second_{level}_fold{fold}"
    opts: {MODEL.WEIGHTS: "{first 20}/model_final.pth", SOLVER.MAX_ITER: 6}
    shipped: {weights: "{shipped}/x{fold}", tune: true}
rows:
  "first {level}": {}
  "second {level}, {weight}": {of: "second {level}", each: {weight: [0.5, 1.0]}, lambda: "{weight}"}
claims:
  - ["second {level}, 1.0", "first {level}"]
  - [first 20, first 0]
""")


def test_placeholders_become_trainings_rows_and_claims(options):
    table = build_table("mini", DATA, {"SEED": 3}, replace(options, opts={"SOLVER.MAX_ITER": "7"}))
    assert list(table.trainings) == ["first 20", "second 20", "first 0", "second 0"]
    run = table.trainings["second 0"][1]
    assert run.fold == 1 and run.seed is None and run.folder == options.root / "second_0_fold1"
    assert run.opts == {
        "SEED": 3,
        "SOLVER.MAX_ITER": "7",  # the command line has the last word
        "DATASETS.TEST": ["mini_0_fold1"],
        "MODEL.WEIGHTS": f"{options.root}/first_20_fold1/model_final.pth",
    }
    assert run.after == [table.trainings["first 20"][1]] and run.weights is None
    labels = [row.label for row in table.rows]
    second = ["second 20, 0.5", "second 20, 1.0", "second 0, 0.5", "second 0, 1.0"]
    assert labels == ["first 20", *second[:2], "first 0", *second[2:]]
    assert table.rows[1].spec["lambda"] == 0.5 and table.rows[1].runs[1].fold == 1
    assert table.pairs("claims") == [
        ("second 20, 1.0", "first 20"),
        ("first 20", "first 0"),
        ("second 0, 1.0", "first 0"),
    ]
    assert len(table.runs) == 8


def test_weights_that_ship_replace_a_training(options):
    table = build_table("mini", DATA, {}, replace(options, shipped=True, folds=(2,)))
    (run,) = table.trainings["second 20"]
    assert run.weights.endswith("/model_zoo/weights/x2") and run.tune


def test_a_table_is_one_more_file(tmp_path):
    (tmp_path / "mine.yaml").write_text(".part: &part {a: 1}\nmine: {opts: *part}\n")
    assert load_tables(tmp_path) == {"mine": {"opts": {"a": 1}}}


def test_a_placeholder_alone_keeps_its_type():
    names = {"n": 3, "sizes": [1, 2]}
    assert fill({"a": "{n}", "b": ["{sizes}", "x{n}"], "{n}": "{other}"}, names) == {
        "a": 3,
        "b": [[1, 2], "x3"],
        "3": "{other}",
    }


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
    figures = {
        "F1": 20.04,
        "F1-low": 17.0,
        "F1-high": 24.0,
        "F1-source-low": 1,
        "F1-source-high": 2,
    }
    assert cell(figures, "F1", ".1f") == "20.0"
    assert cell(figures, "F1", ".1f clip") == "20.0 [17.0, 24.0]"
    assert cell(figures, "F1", ".1f source") == "20.0 [1.0, 2.0]"
    assert cell({"ER": 1.5}, "ER", ".2f clip") == "1.50"
    assert cell({"ER": 1.5, "ER-low": None, "ER-high": None}, "ER", ".2f clip") == "1.50"
    assert cell({"F1": None}, "F1", ".1f") == cell({"F1": math.nan}, "F1", ".1f") == "n/a"
    assert cell([{"F1": 1.0}, {"F1": 3.0}], "F1", ".1f clip") == "2.0 ± 1.4"
    assert cell([figures], "F1", ".1f clip") == "20.0 [17.0, 24.0]"
    assert cell({"seeds": [1.0, 2.0]}, "seeds", ".1f") == "1.0, 2.0"
    assert signed((1.25, -0.5, 3.0), 1) == "+1.2 [-0.5, +3.0]"


def test_columns_name_figures_by_group():
    figures = {"quiet": {"ER": 0.5, "F1-dog": 1.0}, "hard": {"ER": 0.25}, "minutes": 2.0}
    cells = Cells(figures, "hard")
    assert cells.format("{quiet/ER:.1f} / {quiet/F1-dog:.1f}") == "0.5 / 1.0"
    assert cells.format("{ER:.2f}, {minutes:.0f} min") == "0.25, 2 min"
    assert cells.format("{nobody/ER:.2f}") == cells.format("{F1:.2f}") == "n/a"
