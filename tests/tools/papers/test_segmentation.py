"""The tables of time-frequency segmentation on results made by hand; no training."""

import json

import pytest

from audiodet.evaluation import ClipResult, save_clips
from papers import segmentation
from papers.runs import Options
from audiodet.events import Event
from tests.conftest import ROOT

F1 = {"GMP": 10.0, "GAP": 20.0, "GWRP": 30.0}


def figures(value: float) -> dict:
    """Figures of one fold: a value and an interval of 3 below and 4 above it."""
    names = ("F1", "AUC", "mAP")
    return {n + end: value + d for n in names for end, d in (("", 0), ("-low", -3), ("-high", 4))}


def clips(name: str, right: int) -> list:
    """Ten clips with an event of 2 s; in ``right`` of them it is found."""
    event = [Event(0.5, 2.5, "babycry", 0.9)]
    return [ClipResult(f"{name}_{i:04d}.wav", 10.0, event, event * (i < right)) for i in range(10)]


def write(run, name, ratio, gain=1.0):
    """What a training leaves; GWRP falls by 5 from level to level."""
    value = gain * (F1.get(name, 5.0) - (20 - ratio) / 2)
    folder = run.folder / "inference" / segmentation.test_set(run)
    folder.mkdir(parents=True)
    for task, file in (("tagging", "tagging"), ("frames", "frames")):
        (folder / f"{file}.json").write_text(json.dumps({task: figures(value)}))
    masks = {"masks": figures(value), "masks_ratio": figures(value / 2)}
    (folder / "masks.json").write_text(json.dumps(masks))
    sed = {
        **figures(value),
        "ER": 1.5,
        "ER-low": 1.25,
        "ER-high": 1.75,
        "deletions": 0.5,
        "insertions": 1.0,
    }
    (folder / "metrics.json").write_text(json.dumps({"sed": sed}))
    right = {"GMP": 1, "GAP": 2, "GWRP": 7 - (20 - ratio) // 10}.get(name, 0)
    save_clips(clips(segmentation.test_set(run), right), folder / "clips.jsonl")
    lines = [{"iteration": 0, "time": 60.0}, {"iteration": 1, "time": 60.0}]
    (run.folder / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
    run.mark.write_text(json.dumps(run.signature))


@pytest.fixture
def options(tmp_path, monkeypatch):
    options = Options(tmp_path, ROOT / "configs", folds=(2,))
    for (name, ratio), (run,) in segmentation.runs(options).items():
        write(run, name, ratio)
    monkeypatch.setattr(segmentation, "remix_mini_hash", lambda name: f"<{name}>")
    return options


def test_every_run_has_its_own_data(options):
    runs = segmentation.runs(options)
    assert len(runs) == 18 and len({run.folder for (run,) in runs.values()}) == 18
    (run,) = runs["GAP", 10]
    assert run.opts[:2] == ["DATASETS.TRAIN", "['remix_mini_10db_fold2_train']"]
    assert segmentation.test_set(run) == "remix_mini_10db_fold2_test"
    assert run.config.name == "remix_mini_gap.yaml"


def rows(said: str, system: str) -> list[list[str]]:
    lines = [line for line in said.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[1] == system]


def test_table_2(options, capsys):
    report = segmentation.table2(options)
    said = capsys.readouterr().out
    assert report["GWRP, 20 dB"]["F1"] == 30 and len(report) == 18
    assert rows(said, "GWRP")[2] == ["0 dB", "GWRP", *["20.0 [17.0, 24.0]"] * 3, "2.0", "53.4"]
    assert rows(said, "attention")[0][-1] == ""
    (published,) = rows(said, "FC-DNN (the paper's alone)")
    assert published[0] == "0 dB" and published[2:] == [*[""] * 4, "33.1"]
    assert "a clip holds several sources" in said
    assert "trainings: 18, seeds 42, 36.0 min of training loops in all" in said
    assert "test sets at 0 dB: <remix_mini_0db_fold2_test>" in said


def test_table_5_says_whether_the_claims_hold(options, capsys):
    """Intervals reach from 3 below to 4 above: 10 apart is shown, 5 is not."""
    claims = segmentation.table5(options)["claims"]
    said = capsys.readouterr().out
    assert "point estimates" in said
    assert "GWRP > GAP, 20 dB: F1 30.0 and 20.0, +10.0: confirmed" in said
    assert claims["GAP > GMP, 0 dB"] == {"F1": 10.0, "verdict": "confirmed"}
    assert "GWRP, 20 dB > 10 dB: F1 30.0 and 25.0, +5.0: not shown" in said


def frames(options, name, ratio, found):
    (run,) = segmentation.runs(options)[name, ratio]
    path = run.folder / "inference" / segmentation.test_set(run) / "frames.json"
    path.write_text(json.dumps({"frames": found}))


def test_a_claim_that_does_not_hold(options, capsys):
    frames(options, "GAP", 10, figures(40.0))
    claims = segmentation.table5(options)["claims"]
    assert "GWRP > GAP, 10 dB: F1 25.0 and 40.0, -15.0: contradicted" in capsys.readouterr().out
    assert claims["GAP > GMP, 10 dB"]["verdict"] == "confirmed"


def test_figures_that_nobody_has_show_nothing(options, capsys):
    frames(options, "GAP", 10, dict.fromkeys(figures(1.0)))
    frames(options, "GAP", 0, {"F1": 0.0, "AUC": 50.0, "mAP": 1.0})
    claims = segmentation.table5(options)["claims"]
    cells = [row[2:5] for row in rows(capsys.readouterr().out, "GAP")]
    assert cells[1:] == [["n/a"] * 3, ["0.0", "50.0", "1.0"]]
    assert {claims[f"GWRP > GAP, {ratio} dB"]["verdict"] for ratio in (10, 0)} == {"not shown"}


def test_table_6(options, capsys):
    report = segmentation.table6(options)
    said = capsys.readouterr().out
    row = rows(said, "GWRP")[2]
    assert row == [
        "0 dB",
        "GWRP",
        "20.0 [17.0, 24.0]",
        "1.50 [1.25, 1.75]",
        "0.50",
        "1.00",
        "2.0",
        "16.7",
    ]
    assert rows(said, "FC-DNN (the paper's alone)")[0][-1] == "12.0"
    claim = report["claims"]["GWRP > GMP, 0 dB"]
    difference, low, high = claim["F1"]
    assert difference == pytest.approx(200 * 5 / 15 - 200 * 1 / 11) and low < difference < high
    assert claim["verdict"] == "confirmed" and "GWRP > GMP, 0 dB: F1 +" in said
    assert report["claims"]["GAP > GMP, 20 dB"]["verdict"] == "not shown"  # two clips against one


def test_table_6_pairs_the_clips_of_two_levels(options):
    """Seven of ten clips found at 20 dB, of them six at 10: a difference no resample turns over."""
    claim = segmentation.table6(options)["claims"]["GWRP, 20 dB > 10 dB"]
    difference, low, high = claim["F1"]
    assert difference == pytest.approx(200 * 7 / 17 - 200 * 6 / 16) and low >= 0


def test_table_9_has_both_truths(options, capsys):
    report = segmentation.table9(options)
    said = capsys.readouterr().out
    assert report["binary"]["GWRP, 0 dB"]["F1"] == 20 and report["ratio"]["GWRP, 0 dB"]["F1"] == 10
    assert len(report["binary"]) == 9 and not rows(said, "attention")
    assert [row[-1] for row in rows(said, "GWRP")] == ["", "", "21.8", "", "", ""]


def test_folds_are_averaged():
    """Two folds: the mean, and distances to the bounds as of independent folds."""
    found = segmentation.over_folds([figures(10.0), figures(30.0)], ("F1",))
    assert found["F1"] == 20
    assert found["F1-low"] == pytest.approx(20 - 18**0.5 / 2)
    assert found["F1-high"] == pytest.approx(20 + 32**0.5 / 2)


def test_folds_without_a_figure_are_left_out():
    found = segmentation.over_folds([figures(10.0), {**figures(30.0), "F1": None}], ("F1", "AUC"))
    assert (found["F1"], found["F1-low"], found["F1-high"]) == (10, 7, 14) and found["AUC"] == 20
