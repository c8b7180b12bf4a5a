"""Pooled trainings, and paired differences of cases whose spread is known."""

import pytest

from audiodet.errors import DataError
from audiodet.evaluation import ClipResult, score_clips
from audiodet.events import Event
from audiodet.evaluation.pairs import paired_bootstrap
from papers.pairs import pool_scores
from tests.evaluation.test_counts import LABELS, random_clips
from tests.evaluation.test_statistics import bootstrap, coin_clips, score, width


def test_pooled_folds_keep_their_thresholds():
    clips = random_clips()
    low, high = {"cry": 0.1, "shot": 0.1}, {"cry": 0.8, "shot": 0.8}
    folds = [score_clips(clips[:30], LABELS, low), score_clips(clips[30:], LABELS, high)]
    pooled = pool_scores(folds)
    assert (pooled.counts.sum(0) == folds[0].counts.sum(0) + folds[1].counts.sum(0)).all()
    assert len(pooled.clips) == 60
    with pytest.raises(DataError, match="c0: scored twice"):
        pool_scores([folds[0], folds[0]])


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
