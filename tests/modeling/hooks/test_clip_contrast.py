"""Contrast by hand: what the rest of a clip takes from a score."""

import math

import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances

from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling.hooks.clip_contrast import ClipContrast
from audiodet.postprocessing.contrast import FLOOR, contrasted


def logit(x):
    return math.log(x / (1 - x))


def test_what_else_the_clip_holds_is_taken_from_the_log_odds():
    # 3 s at 0.2 in a clip of 30 s: a mean of 0.02, but for the first its own second at 0.9
    first, second = contrasted([0.9, 0.2], [1.0, 3.0], 30.0, 0.5)
    assert logit(first) == pytest.approx(logit(0.9) - 0.5 * math.log((0.02 + FLOOR) / FLOOR))
    assert logit(second) == pytest.approx(logit(0.2) - 0.5 * math.log((0.03 + FLOOR) / FLOOR))


def test_a_lone_event_and_weight_0_change_nothing():
    assert contrasted([0.7], [2.0], 30.0, 1.0) == pytest.approx([0.7])
    np.testing.assert_allclose(contrasted([0.7, 0.6], [2.0, 9.0], 30.0, 0.0), [0.7, 0.6])
    assert contrasted([1.0, 0.0], [1.0, 1.0], 30.0, 0.5) == pytest.approx([1, 0], abs=1e-5)


def found(rows):
    """[(onset, offset, score, class)] in frames of a clip of 3,000."""
    table = torch.tensor(rows)
    boxes = torch.zeros(len(rows), 4)
    boxes[:, 0], boxes[:, 2], boxes[:, 3] = table[:, 0], table[:, 1], 128
    instances = Instances((128, 3000))
    instances.pred_boxes, instances.scores = Boxes(boxes), table[:, 2].clone()
    instances.pred_classes = table[:, 3].long()
    return instances


def test_labels_apart_and_best_first():
    rows = [(0, 100, 0.9, 0), (500, 1700, 0.8, 0), (0, 3000, 0.7, 1)]
    hook = ClipContrast(load_config("configs/rcrnn/rare.yaml", ["MODEL.CLIP_CONTRAST.WEIGHT", "1"]))
    (after,) = hook([{}], [found(rows)])
    expected = contrasted([0.9, 0.8], [100, 1200], 3000, 1.0)
    scores = [0.7, *sorted(expected, reverse=True)]
    assert after.scores.tolist() == pytest.approx(scores, abs=1e-6)
    assert after.pred_classes.tolist() == [1, 0, 0]
    assert after.pred_boxes.tensor[1, 0] == 500  # the short one lost more to the long one


@pytest.mark.parametrize("weight", [-1.0, math.nan])
def test_a_weight_out_of_range(weight):
    cfg = load_config("configs/rcrnn/rare.yaml").clone()
    cfg.defrost()
    cfg.MODEL.CLIP_CONTRAST.WEIGHT = weight
    with pytest.raises(ConfigError, match=f"CLIP_CONTRAST.WEIGHT is {weight}, expected 0 or more"):
        ClipContrast(cfg)
