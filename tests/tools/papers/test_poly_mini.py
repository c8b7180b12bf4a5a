"""Tables on poly-mini from results made by hand; no training."""

import cv2
import pytest

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.evaluation import ClipResult
from audiodet.events import Event
from papers import poly_mini
from papers.engine import reproduce
from tests.tools.papers.conftest import printed_rows, table_of
from tests.tools.papers.finished import finish

RIGHT = {"FNN": [2, 2], "RNN": [4, 4], "CNN": [5, 5], "CRNN": [7, 9]}  # of ten clips, by seed


def clips(right: int) -> list:
    """Ten clips of 4 s with an event of 2 s; in ``right`` of them it is found."""
    event = [Event(1.0, 3.0, POLY_LABELS[0], 0.9)]
    found = []
    for i in range(10):
        found.append(ClipResult(str(i), 4.0, event, event * (i < right), sources=[f"s{i}"]))
    return found


@pytest.fixture
def options(options, nothing_rendered, monkeypatch):
    for name, runs in table_of("crnn-table2", options).trainings.items():
        for run, right in zip(runs, RIGHT[name]):
            finish(run, {"poly_mini_test": clips(right)})
    monkeypatch.setattr(poly_mini, "gmm_clips", lambda cfg, score: clips(1))
    return options


def test_seeds_are_trainings_of_their_own(options):
    trainings = table_of("crnn-table2", options).trainings
    assert [(run.seed, run.cfg.SEED) for run in trainings["CRNN"]] == [(x, x) for x in (42, 43)]
    assert {run.fold for runs in trainings.values() for run in runs} == {None}


def test_table_2(options, capsys):
    report = reproduce("crnn-table2", options)
    said = capsys.readouterr().out
    rows = printed_rows(said)
    assert [row[:2] for row in rows[1:]] == [
        ["GMM", "n/a"],
        ["FNN", "2"],
        ["RNN", "2"],
        ["CNN", "2"],
        ["CRNN", "2"],
    ]
    f1 = [200 * n / (10 + n) for n in (7, 9)]
    mean = sum(f1) / 2
    assert rows[-1][2].startswith(f"{mean:.1f} ± ") and rows[-1][3] == "0.20 ± 0.14"
    assert rows[-1][-3:] == ["2.0", "66.4 / 0.48", "68.7 / 0.47"]
    gain, low, high = report["claims"]["CRNN - CNN, frame"]["F1"]
    assert gain == pytest.approx(mean - 200 * 5 / 15) and low < gain < high
    assert report["CNN"]["frame"][0]["F1"] == pytest.approx(200 * 5 / 15)
    assert report["test sets"] == {"poly_mini_test": "<poly_mini_test>"}
    assert "trainings: 8, seeds 42, 43, 16.0 min of training loops in all" in said
    assert "by source, of which a clip holds several" in said


def test_every_pair_of_the_papers_order_has_a_verdict(options, capsys):
    claims = reproduce("crnn-table2", options)["claims"]
    said = capsys.readouterr().out
    assert len(claims) == 8 * 3 and all("verdict" in claim for claim in claims.values())
    assert claims["CRNN - FNN, frame"]["verdict"] == "confirmed"
    assert claims["CNN - RNN, 40 ms"]["verdict"] == "not shown"  # five clips against four
    assert "CRNN - FNN, 1 s: F1 +" in said and "CNN - RNN, 40 ms: F1 +" in said


def test_a_pair_the_other_way_round_is_contradicted(options):
    for run in table_of("crnn-table2", options).trainings["CNN"]:
        finish(run, {"poly_mini_test": clips(0)})
    claims = reproduce("crnn-table2", options)["claims"]
    assert claims["CNN - RNN, frame"]["verdict"] == "contradicted"


def test_table_3(options, capsys):
    report = reproduce("crnn-table3", options)
    ours, _, _ = capsys.readouterr().out.partition("From the paper")
    header, *rows = printed_rows(ours)
    cnn, other = report["CNN"]["frame"]
    assert cnn["F1-mean"] == other["F1-mean"]
    label = POLY_LABELS[0]
    assert cnn[f"F1-{label}"] == cnn["F1-mean"] == pytest.approx(200 * 5 / 15)
    assert cnn[f"ER-{label}"] == 0.5 and cnn[f"ER-{label}-low"] < 0.5 < cnn[f"ER-{label}-high"]
    assert header == ["class", "GMM", "FNN", "RNN", "CNN", "CRNN"]
    assert [row[0] for row in rows] == [*POLY_LABELS, "mean"]
    assert rows[0][4] == "66.7 ± 0.0 / 0.50 ± 0.00"
    assert rows[0][5].endswith(" / 0.20 ± 0.14")
    assert rows[1][1:] == ["n/a / n/a"] * 5  # no event of cat_meow


@pytest.mark.parametrize("name, rows", [("crnn-table4", 7), ("crnn-figure4", 12)])
def test_sizes_are_scored_and_drawn(name, rows, options, capsys):
    table = table_of(name, options)
    for run in table.runs:
        finish(run, {"poly_mini_test": clips(5)})
    report = reproduce(name, options)
    figures = [report[row.label] for row in table.rows]
    assert len(figures) == rows and len({found["parameters"] for found in figures}) > 1
    for found in figures:
        for segment in ("frame", "40 ms", "1 s"):
            assert found[segment][0]["F1"] == pytest.approx(200 * 5 / 15)
    said = capsys.readouterr().out
    header, *lines = printed_rows(said)
    columns = 8 + (name == "crnn-table4")  # which has the paper's too
    assert len(header) == len(lines[0]) == columns and header[4] == "40 ms F1 %"
    assert f"trainings: {rows}, seeds 42, {2 * rows}.0 min" in said
    picture = options.root / f"{name}.png"
    assert f"picture: {picture}" in said and cv2.imread(str(picture)).std() > 0


def test_shapes_of_filters(options):
    runs = table_of("crnn-table4", options).trainings
    assert list(runs["3 x 11"][0].cfg.MODEL.FRAME_STACK.KERNEL) == [3, 11]
    assert runs["3 x 11"][0].folder.name == "poly_kernel_3x11"
