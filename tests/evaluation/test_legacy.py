"""Table V's F1 by hand."""

import math

import pytest

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.legacy import legacy_f1
from audiodet.events import Event


def test_means_of_segments_then_of_scenes():
    """Scene 1: seconds with F1 1, 0 and 2/3, one without anything; scene 2: one second of 0."""
    true = [Event(0, 1, "a"), Event(1, 2, "a"), Event(2, 3, "a")]
    found = [Event(0, 1, "a"), Event(2, 3, "a"), Event(2, 3, "b"), Event(3, 4, "b", 0.4)]
    first = ClipResult("1", 4.0, true, found, scene="home")
    second = ClipResult("2", 2.0, [Event(0, 1, "b")], [], scene="street")
    thresholds = {"a": 0.5, "b": 0.5}
    home = 100 * (1 + 0 + 2 / 3) / 3
    assert legacy_f1([first], ["a", "b"], thresholds) == pytest.approx(home)
    assert legacy_f1([first, second], ["a", "b"], thresholds) == pytest.approx(home / 2)
    assert math.isnan(legacy_f1([ClipResult("3", 2.0)], ["a"], {"a": 0.5}))
