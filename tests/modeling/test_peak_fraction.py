"""Events that begin and end at a part of their peak."""

import numpy as np
import torch

from audiodet.modeling.frame_events import RunRules, cut_runs, events_from_scores, widened

SCORES = np.array([0.0, 0.3, 0.5, 0.9, 0.6, 0.2, 0.4, 0.3, 0.0])


def test_a_run_is_cut_at_half_of_its_peak_and_the_rest_is_another():
    parts = cut_runs(SCORES, [(1, 8, 0.9)], 0.5)
    assert sorted(parts) == [(1, 2, 0.3), (2, 5, 0.9), (5, 8, 0.4)]


def test_events_follow_the_cut():
    rules = RunRules(fraction=0.5)
    events = events_from_scores(SCORES[:, None], 0.1, 16, 0.0, (128, 144), rules)
    assert events.scores.tolist() == sorted(events.scores.tolist(), reverse=True)
    assert events.pred_boxes.tensor[0].tolist() == [1.5 * 16, 0, 4.5 * 16, 128]


def test_without_a_fraction_a_run_is_one_event():
    events = events_from_scores(SCORES[:, None], 0.1, 16, 0.0, (128, 144))
    assert len(events) == 1 and events.pred_boxes.tensor[0, 0] == 0.5 * 16


def test_widened_targets_reach_a_step_further():
    targets = torch.tensor([[0.0, 0], [1, 0], [0, 0], [0, 0], [0, 1]])
    expected = torch.tensor([[1.0, 0], [1, 0], [1, 0], [0, 1], [0, 1]])
    assert torch.equal(widened(targets, 1), expected)
    assert torch.equal(widened(targets, 0), targets)


def test_a_run_goes_on_after_a_short_dip():
    """By hand: half of the peak is .45; step 5 is under it, steps 6 and 7 too, step 8 is not."""
    scores = np.array([0.1, 0.6, 0.2, 0.9, 0.6, 0.2, 0.2, 0.2, 0.5, 0.1])
    whole = [(0, 10, 0.9)]
    best = {
        dip: max(cut_runs(scores, whole, 0.5, dip), key=lambda run: run[2]) for dip in (0, 1, 3)
    }
    assert best == {0: (3, 5, 0.9), 1: (1, 5, 0.9), 3: (1, 9, 0.9)}


def test_each_label_has_its_own_dip():
    scores = np.array([0.1, 0.6, 0.2, 0.9, 0.6, 0.1])
    rules = RunRules(fraction=0.5, dip=(1, 0))
    twice = np.stack([scores, scores], 1)
    events = events_from_scores(twice, 0.05, 1, 0.5, (1, 6), rules)
    best = events.scores > 0.8
    labels = events.pred_classes[best].tolist()
    onsets = events.pred_boxes.tensor[best, 0].tolist()
    assert dict(zip(labels, onsets)) == {0: 1.0, 1: 3.0}
