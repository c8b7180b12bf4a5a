"""The tables of the polyphonic systems on results made by hand; no training."""

import json

import pytest

from audiodet.data.datasets.poly_mini import POLY_LABELS
from audiodet.evaluation import ClipResult, save_clips
from papers import polyphonic, polyphonic_sizes
from papers.runs import Options
from audiodet.events import Event
from tests.conftest import ROOT


def clips(right: int) -> list:
    """Ten clips of 4 s with an event of 2 s; in ``right`` of them it is found."""
    event = [Event(1.0, 3.0, POLY_LABELS[0], 0.9)]
    return [ClipResult(str(i), 4.0, event, event * (i < right)) for i in range(10)]


def finish(run, right):
    folder = run.folder / "inference" / "poly_mini_test"
    folder.mkdir(parents=True)
    save_clips(clips(right), folder / "clips.jsonl")
    lines = [{"iteration": 0, "time": 60.0}, {"iteration": 1, "time": 60.0}]
    (run.folder / "metrics.json").write_text("\n".join(map(json.dumps, lines)))
    run.mark.write_text(json.dumps(run.signature))


@pytest.fixture
def options(tmp_path, monkeypatch):
    options = Options(tmp_path, ROOT / "configs")
    found = {"FNN": [2], "RNN": [4], "CNN": [5], "CRNN": [7, 8, 9]}
    for name, runs in polyphonic.runs(options).items():
        for run, right in zip(runs, found[name]):
            finish(run, right)
    monkeypatch.setattr(polyphonic, "gmm_clips", lambda options: clips(1))
    monkeypatch.setattr(polyphonic, "poly_mini_hash", lambda name: "abc")
    return options


def test_seeds_are_trainings_of_their_own(options):
    runs = polyphonic.runs(options)
    assert [run.opts for run in runs["CRNN"]] == [["SEED", s] for s in ("42", "43", "44")]
    assert len({run.folder for trained in runs.values() for run in trained}) == 6


def test_table_2(options, capsys):
    report = polyphonic.table2(options)
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if line.startswith("| ")]
    assert [row.split()[1] for row in rows[1:]] == ["GMM", "FNN", "RNN", "CNN", "CRNN"]
    f1 = [200 * n / (10 + n) for n in (7, 8, 9)]
    mean = sum(f1) / 3
    assert f"{mean:.1f} ± " in rows[-1] and "0.20 ± 0.10" in rows[-1] and "2.0" in rows[-1]
    assert rows[-1].split("|")[-2].strip() == "66.4? / 0.48?"  # not checked against the paper
    gain, low, high = report["CRNN - CNN, frame"]["F1"]
    assert gain == pytest.approx(mean - 200 * 5 / 15) and low < gain < high
    assert "test set: abc" in said
    assert "trainings: 6, seeds 42, 43, 44, 12.0 min of training loops in all" in said
    assert "a clip holds several sources" in said


def test_every_pair_of_the_papers_order_has_a_verdict(options, capsys):
    report = polyphonic.table2(options)
    said = capsys.readouterr().out
    pairs = (
        "CRNN - CNN",
        "CNN - RNN",
        "CNN - FNN",
        "RNN - GMM",
        "FNN - GMM",
        "CRNN - RNN",
        "CRNN - FNN",
    )
    assert {f"{pair}, {x}" for pair in pairs for x in ("frame", "40 ms", "1 s")} <= set(report)
    assert report["CRNN - FNN, frame"]["verdict"] == "confirmed"
    assert report["CNN - RNN, 40 ms"]["verdict"] == "not shown"  # five clips against four
    assert "CRNN > FNN, 1 s: F1 +" in said and "CNN > RNN, 40 ms: F1 +" in said


def test_a_pair_the_other_way_round_is_contradicted(options):
    (run,) = polyphonic.runs(options)["CNN"]
    save_clips(clips(0), run.folder / "inference" / "poly_mini_test" / "clips.jsonl")
    assert polyphonic.table2(options)["CNN - RNN, frame"]["verdict"] == "contradicted"


def test_table_3(options, capsys):
    report = polyphonic.table3(options)
    said = capsys.readouterr().out
    (cnn,) = report["CNN"]
    label = POLY_LABELS[0]
    assert cnn[f"F1-{label}"] == cnn["F1-mean"] == pytest.approx(200 * 5 / 15)
    assert cnn[f"ER-{label}"] == 0.5 and cnn[f"ER-{label}-low"] < 0.5 < cnn[f"ER-{label}-high"]
    assert list(report) == ["GMM", "FNN", "RNN", "CNN", "CRNN"] and len(report["CRNN"]) == 3
    row = next(line for line in said.splitlines() if line.startswith("| babycry"))
    assert row.split("|")[5].strip().startswith("66.7 [") and " / 0.50 [" in row
    assert row.split("|")[6].strip().endswith(" / 0.20 ± 0.10")
    assert "seeds of FNN 42; RNN 42; CNN 42; CRNN 42, 43, 44" in said
    assert next(line for line in said.splitlines() if "cat_meow" in line).count("n/a") == 8


def test_table_4_has_the_figures_of_every_segment(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(polyphonic_sizes, "SHAPES", ((1, 5),))
    options = Options(tmp_path, ROOT / "configs")
    opts = ["MODEL.FRAME_STACK.KERNEL", "[1, 5]"]
    finish(polyphonic_sizes._run(options, "CRNN", "kernel_1x5", opts), 5)
    report = polyphonic_sizes.table4(options)["1 x 5"]
    said = capsys.readouterr().out
    assert report["40 ms"]["F1"] == pytest.approx(200 * 5 / 15) and report["parameters"] > 100_000
    header, _, row = (line.split("|")[1:-1] for line in said.splitlines() if line.startswith("|"))
    assert len(header) == len(row) == 8 and header[4].strip() == "40 ms F1 %"
    assert "trainings: 1, seeds 42, 2.0 min" in said
