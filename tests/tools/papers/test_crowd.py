"""The table of crowded clips on results made by hand; no model runs."""

from dataclasses import replace

import pytest

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.evaluation import ClipResult, save_clips
from papers import crowd
from papers.runs import Options, shipped_rcrnn
from audiodet.events import Event
from tests.conftest import ROOT
from tests.tools.papers.finished import finish


def clip(name, label, count, found):
    """A clip of ``count`` events, the first ``found`` of them detected with certainty."""
    events = [Event(4.0 * i, 4.0 * i + 1.0, label) for i in range(count)]
    sure = [event._replace(score=0.99) for event in events[:found]]
    return ClipResult(name, 30.0, events, sure, source_group=name)


@pytest.fixture
def options(tmp_path):
    """Two folds whose runs are done: of 4 to 6 events the model that ships finds four of ten."""
    options = Options(tmp_path, ROOT / "configs", folds=(0, 1))
    for fold in options.folds:
        for weights, missed in ((str(shipped_rcrnn(fold)), 6), (None, 2)):
            run = crowd._run(options, fold, weights)
            finish(run, detector=(0.9, 0.1))
            folder = run.folder / "inference" / f"rare_mini_crowd_fold{fold}_test"
            folder.mkdir()
            clips = [
                clip(f"{label}{count}{fold}", label, count, found)
                for label in RARE_LABELS
                for count, found in ((1, 1), (2, 1), (6, 6 - missed), (4, 4))
            ]
            save_clips(clips, folder / "clips.jsonl")
    return options


def test_errors_by_how_many_events_a_clip_holds(options, capsys):
    report = crowd.rare_crowd(options)
    errors = {
        name: {k: round(v["ER"], 3) for k, v in rows.items()} for name, rows in report.items()
    }
    one = {"1": 0.0, "2 or 3": 0.5, "at most 1, quiet": 0.0, "at most 1, hard": 0.0}
    assert errors == {crowd.SHIPPED: {**one, "4 to 6": 0.6}, crowd.TRAINED: {**one, "4 to 6": 0.2}}
    assert report[crowd.SHIPPED]["4 to 6"]["clips"] == 12
    said = capsys.readouterr().out
    assert "| 4 to 6" in said and "trainings: 2, seeds 42, 4.0 min" in said


def test_the_models_that_ship_need_no_training(options, capsys):
    for fold in options.folds:
        crowd._run(options, fold).mark.unlink()
    assert set(crowd.rare_crowd(replace(options, shipped=True))) == {crowd.SHIPPED}
    assert "trainings:" not in capsys.readouterr().out
