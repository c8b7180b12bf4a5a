"""Suppression and voting over intervals: by hand, and against torchvision on boxes at random."""

import numpy as np
import pytest
import torch
from detectron2.layers import batched_nms
from detectron2.structures import Boxes, pairwise_iou

from audiodet.postprocessing.boxes import best_regions, interval_iou, suppressed, voted
from audiodet.postprocessing.regions import Regions


def regions(*rows) -> Regions:
    """[(onset, offset, score, class), ...] as they come."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    return Regions(table[:, :2], table[:, 2], table[:, 3].astype(np.int64))


def at_random(count: int, seed: int) -> Regions:
    rng = np.random.default_rng(seed)
    onsets = rng.uniform(0, 1000, count)
    times = np.stack([onsets, onsets + rng.uniform(1, 200, count)], 1).astype(np.float32)
    scores = rng.permutation(count).astype(np.float32) / count
    return Regions(times, scores, rng.integers(0, 3, count))


def as_boxes(times: np.ndarray) -> torch.Tensor:
    boxes = torch.zeros(len(times), 4)
    boxes[:, 0::2], boxes[:, 3] = torch.from_numpy(times), 64
    return boxes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("iou", [0.1, 0.5, 0.9])
def test_suppression_is_torchvisions(seed, iou):
    found = at_random(300, seed)
    arrays = (torch.from_numpy(found.scores), torch.from_numpy(found.classes))
    kept = batched_nms(as_boxes(found.times), *arrays, iou).numpy()
    ours = suppressed(found, iou)
    np.testing.assert_array_equal(ours.times, found.times[kept])
    np.testing.assert_array_equal(ours.classes, found.classes[kept])


def test_iou_is_detectron2s():
    a, b = at_random(50, 1).times, at_random(40, 2).times
    theirs = pairwise_iou(Boxes(as_boxes(a)), Boxes(as_boxes(b))).numpy()
    np.testing.assert_allclose(interval_iou(a, b), theirs, rtol=1e-5, atol=1e-6)
    nothing = np.array([[3.0, 3.0]], np.float32)
    assert interval_iou(nothing, nothing).item() == 0


def test_what_a_detector_reports():
    """Two regions, two classes and the background; the second class is below the least score."""
    times = np.array([[[0, 10], [0, 20]], [[1, 11], [50, 60]]], np.float32)
    scores = np.array([[0.7, 0.05, 0.25], [0.6, 0.3, 0.1]], np.float32)
    found = best_regions(times, scores, 0.05, 0.5, 10)
    assert found.times.tolist() == [[0, 10], [50, 60]]  # the other class's; its rival is gone
    assert found.classes.tolist() == [0, 1] and found.scores.tolist() == pytest.approx([0.7, 0.3])
    assert len(best_regions(times, scores, 0.05, 1.0, 2)) == 2
    assert len(best_regions(times, scores, 0.9, 0.5, 10)) == 0


def test_voting_moves_the_survivor():
    found = regions((100, 200, 0.8, 0), (110, 210, 0.2, 0), (500, 510, 0.1, 0))
    moved = voted(found, 0.5, 0.5)
    assert moved.times[0].tolist() == pytest.approx([102, 202])
    assert moved.times[1].tolist() == [500, 510]
    assert len(voted(regions(), 0.5, 0.5)) == 0


def test_regions_become_events():
    found = regions((0, 100, 0.9, 1), (950, 1100, 0.5, 0), (990, 1000, 0.4, 0))
    placed = found.in_seconds(1000, 10.0)
    assert [e.label for e in placed.events("ab", 10.0)] == ["b", "a", "a"]
    assert placed.events("ab", 9.9)[1][:2] == pytest.approx((9.5, 9.9))
    assert len(placed.events("ab", 9.9)) == 2  # the last begins at the end
