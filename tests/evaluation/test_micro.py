"""Segment counts of all labels together, against hand-made cases and sed_eval's own sums."""

import numpy as np
import pytest
from sed_eval.sound_event import EventBasedMetrics, SegmentBasedMetrics

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation import Matching, micro_results, micro_table, score_clips, score_micro
from audiodet.evaluation.scores import micro_rates
from audiodet.events import Event

LABELS = ("a", "b")
ALL = {"a": 0.5, "b": 0.5}


def clip(name, reference, found, scene=None, duration=4.0):
    events = [[Event(*e) for e in side] for side in (reference, found)]
    return ClipResult(name, duration, *events, scene=scene)


def micro_events(clips, labels, thresholds, matching):
    """Rates of the events of all labels together."""
    return micro_rates(
        score_clips(clips, labels, thresholds, matching=matching).overall.sum(axis=0)
    )


def test_by_hand():
    """Seconds 0 to 4: a substitution, a hit, an insertion, a deletion."""
    only = clip("x", [(0, 2, "a"), (3, 4, "a")], [(0, 1, "b"), (1, 2, "a"), (2, 3, "b")])
    scores = score_micro([only], LABELS, ALL)
    assert scores.overall.tolist() == [[3, 3, 1, 1, 1, 1]]
    flat = micro_results(scores)
    assert flat["F1"] == pytest.approx(100 * 2 / 6) and flat["ER"] == 1.0
    assert (flat["substitutions"], flat["deletions"], flat["insertions"]) == (1 / 3, 1 / 3, 1 / 3)
    assert flat["F1-a"] == 50.0 and flat["ER-a"] == pytest.approx(2 / 3)
    assert np.isnan(flat["F1-b"])  # no true event
    assert "50.0" in micro_table(scores, flat)


def test_frame_edges_do_not_touch_the_next_frame():
    """At 20 ms; in binary most of these edges are not whole numbers of frames."""
    events = [(0.02 * i, 0.02 * (i + 3), "a") for i in range(0, 190, 7)]
    same = clip("x", events, [tuple(np.float32(e[:2]).tolist()) + ("a",) for e in events])
    scores = score_micro([same], LABELS, ALL, seconds=0.02)
    assert scores.overall[0].tolist() == [84, 84, 84, 0, 0, 0]


def test_events_by_hand():
    """A hit, an "a" for a "b", an insertion and two deletions, one of them behind the collar."""
    reference = [(0.0, 1.0, "a"), (1.0, 2.0, "b"), (2.0, 3.0, "b"), (3.0, 3.5, "a")]
    found = [(0.1, 1.0, "a"), (1.1, 2.0, "a"), (2.6, 3.0, "b")]
    flat = micro_events([clip("x", reference, found)], LABELS, ALL, matching=Matching(0.2))
    assert flat == pytest.approx(
        {
            "F1": 200 / 7,
            "ER": 4 / 4,
            "substitutions": 1 / 4,
            "deletions": 2 / 4,
            "insertions": 1 / 4,
        }
    )
    quiet = clip("y", reference, found)
    quiet.target = "a"  # the events of "b" are not asked for
    flat = micro_events([quiet], LABELS, ALL, matching=Matching(0.2))
    assert (flat["ER"], flat["deletions"], flat["insertions"]) == (1.0, 0.5, 0.5)


@pytest.mark.parametrize("matching", [Matching(0.5), Matching(0.2, True, 0.5)])
def test_event_sums_are_sed_evals(matching):
    clips = random_clips(12)
    metrics = EventBasedMetrics(
        list(LABELS),
        evaluate_offset=matching.evaluate_offset,
        t_collar=matching.collar,
        percentage_of_length=0.5,
    )
    for c in clips:
        metrics.evaluate(
            *(
                [
                    {"event_onset": e.onset, "event_offset": e.offset, "event_label": e.label}
                    for e in s
                ]
                for s in (c.reference, sorted(c.candidates))
            )
        )
    overall, flat = (
        metrics.results_overall_metrics(),
        micro_events(clips, LABELS, ALL, matching=matching),
    )
    assert flat["F1"] == pytest.approx(100 * overall["f_measure"]["f_measure"])
    assert flat["ER"] == pytest.approx(overall["error_rate"]["error_rate"])
    for name in ("substitution", "deletion", "insertion"):
        assert (
            flat[f"{name}s"] == pytest.approx(overall["error_rate"][f"{name}_rate"])
            and flat[f"{name}s"]
        )


def random_clips(n, scenes=(None,)):
    rng = np.random.default_rng(0)

    def events():
        on = rng.uniform(0, 9, 6)
        return [
            (x, x + d, LABELS[k])
            for x, d, k in zip(on, rng.uniform(0.1, 1, 6), rng.integers(0, 2, 6))
        ]

    return [clip(str(i), events(), events(), scenes[i % len(scenes)], 10.0) for i in range(n)]


@pytest.mark.parametrize("seconds", [0.02, 1.0])
def test_sums_are_sed_evals(seconds):
    clips = random_clips(6)
    metrics = SegmentBasedMetrics(list(LABELS), time_resolution=seconds)
    for c in clips:
        sides = (
            [{"event_onset": e.onset, "event_offset": e.offset, "event_label": e.label} for e in s]
            for s in (c.reference, c.candidates)
        )
        metrics.evaluate(*sides, c.duration)
    flat = micro_results(score_micro(clips, LABELS, ALL, seconds=seconds))
    overall, labels = metrics.results_overall_metrics(), metrics.results_class_wise_metrics()
    assert flat["F1"] == pytest.approx(100 * overall["f_measure"]["f_measure"])
    assert flat["ER"] == pytest.approx(overall["error_rate"]["error_rate"])
    for label in LABELS:
        assert flat[f"F1-{label}"] == pytest.approx(100 * labels[label]["f_measure"]["f_measure"])


def test_scenes_are_averaged():
    clips = random_clips(6, ("home", "street", "street"))
    flat = micro_results(score_micro(clips, LABELS, ALL), n_bootstrap=100)
    for scene in ("home", "street"):
        alone = micro_results(score_micro([c for c in clips if c.scene == scene], LABELS, ALL))
        assert flat[f"F1-{scene}"] == alone["F1"] and flat[f"ER-{scene}"] == alone["ER"]
    for name in ("F1", "ER"):
        assert flat[name] == pytest.approx((flat[f"{name}-home"] + flat[f"{name}-street"]) / 2)
        assert flat[f"{name}-low"] < flat[name] < flat[f"{name}-high"]
