"""Frame-level targets and events, by hand."""

import numpy as np
import torch
from detectron2.structures import Boxes, Instances

from audiodet.modeling.frame_events import (
    RunRules,
    events_from_scores,
    runs_above,
    smooth,
    step_targets,
)


def truth(*events):
    instances = Instances((64, 200))
    instances.gt_boxes = Boxes(
        torch.tensor([[a, 0.0, b, 64.0] for a, b, _ in events]).reshape(-1, 4)
    )
    instances.gt_classes = torch.tensor([k for *_, k in events], dtype=torch.int64)
    return instances


def test_a_step_belongs_to_an_event_that_fills_half_of_it():
    # step i covers frames [8 i + 1, 8 i + 9)
    targets = step_targets(truth((9.0, 29.0, 1), (60.0, 61.0, 0)), 10, 8, 0.625, 2)
    assert targets[:, 1].tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0, 0]  # frames 9-17, 17-25, 25-29
    assert targets[:, 0].nonzero().ravel().tolist() == [7]  # too short, but its centre is there
    assert step_targets(truth(), 10, 8, 0.625, 2).sum() == 0


def test_runs_and_their_peaks():
    scores = np.array([0.5, 0.1, 0.3, 0.9, 0.2, 0.1, 0.4])
    assert runs_above(scores, 0.2) == [(0, 1, 0.5), (2, 5, 0.9), (6, 7, 0.4)]
    assert runs_above(scores, 0.95) == []


def test_median_filter_is_over_time_only():
    scores = np.array([[0, 1], [9, 1], [0, 1], [0, 5]], dtype=float)
    assert smooth(scores, 3).tolist() == [[0, 1], [0, 1], [0, 1], [0, 5]]
    assert smooth(scores, 2).tolist() == smooth(scores, 3).tolist()
    assert smooth(scores, 1) is scores


def test_events_and_targets_are_inverse():
    events = [(9.0, 33.0, 1), (41.0, 57.0, 0), (97.0, 129.0, 1)]
    targets = step_targets(truth(*events), 20, 8, 0.625, 2).numpy() * 0.8
    found = events_from_scores(targets, 0.2, 8, 0.625, (64, 200))
    boxes = [
        (*box, int(k))
        for box, k in zip(found.pred_boxes.tensor[:, [0, 2]].tolist(), found.pred_classes)
    ]
    assert sorted(boxes) == sorted(events)
    assert torch.all(found.pred_boxes.tensor[:, 3] == 64)
    np.testing.assert_allclose(found.scores, 0.8)
    assert len(events_from_scores(np.zeros((20, 2)), 0.2, 8, 0.625, (64, 200))) == 0


def active(*spans, peak=0.5, length=100):
    """One class's scores: ``peak`` in the spans, 0 elsewhere."""
    scores = np.zeros((length, 1))
    for first, end in spans:
        scores[first:end] = peak
    return scores


def spans(scores, rules, threshold=0.2):
    found = events_from_scores(scores, 0.1, 1, 0.5, (64, len(scores)), rules)
    boxes = found.pred_boxes.tensor[found.scores >= threshold]
    return sorted(map(tuple, boxes[:, [0, 2]].int().tolist()))


def test_ten_frame_rules():
    """A gap of 10 is closed, one of 11 is not; then 10 frames are dropped, 11 are kept."""
    rules = RunRules(gap=10, length=10, high=(0.2,))
    assert spans(active((0, 20), (30, 50)), rules) == [(0, 50)]
    assert spans(active((0, 20), (31, 50)), rules) == [(0, 20), (31, 50)]
    assert spans(active((5, 15), (40, 51)), rules) == [(40, 51)]
    assert spans(active((0, 4), (14, 18)), rules) == [(0, 18)]  # joined before they are dropped


def test_what_stays_under_the_high_threshold_joins_nothing():
    """Runs of 0.15 reach the low threshold only, so they are no bridge between two events."""
    scores = active((0, 20), (40, 60)) + 0.3 * active((25, 35))
    rules = RunRules(gap=10, length=0, high=(0.2,))
    assert spans(scores, rules) == [(0, 20), (40, 60)]
    assert spans(scores, RunRules(gap=10)) == [(0, 60)]
    assert (25, 35) in spans(scores, rules, threshold=0.0)  # but it remains a candidate
    short = RunRules(gap=10, length=10, high=(0.2,))
    assert spans(scores, short, threshold=0.0) == [(0, 20), (40, 60)]  # unless it is short


def test_each_class_has_its_high_threshold():
    scores = np.concatenate([active((0, 20), (25, 45))] * 2, axis=1)
    found = events_from_scores(scores, 0.1, 1, 0.5, (64, 100), RunRules(gap=10, high=(0.2, 0.6)))
    assert sorted(found.pred_classes.tolist()) == [0, 1, 1]


def test_events_that_touch_stay_apart_with_shrink():
    """Two events of a label, 0.2 frames apart: one run without a gap, two with, and whole again."""
    touching = truth((10.0, 18.0, 0), (18.2, 26.0, 0))
    plain = step_targets(touching, 40, 1, 0.5, 1).numpy()
    assert len(runs_above(plain[:, 0], 0.5)) == 1
    apart = step_targets(touching, 40, 1, 0.5, 1, shrink=1).numpy()
    events = events_from_scores(apart, 0.5, 1, 0.5, (64, 40), grow=1).pred_boxes.tensor
    assert sorted(events[:, 0].tolist()) == [10.0, 18.0]
    assert sorted(events[:, 2].tolist()) == [18.0, 26.0]


def test_an_event_shorter_than_its_margins_keeps_its_centre():
    targets = step_targets(truth((10.0, 11.0, 0)), 40, 1, 0.5, 1, shrink=3)
    assert targets.nonzero().tolist() == [[10, 0]]
