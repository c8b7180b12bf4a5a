"""Thresholds of the controls, on clips made by hand; nothing is rendered."""

import pytest

from audiodet.evaluation import ClipResult
from papers import controls
from papers.runs import Options
from audiodet.events import Event
from tests.conftest import ROOT

SCORES = {0: (0.9, 0.2), 1: (0.8, 0.3), 2: (0.5, 0.6)}  # fold -> of the right event, of the wrong


def clips_of(name, mapper, events):
    """A clip that holds a shot, and one that holds none; of validation, without any candidate."""
    fold = int(name.split("fold")[1][0])
    hit, wrong = ([Event(1.0, 2.0, "gunshot", score)] for score in SCORES[fold])
    if name.endswith("_val"):
        hit = wrong = []
    return [
        ClipResult(f"{name}a", 30.0, [Event(1.0, 2.0, "gunshot")], hit, "gunshot", f"{name}a"),
        ClipResult(f"{name}b", 30.0, [], wrong, "gunshot", f"{name}b"),
    ]


@pytest.fixture
def scores(monkeypatch):
    monkeypatch.setattr(controls, "_control_clips", clips_of)

    def of_folds(*folds):
        options = Options(ROOT, ROOT / "configs", folds=folds)
        return controls.control(options, len)["quiet"].per_label["gunshot"]

    return of_folds


def test_a_folds_threshold_comes_from_the_others(scores):
    """Folds 0 and 1 are parted by a threshold of each other's; fold 2 has its scores the wrong way."""
    assert scores(0, 1)["ER"] == 0.0
    assert scores(0, 1, 2)["ER"] == pytest.approx(
        2 / 3
    )  # fold 2: its event missed, another one found


def test_one_fold_alone_takes_its_validation_clips(scores):
    assert scores(0)["ER"] == 1.0  # nothing is found in them, so silence is best
