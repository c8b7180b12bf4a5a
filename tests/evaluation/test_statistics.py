"""Intervals of cases whose spread is known."""

import numpy as np
import pytest

from audiodet.errors import DataError
from audiodet.evaluation import ClipResult, bootstrap, paired_bootstrap, results, score_clips
from audiodet.evaluation.statistics import clip_weights
from audiodet.events import Event

from .test_counts import ALL, LABELS, random_clips


def coin_clips(number: int, groups: int, seed: int = 0, miss: float = 0.3) -> list[ClipResult]:
    """One event a clip; all clips of a source group are hit, or all are missed."""
    rng = np.random.default_rng(seed)
    hit = rng.random(groups) > miss
    event = Event(1, 2, "cry", 0.9)
    return [
        ClipResult(f"c{i}", 10, [event], [event] * int(hit[i % groups]), "cry", f"g{i % groups}")
        for i in range(number)
    ]


def score(clips):
    return score_clips(clips, ["cry"], ALL)


def resample(scores, unit: str):
    """Counts (200, K, 3) of bootstrap samples."""
    return np.tensordot(clip_weights(scores.clips, 200, 0, unit), scores.counts, axes=1)


def width(interval) -> float:
    return interval[1] - interval[0]


def test_interval_of_a_proportion():
    """ER is the share of missed clips: the normal interval is p +- 1.96 sqrt(p (1 - p) / n)."""
    scores = score(coin_clips(400, 400))
    p = scores.mean["ER"]
    half = 1.96 * np.sqrt(p * (1 - p) / 400)
    assert bootstrap(scores, 4000)["ER"] == pytest.approx((p - half, p + half), abs=0.006)
    assert bootstrap(scores, 4000)["ER-cry"] == bootstrap(scores, 4000)["ER"]


def test_interval_by_source_is_that_of_the_groups():
    """400 clips of 20 groups that hit or miss as one: n is 20, not 400."""
    scores = score(coin_clips(400, 20))
    p = scores.mean["ER"]
    by_clip, by_source = (bootstrap(scores, 4000, unit=unit)["ER"] for unit in ("clip", "source"))
    assert width(by_clip) == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 400), rel=0.1)
    assert width(by_source) == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 20), rel=0.15)
    assert by_source[0] <= p <= by_source[1]


def test_intervals_hold_the_figure_and_shrink_with_more_clips():
    widths = []
    for number in (40, 160, 640):
        scores = score_clips(random_clips(number=number), LABELS, {"cry": 0.5, "shot": 0.5})
        intervals, flat = bootstrap(scores, 500), results(scores, 500)
        assert set(intervals) == {"ER", "F1", "ER-cry", "F1-cry", "ER-shot", "F1-shot"}
        for name, (low, high) in intervals.items():
            assert low <= flat[name] <= high
            assert (flat[f"{name}-low"], flat[f"{name}-high"]) == (low, high)
        widths.append(width(intervals["ER"]))
    assert widths[0] > 1.4 * widths[1] > 1.4**2 * widths[2]


def test_same_seed_same_interval():
    scores = score(coin_clips(50, 50))
    assert bootstrap(scores, 100, seed=3) == bootstrap(scores, 100, seed=3)
    assert bootstrap(scores, 100, seed=3) != bootstrap(scores, 100, seed=4)


def shot(name, count: int, **extra) -> list[ClipResult]:
    event = Event(1, 2, "shot", 0.9)
    return [ClipResult(f"{name}{i}", 10, [event], [event], "shot", **extra) for i in range(count)]


def test_every_target_keeps_its_number_of_clips():
    """Three shots in three clips, 20 cries in 20: so in every resample."""
    scores = score_clips(coin_clips(20, 20) + shot("s", 3), LABELS, ALL)
    hits, _, missed = np.moveaxis(resample(scores, "clip"), -1, 0)
    assert ((hits + missed) == [20, 3]).all()


def test_every_label_keeps_its_number_of_groups():
    """Groups of 5 clips: 8 of cries, 1 of shots, and 6 empty clips with a false cry each."""
    false = [Event(5, 6, "cry", 0.9)]
    empty = [ClipResult(f"e{i}", 10, [], false, "cry", f"background{i}") for i in range(6)]
    clips = coin_clips(40, 8) + shot("s", 5, source_group="lonely") + empty
    for targets in (True, False):
        if not targets:
            for clip in clips:
                clip.target = None
        scores = score_clips(clips, LABELS, ALL)
        hits, inserted, missed = np.moveaxis(resample(scores, "source"), -1, 0)
        assert ((hits + missed) == [40, 5]).all() and (inserted == [6, 0]).all()
        assert len(set(missed[:, 0])) > 2 and set(missed[:, 0] % 5) == {0}  # whole groups


def test_clips_without_a_group_stand_for_themselves():
    clips = coin_clips(40, 8)
    for i in range(7):
        clips.append(ClipResult(f"alone{i}", 10, [Event(1, 2, "cry")], [], "cry"))
    hits, _, missed = np.moveaxis(resample(score(clips), "source"), -1, 0)
    assert ((hits + missed) == 47).all()


def test_no_source_no_interval_by_source():
    flat = results(score_clips(random_clips(), LABELS, ALL), 20)
    assert "ER-low" in flat and "ER-source-low" not in flat


def test_paired_difference():
    """b misses just what a misses and clip c0 too: the difference is 1 clip of 200, always >= 0."""
    clips = coin_clips(200, 200)
    worse = [ClipResult(**vars(c)) for c in clips]
    hit = next(c for c in worse if c.candidates)
    hit.candidates = []
    a, b = score(clips), score(worse[::-1])
    difference, low, high = paired_bootstrap(a, b)["ER"]
    assert difference == pytest.approx(-1 / 200)
    assert low == pytest.approx(-3 / 200, abs=0.006) and high == 0
    assert width((low, high)) < width(bootstrap(a)["ER"]) / 3
    assert paired_bootstrap(a, a)["F1"] == (0, 0, 0)


def test_pairs_must_be_pairs():
    a = score(coin_clips(20, 20))
    with pytest.raises(DataError, match="20 clips .* with 19 clips .*same clips"):
        paired_bootstrap(a, score(coin_clips(20, 20)[1:]))
    moved = coin_clips(20, 20)
    moved[3].reference = [Event(2, 3, "cry")]
    with pytest.raises(DataError, match="c3: its truth differs"):
        paired_bootstrap(a, score(moved))
