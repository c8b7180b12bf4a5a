"""Contrast of a recording's events against the half minute about each."""

import numpy as np
import pytest

from audiodet.errors import ConfigError
from audiodet.events import Event
from audiodet.inference.detector import Detector
from audiodet.postprocessing.contrast import SURROUNDINGS, contrasted, contrasted_nearby
from tests.systems import RATE, build


def test_each_event_is_contrasted_with_those_of_its_label_nearby():
    """By the definition, one event at a time."""
    rng = np.random.default_rng(0)
    events = []
    for onset in rng.uniform(0, 300, 200):
        label = ("cry", "shot")[int(onset) % 2]
        events.append(Event(onset, onset + rng.uniform(0.2, 4), label, rng.uniform(0.01, 0.99)))
    found = contrasted_nearby(events, 0.75)
    assert [event[:3] for event in found] == [event[:3] for event in sorted(events)]
    for event, new in zip(sorted(events), found):
        middle = (event.onset + event.offset) / 2
        near = []
        for other in events:
            distance = abs((other.onset + other.offset) / 2 - middle)
            if other != event and other.label == event.label and distance <= SURROUNDINGS / 2:
                near.append(other)
        together = [event, *near]
        scores = [x.score for x in together]
        lengths = [x.offset - x.onset for x in together]
        assert new.score == pytest.approx(contrasted(scores, lengths, SURROUNDINGS, 0.75)[0])
    assert any(new.score < 0.5 * event.score for event, new in zip(sorted(events), found))


def test_a_lone_event_and_an_empty_recording_stay():
    far = [Event(1, 2, "cry", 0.7), Event(100, 102, "cry", 0.6), Event(1, 2, "shot", 0.5)]
    assert [x.score for x in contrasted_nearby(far, 1.0)] == pytest.approx([0.7, 0.5, 0.6])
    assert contrasted_nearby([], 1.0) == []


def test_a_detector_reports_what_is_left():
    """Scores go down where candidates crowd, none is under the floor, and events are fewer."""
    model = build("rcrnn/rare")
    sound = np.random.default_rng(1).normal(0, 0.1, 20 * RATE).astype(np.float32)
    (before,) = Detector(model, 0.0, 4.0, 1.0).detect_many([(sound, RATE)])
    best = max(event.score for event in before.candidates)
    (after,) = Detector(model, 0.9 * best, 4.0, 1.0, 0.05, 0.75).detect_many([(sound, RATE)])
    kept = [event for event in before.candidates if event.score >= 0.05]
    expected = [event for event in contrasted_nearby(kept, 0.75) if event.score >= 0.05]
    assert after.candidates == expected != kept
    assert not after.events and any(event.score >= 0.9 * best for event in kept)
    with pytest.raises(ConfigError, match="contrast is -1, expected 0 or more"):
        Detector(model, contrast=-1)
