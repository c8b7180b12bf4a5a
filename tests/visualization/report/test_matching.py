"""Hits at every threshold at once, against sed_eval at each."""

import numpy as np
import pytest

from audiodet.evaluation.counts import Matching
from audiodet.events import Event
from audiodet.visualization.report.matching import match


def random_events(rng, count: int) -> list[Event]:
    onsets = rng.uniform(0, 10, count)
    return [
        Event(onset, onset + rng.uniform(0.1, 2), "dog", round(rng.uniform(), 2))
        for onset in onsets
    ]


@pytest.mark.parametrize("offsets", [False, True])
def test_counts_are_those_of_sed_eval_at_every_threshold(offsets):
    rng = np.random.default_rng(0)
    matching = Matching(0.5, offsets, 0.2)
    rounds = 0
    for _ in range(20):
        truth = random_events(rng, 12)
        events = random_events(rng, 30)
        hits, found = match(truth, events, matching)
        for threshold in rng.uniform(0, 1, 3):
            reported = [event for event in events if event.score >= threshold]
            (counts,), _ = matching.count(["dog"], truth, reported, 20.0)
            ours = [hit for hit, event in zip(hits, events) if event.score >= threshold]
            missed = [score for score in found if score is None or score < threshold]
            assert (sum(ours), len(ours) - sum(ours), len(missed)) == counts
            rounds += 0 < counts[0] < len(truth)
    assert rounds > 20  # the case is none of all or nothing


def test_an_event_gives_way_when_another_true_event_suits_it_as_well():
    """The best event takes the first true one; the second can have no other, so the best moves."""
    truth = [Event(1.0, 2.0, "dog"), Event(1.6, 2.0, "dog")]
    events = [Event(1.3, 2.0, "dog", 0.9), Event(0.8, 2.0, "dog", 0.5)]
    assert match(truth, events, Matching(0.4)) == ([True, True], [0.9, 0.5])


def test_nothing_to_match():
    assert match([], [Event(0, 1, "dog", 0.9)], Matching()) == ([False], [])
    assert match([Event(0, 1, "dog")], [], Matching()) == ([], [None])
