"""Table IV and Fig. 4 of the polyphonic systems on results made by hand; no training."""

import json

import cv2
import pytest

from audiodet.evaluation import save_clips
from papers import polyphonic_sizes
from papers.runs import Options
from tests.conftest import ROOT
from tests.tools.papers.test_polyphonic import clips


@pytest.fixture
def options(tmp_path, monkeypatch):
    """In place of each training: half of its clips right."""

    def train_all(runs, jobs, cache):
        for run in runs:
            folder = run.folder / "inference" / "poly_mini_test"
            folder.mkdir(parents=True)
            save_clips(clips(5), folder / "clips.jsonl")
            (run.folder / "metrics.json").write_text(json.dumps({"iteration": 599, "time": 0.1}))

    monkeypatch.setattr(polyphonic_sizes, "train_all", train_all)
    return Options(tmp_path, ROOT / "configs")


@pytest.mark.parametrize(
    "table, rows, picture", [("table4", 6, "crnn-table4.png"), ("figure4", 12, "crnn-figure4.png")]
)
def test_every_row_is_scored_and_drawn(table, rows, picture, options, capsys):
    report = getattr(polyphonic_sizes, table)(options)
    assert len(report) == rows and len({found["parameters"] for found in report.values()}) > 1
    assert all(found["frame"]["F1"] == pytest.approx(200 * 5 / 15) for found in report.values())
    assert f"picture: {options.root / picture}" in capsys.readouterr().out
    assert cv2.imread(str(options.root / picture)).std() > 0
