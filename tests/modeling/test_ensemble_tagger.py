"""Heads side by side: each is a tagger of its own, and probabilities are averaged."""

import pytest
import torch
from detectron2.structures import Boxes, Instances

from audiodet.config.loading import load_config
from audiodet.modeling import build_model


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    cfg = load_config("configs/pretrained/mn04_frame.yaml", ["MODEL.DEVICE", "cpu"])
    return build_model(cfg).eval()


def clip() -> dict:
    torch.manual_seed(1)
    instances = Instances((128, 640))
    instances.gt_boxes = Boxes(torch.tensor([[160.0, 0.0, 320.0, 128.0]]))
    instances.gt_classes = torch.tensor([1])
    return {"image": torch.randn(1, 128, 640), "instances": instances}


def test_scores_are_the_mean_of_the_heads(model):
    (logits,) = model.step_logits([clip()])
    assert logits.shape == (40, 4, 3)
    assert (logits[:, 0] - logits[:, 1]).abs().max() > 1e-3
    (scores,) = model.step_scores([clip()])
    torch.testing.assert_close(scores, logits.sigmoid().mean(1))


def test_a_head_hears_only_its_own_neck(model):
    (before,) = model.step_logits([clip()])
    with torch.no_grad():
        model.backbone.necks[2].projections["12"].bias += 1.0
    (after,) = model.step_logits([clip()])
    changed = (before != after).flatten(2).any(2).any(0)
    assert changed.tolist() == [False, False, True, False]


def test_the_loss_is_the_mean_of_the_heads(model):
    (logits,) = model.step_logits([clip()])
    loss = model.losses([logits], [clip()])["loss_frame"]
    targets = torch.zeros(40, 3)
    targets[10:20, 1] = 1.0
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, targets[:, None].expand_as(logits)
    )
    torch.testing.assert_close(loss, expected, atol=0.02, rtol=0.05)
