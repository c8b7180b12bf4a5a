"""Frame-level targets and events, by hand."""
import numpy as np
import torch
from detectron2.structures import Boxes, Instances

from audiodet.modeling.frame_events import events_from_scores, runs_above, smooth, step_targets


def truth(*events):
    instances = Instances((64, 200))
    instances.gt_boxes = Boxes(torch.tensor([[a, 0.0, b, 64.0] for a, b, _ in events]).reshape(-1, 4))
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
        (*box, int(k)) for box, k in zip(found.pred_boxes.tensor[:, [0, 2]].tolist(), found.pred_classes)
    ]
    assert sorted(boxes) == sorted(events)
    assert torch.all(found.pred_boxes.tensor[:, 3] == 64)
    np.testing.assert_allclose(found.scores, 0.8)
    assert len(events_from_scores(np.zeros((20, 2)), 0.2, 8, 0.625, (64, 200))) == 0
