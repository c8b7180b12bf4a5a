"""Box voting by hand."""

import pytest
import torch
from detectron2.structures import Boxes, Instances

from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling.hooks.box_voting import BoxVoting


def vote(rows, *opts):
    """[(onset, offset, score, class)] in frames, best first -> the same after voting."""
    found = Instances((64, 1305))
    table = torch.tensor(rows).reshape(-1, 4)
    boxes = torch.zeros(len(rows), 4)
    boxes[:, 0], boxes[:, 2], boxes[:, 3] = table[:, 0], table[:, 1], 64
    found.pred_boxes, found.scores = Boxes(boxes), table[:, 2]
    found.pred_classes = table[:, 3].long()
    cfg = load_config("configs/rcrnn/rare.yaml", [str(x) for x in opts])
    (after,) = BoxVoting(cfg)([{}], [found])
    boxes = after.pred_boxes.tensor
    assert (boxes[:, 1] == 0).all() and (boxes[:, 3] == 64).all()
    return [
        (round(float(box[0]), 3), round(float(box[2]), 3), round(float(score), 4), int(k))
        for box, score, k in zip(boxes, after.scores, after.pred_classes)
    ]


def test_the_mean_of_what_overlaps_weighted_by_score():
    rows = [(100, 200, 0.8, 0), (110, 210, 0.2, 0), (100, 160, 0.5, 0), (100, 140, 0.4, 0)]
    # the third overlaps by 0.6 and votes, the fourth by 0.4: NMS drops it, and it has no vote
    onset = (100 * 0.8 + 110 * 0.2 + 100 * 0.5) / 1.5
    offset = (200 * 0.8 + 210 * 0.2 + 160 * 0.5) / 1.5
    assert vote(rows) == [(round(onset, 3), round(offset, 3), 0.8, 0)]


def test_other_classes_and_far_boxes_have_no_vote():
    rows = [(100, 200, 0.9, 0), (100, 220, 0.8, 1), (500, 540, 0.7, 0), (195, 300, 0.6, 0)]
    assert vote(rows) == [(float(a), float(b), s, k) for a, b, s, k in rows]


def test_nothing_detected():
    assert vote([]) == []


@pytest.mark.parametrize(
    "opts, message",
    [
        (("MODEL.ROI_HEADS.NMS_THRESH_TEST", 0.3), "NMS_THRESH_TEST is 0.3, expected 1.0"),
        (("MODEL.BOX_VOTING.IOU", 1.5), "BOX_VOTING.IOU is 1.5, expected above 0, at most 1"),
        (("MODEL.BOX_VOTING.NMS", 0.0), "BOX_VOTING.NMS is 0.0, expected above 0"),
    ],
)
def test_bad_configuration(opts, message):
    with pytest.raises(ConfigError, match=message):
        vote([], *opts)
