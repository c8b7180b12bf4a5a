"""Thresholds for a goal, against sed_eval's counts and worked by hand."""

import numpy as np
import pytest

from audiodet.errors import DataError
from audiodet.evaluation import ClipResult, score_clips
from audiodet.evaluation.goals import Goal, tune_for_goal
from audiodet.events import Event

from .test_counts import LABELS, random_clips
from .test_thresholds import solved_by_hand


def test_goals_by_hand():
    """Scores: hit .9, false .7, hit .6, hit .5, false .2, false .1; 4 events in 50 s."""
    clips = solved_by_hand()
    best = tune_for_goal(clips, ["cry"])
    assert best.thresholds["cry"] == pytest.approx(0.35) and best.missed == {}
    assert best.chosen["cry"][3] == pytest.approx(75.0)
    sure = tune_for_goal(clips, ["cry"], Goal(precision=80.0))
    assert sure.thresholds["cry"] == pytest.approx(0.8)
    half = tune_for_goal(clips, ["cry"], Goal(precision=60.0))
    assert half.thresholds["cry"] == pytest.approx(0.35)  # 3 of 4 are hits
    quiet = tune_for_goal(clips, ["cry"], Goal(false_alarms_per_hour=3600 / 50))
    assert quiet.thresholds["cry"] == pytest.approx(0.35)  # one false alarm in 50 s
    silent = tune_for_goal(clips, ["cry"], Goal(false_alarms_per_hour=71.0))
    assert silent.thresholds["cry"] == pytest.approx(0.8)


def test_goals_that_cannot_be_reached_name_the_best():
    clips = solved_by_hand()
    clips[4].candidates = [Event(1, 2, "cry", 0.95)]
    sure = tune_for_goal(clips, ["cry"], Goal(precision=90.0))
    assert "precision of at least 90 % cannot be reached" in sure.missed["cry"]
    assert "precision 60.0 %, recall 75.0 %, 144 false" in sure.missed["cry"]
    assert sure.thresholds["cry"] == pytest.approx(0.35)
    quiet = tune_for_goal(clips, ["cry"], Goal(false_alarms_per_hour=1.0))
    assert "at most 1 false alarms an hour cannot" in quiet.missed["cry"]
    assert quiet.chosen["cry"][4] == pytest.approx(72.0)


def test_short_false_alarms_set_a_shortest_length():
    """Ten true events of 1 s, and blips of 0.1 s with better scores: F1 is 100 without them."""
    clips = []
    for number in range(10):
        true = [Event(1, 2, "cry")]
        found = [Event(1, 2, "cry", 0.5), Event(5, 5.1, "cry", 0.6 + number / 100)]
        clips.append(ClipResult(str(number), 10, true, found))
    tuned = tune_for_goal(clips, ["cry"])
    assert tuned.min_lengths["cry"] == 0.25 and tuned.chosen["cry"][3] == 100.0
    plain = tune_for_goal(clips, ["cry"], lengths=False)
    assert plain.min_lengths["cry"] == 0.0 and plain.chosen["cry"][3] == pytest.approx(200 / 3)


def test_chosen_thresholds_score_as_said():
    clips = random_clips(number=40)
    tuned = tune_for_goal(clips, LABELS, lengths=False)
    scores = score_clips(clips, LABELS, tuned.thresholds)
    for label in LABELS:
        assert scores.per_label[label]["F1"] == pytest.approx(tuned.chosen[label][3])
        assert tuned.chosen[label][3] == np.nanmax(tuned.curves[label][:, 3])


def test_a_label_without_events_keeps_its_threshold_and_no_clips_are_refused():
    tuned = tune_for_goal(solved_by_hand(), ["cry", "shot"], fallback={"shot": 0.8})
    assert tuned.thresholds["shot"] == 0.8 and "no true event" in tuned.missed["shot"]
    with pytest.raises(DataError, match="0 validation recordings"):
        tune_for_goal([], ["cry"])
