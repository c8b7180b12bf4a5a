"""Intervals of cases whose spread is known."""

from dataclasses import replace

import numpy as np
import pytest

from audiodet.evaluation import ClipResult, results, score_clips
from audiodet.evaluation.pairs import paired_bootstrap
from audiodet.evaluation.resampling import clip_weights, interval
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


def bootstrap(scores, n: int = 1000, seed: int = 0, unit: str = "clip") -> dict:
    """(low, high) of every figure."""
    weights = clip_weights(scores.clips, n, seed, unit)
    samples = scores.figures(np.tensordot(weights, scores.counts, axes=1))
    return {name: interval(values) for name, values in samples.items()}


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


def mixed_clips(number: int, groups: int, seed: int = 0) -> list[ClipResult]:
    """Two events a clip, of two of the sources, each of which is always hit or always missed."""
    rng = np.random.default_rng(seed)
    hit = rng.random(groups) > 0.3
    clips = []
    for i in range(number):
        pair = rng.choice(groups, 2, replace=False).tolist()
        events = [Event(1 + 4 * k, 2 + 4 * k, "cry", 0.9) for k in range(2)]
        found = [event for event, source in zip(events, pair) if hit[source]]
        sources = [f"s{source}" for source in pair]
        clips.append(ClipResult(f"m{i}", 10, events, found, sources=sources))
    return clips


def test_interval_by_source_of_clips_that_hold_several():
    """400 clips of two of 25 sources: n is 25, as if each source had its own clips."""
    scores = score(mixed_clips(400, 25))
    p = scores.mean["ER"]
    flat = results(scores, 4000)
    low, high = flat["ER-source-low"], flat["ER-source-high"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 25), rel=0.15)
    assert high - low > 3 * (flat["ER-high"] - flat["ER-low"])
    assert (low + high) / 2 == pytest.approx(p, abs=0.02)


def test_one_source_each_is_as_one_group_each():
    clips = coin_clips(400, 20)
    expected = width(bootstrap(score(clips), 4000, unit="source")["ER"])
    for clip in clips:
        clip.sources, clip.source_group = [clip.source_group], None
    flat = results(score(clips), 4000)
    assert flat["ER-source-high"] - flat["ER-source-low"] == pytest.approx(expected, rel=0.1)


def test_paired_by_source_sees_what_both_share():
    """A system that misses one further source: the difference is that source's, not the level's."""
    clips = mixed_clips(400, 25)
    worse = [replace(clip, candidates=[]) if "s0" in clip.sources else clip for clip in clips]
    found, low, high = paired_bootstrap(score(worse), score(clips), unit="source")["ER"]
    lost = sum(len(clip.candidates) for clip in clips if "s0" in clip.sources)
    assert found == pytest.approx(lost / 800) and low < found < high
    assert high - low < 4 * found


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
