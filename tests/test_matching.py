"""Hits at every threshold at once, against sed_eval at each."""

import numpy as np
import pytest

from audiodet.evaluation.counts import Matching
from audiodet.events import Event
from audiodet.matching import hits_by_score


def random_events(rng, count: int) -> list[Event]:
    onsets = rng.uniform(0, 10, count)
    return [
        Event(onset, onset + rng.uniform(0.1, 2), "dog", round(rng.uniform(), 1))
        for onset in onsets
    ]


@pytest.mark.parametrize(
    "matching", [Matching(), Matching(0.5, True, 0.2), Matching(0.2, True, 0.5), Matching(2.0)]
)
def test_counts_are_those_of_sed_eval_at_every_threshold(matching):
    rng = np.random.default_rng(0)
    rounds = 0
    for _ in range(20):
        truth = random_events(rng, 12)
        events = random_events(rng, 30)
        scores, gains = hits_by_score(truth, events, matching)
        for threshold in np.unique(scores):
            reported = [event for event in events if event.score >= threshold]
            ((hits, inserted, _),), _ = matching.count(["dog"], truth, reported, 20.0)
            ours = gains[scores >= threshold]
            assert (ours.sum(), len(ours) - ours.sum()) == (hits, inserted)
            rounds += 0 < hits < len(truth)
    assert rounds > 20  # the case is none of all or nothing


def test_a_hit_that_has_to_move_is_moved():
    """.9 may hit either, .8 only the first: sed_eval's best matching has both."""
    true = [Event(1.0, 2.0, "cry"), Event(1.6, 2.5, "cry")]
    found = [Event(1.3, 2.0, "cry", 0.9), Event(0.6, 1.5, "cry", 0.8), Event(1.3, 3.0, "cry", 0.7)]
    scores, gains = hits_by_score(true, found, Matching(0.5))
    assert scores.tolist() == [0.9, 0.8, 0.7] and gains.tolist() == [1, 1, 0]


def test_thousands_of_crowded_events():
    """A chain as long as the recording: the counts of a sorted sweep, which is optimal here."""
    true = [Event(0.1 * i, 0.1 * i + 0.05, "cry") for i in range(3000)]
    found = [Event(0.1 * i + 0.07, 0.1 * i + 0.1, "cry", 1 - i / 4000) for i in range(2999)]
    _, gains = hits_by_score(true, found[::-1], Matching(0.08))
    assert gains.sum() == 2999


def test_nothing_to_match():
    assert hits_by_score([], [Event(0, 1, "dog", 0.9)], Matching())[1].tolist() == [0]
    assert hits_by_score([Event(0, 1, "dog")], [], Matching())[1].tolist() == []
