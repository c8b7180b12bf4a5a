"""The time-only pieces against hand-worked numbers and brute force in one dimension."""

import numpy as np
import pytest
import torch
from detectron2.layers import ShapeSpec
from detectron2.layers.nms import batched_nms
from detectron2.modeling.box_regression import Box2BoxTransform
from detectron2.structures import Boxes, pairwise_iou
from torchvision.ops import roi_align

from audiodet.modeling.time_pooling import pool_row
from audiodet.modeling.time_boxes import (
    TimeAnchorGenerator,
    TimeOutputLayers,
    TimeROIPooler,
    TimeRPNHead,
    deliver_four,
)


def intervals(*pairs, height=64.0):
    return Boxes(torch.tensor([[a, 0.0, b, height] for a, b in pairs]))


def make_anchors(sizes, offset=0.625):
    return TimeAnchorGenerator(
        height=64, sizes=[sizes], aspect_ratios=[[1.0]], strides=[8], offset=offset
    )


def test_anchors_by_hand():
    (anchors,) = make_anchors([8, 32])([torch.zeros(1, 5, 1, 2)])
    # step 0 is centred on frame 5, step 1 on frame 13
    expected = [[1, 0, 9, 64], [-11, 0, 21, 64], [9, 0, 17, 64], [-3, 0, 29, 64]]
    assert anchors.tensor.tolist() == expected


def test_a_clip_of_30_seconds_has_972_anchors():
    (anchors,) = make_anchors([8, 16, 32, 64, 128, 256])([torch.zeros(1, 5, 1, 162)])
    assert len(anchors) == 972


def test_two_deltas_are_learned_and_four_delivered():
    assert deliver_four(torch.tensor([[1.0, 2.0, 3.0, 4.0]])).tolist() == [[1, 0, 2, 0, 3, 0, 4, 0]]
    head = TimeRPNHead(in_channels=10, num_anchors=6, box_dim=4, conv_dims=[12])
    logits, deltas = head([torch.randn(2, 10, 1, 7)])
    assert logits[0].shape == (2, 6, 1, 7) and deltas[0].shape == (2, 24, 1, 7)
    assert head.anchor_deltas.out_channels == 12
    assert torch.all(deltas[0][:, 1::2] == 0) and torch.all(deltas[0][:, 0::2] != 0)
    layers = TimeOutputLayers(
        ShapeSpec(channels=9), box2box_transform=Box2BoxTransform((1, 1, 1, 1)), num_classes=3
    )
    scores, deltas = layers(torch.randn(5, 9))
    assert scores.shape == (5, 4) and deltas.shape == (5, 12)
    assert layers.bbox_pred.out_features == 6


def test_decoded_boxes_are_exactly_full_height():
    transform = Box2BoxTransform((10.0, 10.0, 5.0, 5.0))
    deltas = deliver_four(torch.randn(50, 2) * 3)
    anchors = intervals(*[(i, i + 7.3) for i in range(50)]).tensor
    boxes = transform.apply_deltas(deltas, anchors)
    assert torch.all(boxes[:, 1] == 0) and torch.all(boxes[:, 3] == 64)


def test_deltas_are_the_papers():
    """t = ((x - xa) / la, log(l / la)), paper section 2.2."""
    transform = Box2BoxTransform((1.0, 1.0, 1.0, 1.0))
    deltas = transform.get_deltas(intervals((10, 20)).tensor, intervals((16, 36)).tensor)
    np.testing.assert_allclose(deltas[0], [1.1, 0, np.log(2), 0], atol=1e-6)


def test_iou_and_nms_are_those_of_intervals():
    rng = np.random.default_rng(0)
    starts, lengths = rng.uniform(0, 100, 60), rng.uniform(0.5, 40, 60)
    pairs = np.stack([starts, starts + lengths], axis=1)
    inter = np.minimum(pairs[:, None, 1], pairs[None, :, 1])
    inter = np.clip(inter - np.maximum(pairs[:, None, 0], pairs[None, :, 0]), 0, None)
    iou = inter / (lengths[:, None] + lengths[None] - inter)
    boxes = intervals(*pairs.tolist())
    np.testing.assert_allclose(pairwise_iou(boxes, boxes), iou, atol=1e-5)
    scores = rng.permutation(60).astype(np.float32)
    kept, brute = [], list(np.argsort(-scores))
    while brute:
        kept.append(brute.pop(0))
        brute = [j for j in brute if iou[kept[-1], j] <= 0.3]
    found = batched_nms(boxes.tensor, torch.from_numpy(scores), torch.zeros(60), 0.3)
    assert found.tolist() == kept


@pytest.mark.parametrize("sampling_ratio", [0, 1, 2, 4])
def test_aligned_pooling_is_interpolation_in_time(sampling_ratio):
    features = torch.randn(1, 3, 1, 40, generator=torch.Generator().manual_seed(0))
    box = (24.0, 24.0 + 7 * 16)  # 7 bins of 2 steps each
    pooler = TimeROIPooler((1, 7), [1 / 8], sampling_ratio, "ROIAlignV2")
    pooled = pooler([features], [intervals(box)])[0, :, 0]
    samples = sampling_ratio or 2
    places = 24 / 8 - 0.5 + (np.arange(7 * samples) + 0.5) * 2 / samples
    expected = [
        np.interp(places, np.arange(40), row).reshape(7, samples).mean(1)
        for row in features[0, :, 0].numpy()
    ]
    np.testing.assert_allclose(pooled, expected, atol=1e-5)


def test_max_pooling_takes_each_bins_maximum():
    features = torch.randn(1, 3, 1, 40, generator=torch.Generator().manual_seed(1))
    pooler = TimeROIPooler((1, 7), [1 / 8], 0, "ROIPool")
    pooled = pooler([features], [intervals((16.0, 16.0 + 13 * 8))])[0, :, 0]
    # steps round(16 / 8) to round(120 / 8), both included: 14 steps in 7 bins of 2
    expected = features[0, :, 0, 2:16].reshape(3, 7, 2).amax(2)
    torch.testing.assert_close(pooled, expected)


@pytest.mark.parametrize("ratio", [0, 1, 3])
def test_rows_are_pooled_as_torchvision_does(ratio):
    """Regions over the map's end and of no length too, and their gradients."""
    generator = torch.Generator().manual_seed(2)
    row = torch.randn(2, 3, 1, 43, generator=generator, requires_grad=True)
    start = torch.rand(2, 30, generator=generator) * 340
    end = (start + torch.rand(2, 30, generator=generator) * 200).clamp(max=352)
    times = torch.stack((start, end), dim=2)
    times[:, 0] = torch.tensor([0.0, 352.0])
    times[:, 1] = torch.tensor([100.0, 100.0])
    boxes = torch.stack((start, 0 * start, times[..., 1], 0 * start + 8), dim=2)
    boxes[..., 0] = times[..., 0]
    expected = roi_align(row, list(boxes), (1, 7), 1 / 8, ratio, aligned=True)
    pooled = pool_row(row, times / 8, 7, ratio)
    torch.testing.assert_close(pooled, expected, atol=1e-5, rtol=1e-5)
    weight = torch.randn(expected.shape, generator=generator)
    gradients = [torch.autograd.grad((x * weight).sum(), row)[0] for x in (pooled, expected)]
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)
