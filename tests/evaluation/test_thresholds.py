"""Threshold sweep and choice, solved by hand and by brute force."""

import time

import numpy as np
import pytest

from audiodet.evaluation import ClipResult, score_clips, sweep_thresholds, tune_thresholds
from audiodet.events import Event, decide

from .test_counts import LABELS, random_clips


def solved_by_hand() -> list[ClipResult]:
    """Scores from high to low: hit .9, false .7, hit .6, hit .5, false .2, false .1; 4 events.

    Errors of 4 with the prefixes of length 0 ... 6: 4, 3, 4, 3, 2, 3, 4. The best threshold
    lets in .5 and keeps out .2: the middle is .35.
    """
    return [
        ClipResult(
            "a", 10, [Event(1, 2, "cry")], [Event(1, 2, "cry", 0.9), Event(5, 6, "cry", 0.7)]
        ),
        ClipResult(
            "b", 10, [Event(1, 2, "cry")], [Event(1, 2, "cry", 0.6), Event(6, 7, "cry", 0.2)]
        ),
        ClipResult("c", 10, [Event(1, 2, "cry")], [Event(1, 2, "cry", 0.5)]),
        ClipResult("d", 10, [Event(1, 2, "cry")], []),
        ClipResult("e", 10, [], [Event(1, 2, "cry", 0.1)]),
    ]


def test_sweep_by_hand():
    sweep = sweep_thresholds(solved_by_hand(), ["cry"])["cry"]
    assert sweep[:, 0].tolist() == [1.0, 0.9, 0.7, 0.6, 0.5, 0.2, 0.1]
    assert (4 * sweep[:, 1]).tolist() == [4, 3, 4, 3, 2, 3, 4]
    f1 = [0, 2 / 5, 2 / 6, 4 / 7, 6 / 8, 6 / 9, 6 / 10]
    assert sweep[:, 2] == pytest.approx(100 * np.array(f1))
    assert tune_thresholds(solved_by_hand(), ["cry"]) == {"cry": pytest.approx(0.35)}


def test_best_event_per_clip_by_hand():
    """One event a clip: .9, .6, .5 are hits, .1 is false; errors 4, 3, 2, 1, 2."""
    sweep = sweep_thresholds(solved_by_hand(), ["cry"], best_event_per_clip=True)["cry"]
    assert sweep[:, 0].tolist() == [1.0, 0.9, 0.6, 0.5, 0.1]
    assert (4 * sweep[:, 1]).tolist() == [4, 3, 2, 1, 2]
    tuned = tune_thresholds(solved_by_hand(), ["cry"], best_event_per_clip=True)
    assert tuned["cry"] == pytest.approx(0.3)


def test_decide_by_hand():
    first, second = Event(5, 6, "cry", 0.8), Event(7, 8, "cry", 0.8)
    events = [second, Event(1, 2, "cry", 0.5), Event(3, 4, "shot", 0.2), first]
    thresholds = {"cry": 0.5, "shot": 0.3}
    assert decide(events, thresholds) == [events[1], first, second]
    assert decide(events, thresholds, best_event_per_clip=True) == [first]
    assert decide(events, {"cry": 0.9, "shot": 0.2}) == [events[2]]


def test_equal_error_rate_goes_to_higher_f1():
    """hit .9, false .6, hit .3: errors of 2 are 2, 1, 2, 1; F1 0, 2/3, 1/2, 4/5."""
    clips = [
        ClipResult(
            "a", 10, [Event(1, 2, "cry")], [Event(1, 2, "cry", 0.9), Event(5, 6, "cry", 0.6)]
        ),
        ClipResult(
            "b", 10, [Event(1, 2, "cry")], [Event(1, 2, "cry", 0.3), Event(7, 8, "cry", 0.1)]
        ),
    ]
    assert tune_thresholds(clips, ["cry"])["cry"] == pytest.approx((0.3 + 0.1) / 2)
    clips[1].candidates.pop()  # nothing below .3 was seen: the threshold stays where it was seen
    assert tune_thresholds(clips, ["cry"])["cry"] == 0.3
    useless = [ClipResult("a", 10, [Event(1, 2, "cry")], [Event(5, 6, "cry", 0.6)])]
    assert tune_thresholds(useless, ["cry"])["cry"] == pytest.approx(0.8)  # above the false alarm


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize("target", [False, True])
def test_every_row_equals_scoring_at_its_threshold(best, target):
    clips = random_clips(number=12, target=target)
    for clip in clips:  # equal scores, within clips and between them
        clip.candidates = [e._replace(score=round(e.score, 1)) for e in clip.candidates]
    for label, sweep in sweep_thresholds(clips, LABELS, best).items():
        assert (np.diff(sweep[:, 0]) < 0).all()
        for threshold, error_rate, f1 in sweep:
            there = {other: threshold for other in LABELS}
            direct = score_clips(clips, LABELS, there, best).per_label[label]
            assert (error_rate, f1) == (pytest.approx(direct["ER"]), pytest.approx(direct["F1"]))
        tuned = {other: 0.5 for other in LABELS} | {
            label: tune_thresholds(clips, LABELS, best)[label]
        }
        assert score_clips(clips, LABELS, tuned, best).per_label[label]["ER"] == sweep[:, 1].min()


def test_smoothing_leaves_a_lucky_dip():
    """Errors of 5: 3 from .8 down to .5, 2 in a dip down to .49, then 3, 4 from .48, 3 from .35."""
    found = {True: [0.9, 0.8, 0.5, 0.35], False: [0.49, 0.48, 0.1]}
    clips = [
        ClipResult(f"{hit}{score}", 10, [Event(1, 2, "cry")] * hit, [Event(1, 2, "cry", score)])
        for hit, scores in found.items()
        for score in scores
    ]
    clips.append(ClipResult("never found", 10, [Event(1, 2, "cry")], []))
    assert tune_thresholds(clips, ["cry"])["cry"] == pytest.approx(0.495)
    assert 0.5 < tune_thresholds(clips, ["cry"], smoothing=0.05)["cry"] < 0.7


def test_smoothing_in_log_odds_tells_small_scores_apart():
    """Hits at .008 and above, false alarms at .002 and below: any threshold between is perfect."""
    clips = []
    for i in range(6):
        truth, score = ([Event(1, 2, "cry")], 0.008) if i < 3 else ([], 0.002)
        clips.append(ClipResult(f"{i}", 10, truth, [Event(1, 2, "cry", score * (1 + i / 100))]))
    tuned = tune_thresholds(clips, ["cry"], smoothing=0.5, log_odds=True)
    assert 0.0021 < tuned["cry"] < 0.008
    even = tune_thresholds(clips, ["cry"], smoothing=0.1)  # knows thresholds 0.1 apart alike
    assert not 0.0021 < even["cry"] < 0.008


def test_score_of_exactly_one_can_be_refused():
    clips = [ClipResult("a", 10, [Event(1, 2, "cry")], [Event(5, 6, "cry", 1.0)])]
    assert tune_thresholds(clips, ["cry"])["cry"] > 1.0


def test_label_without_validation_events_keeps_the_fallback(caplog):
    tuned = tune_thresholds(solved_by_hand(), LABELS, fallback=0.8)
    assert tuned["shot"] == 0.8
    assert "no validation event of 'shot'" in caplog.text


def test_1200_clips_take_seconds():
    clips = random_clips(number=1200)
    start = time.perf_counter()
    tune_thresholds(clips, LABELS, best_event_per_clip=True)
    assert time.perf_counter() - start < 10
