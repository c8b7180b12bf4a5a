"""Proposals, matching, sampling and losses of a batch at once against detectron2's own code."""

import pytest
import torch
from detectron2.modeling.matcher import Matcher
from detectron2.modeling.sampling import subsample_labels
from detectron2.structures import Boxes, Instances, pairwise_iou
from detectron2.utils.events import EventStorage
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torchvision.ops import nms, roi_align

from audiodet.engine.setup import load_config
from audiodet.modeling import intervals
from audiodet.modeling.intervals import as_truth, match, sample, suppress
from audiodet.modeling.stock import build_model
from audiodet.modeling.time_pooling import full_height, pool
from benchmarks.plain import detectron2s_own

SMALL = ["MODEL.FPN.OUT_CHANNELS", 32, "MODEL.ROI_BOX_HEAD.FC_DIM", 32]
SYSTEMS = {
    "rcrnn/rare": [],
    "rcrnn/babycry": ["MODEL.ROI_HEADS.NMS_THRESH_TEST", 0.3],
    "audiomask/R_18_FPN": SMALL,
}
EVENTS = [[(20, 45, 0)], [], [(5, 130, 1), (60, 70, 2), (62, 90, 0)], [(0, 200, 0), (3, 9, 1)]]


def make(name):
    torch.manual_seed(0)
    opts = ["MODEL.DEVICE", "cpu", "MODEL.BACKBONE.PRECISION", "float32", *SYSTEMS[name]]
    opts += ["DATASETS.LABELS", ["a", "b", "c"], "MODEL.POSTPROCESSORS", []]
    model = build_model(load_config(f"configs/{name}.yaml", list(map(str, opts))))
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    heads = [model.proposal_generator.rpn_head.anchor_deltas]
    heads += [model.proposal_generator.rpn_head.objectness_logits]
    heads += [model.roi_heads.box_predictor.bbox_pred, model.roi_heads.box_predictor.cls_score]
    for layer in heads:  # far from zero, so that boxes move and scores differ
        nn.init.normal_(layer.weight, std=0.2)
    return model


def clips(bands: int, frames: int = 352):
    batch = []
    generator = torch.Generator().manual_seed(1)
    for events in EVENTS:
        truth = Instances((bands, frames))
        boxes = [[on, 0, off, bands] for on, off, _ in events]
        truth.gt_boxes = Boxes(torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))
        truth.gt_classes = torch.tensor([k for *_, k in events], dtype=torch.int64)
        image = torch.randn(1, bands, frames, generator=generator)
        batch.append({"image": image, "instances": truth, "height": 1, "width": frames * 0.023})
    return batch


def bands_of(model) -> int:
    return model.proposal_generator.anchor_generator.height


@pytest.fixture(params=SYSTEMS, scope="module")
def pair(request):
    model = make(request.param)
    return model, detectron2s_own(model)


def test_proposals_are_detectron2s(pair):
    ours, plain = (model.eval() for model in pair)
    batch = clips(bands_of(ours))
    with torch.no_grad():
        both = list(zip(ours.propose(batch), plain.propose(batch), strict=True))
    for a, b in both:
        assert len(a) == len(b) > 10
        torch.testing.assert_close(a.proposal_boxes.tensor, b.proposal_boxes.tensor)
        torch.testing.assert_close(a.objectness_logits, b.objectness_logits)


def test_events_are_detectron2s(pair):
    ours, plain = (model.eval() for model in pair)
    batch = clips(bands_of(ours))
    with torch.no_grad():
        both = list(zip(ours(batch), plain(batch), strict=True))
        both += [(ours(batch[:1])[0], plain(batch[:1])[0])]
    for a, b in both:
        a, b = a["instances"], b["instances"]
        assert len(a) == len(b) > 3
        torch.testing.assert_close(a.pred_boxes.tensor, b.pred_boxes.tensor)
        torch.testing.assert_close(a.scores, b.scores)
        assert torch.equal(a.pred_classes, b.pred_classes)


def step(model, batch):
    """Losses, gradients by name and logged scalars, with every anchor and proposal sampled."""
    model.train()
    model.zero_grad()
    for part in (model.proposal_generator, model.roi_heads):
        part.batch_size_per_image = 4096
        part.positive_fraction = 1.0
    with EventStorage() as storage:
        losses = model(batch)
        sum(losses.values()).backward()
        logged = {name: value for name, (value, _) in storage.latest().items()}
    gradients = {name: p.grad for name, p in model.named_parameters()}
    return {name: loss.detach() for name, loss in losses.items()}, gradients, logged


def test_losses_gradients_and_what_is_logged_are_detectron2s(pair):
    batch = clips(bands_of(pair[0]))
    (losses, gradients, logged), (losses2, gradients2, logged2) = (step(m, batch) for m in pair)
    torch.testing.assert_close(losses, losses2, rtol=1e-4, atol=1e-6)
    assert logged == pytest.approx(logged2)
    assert len(logged) == 7
    for name, gradient in gradients.items():
        most = max(1e-5, 1e-3 * float(gradients2[name].abs().max()))
        torch.testing.assert_close(gradient, gradients2[name], rtol=1e-3, atol=most)


@pytest.mark.parametrize("low_quality", [True, False])
def test_matching_is_detectron2s(low_quality):
    matcher = Matcher([0.3, 0.5], [0, -1, 1], allow_low_quality_matches=low_quality)
    instances = [clip["instances"] for clip in clips(64)]
    starts = torch.rand(200, generator=torch.Generator().manual_seed(2)) * 300
    times = torch.stack((starts, starts + starts.flip(0) / 8 + 1), dim=1)
    boxes = Boxes(torch.stack((times[:, 0], 0 * starts, times[:, 1], 0 * starts + 64), dim=1))
    events, labels = match(as_truth(instances, "cpu"), times, matcher)
    for clip, event, label in zip(instances, events, labels):
        expected_event, expected = matcher(pairwise_iou(clip.gt_boxes, boxes))
        assert torch.equal(label, expected.long())
        assert torch.equal(event, expected_event)
    assert set(labels.unique().tolist()) == {-1, 0, 1}


def test_sampling_takes_as_many_as_detectron2():
    torch.manual_seed(3)
    labels = torch.tensor([[1] * 30 + [0] * 100, [1] * 3 + [0] * 20 + [-1] * 107, [-1] * 130])
    places, filled = sample(labels == 1, labels == 0, 40, 0.5)
    for row, place, full in zip(labels, places, filled):
        positive, negative = subsample_labels(row.clone(), 40, 0.5, 0)
        chosen = row[place[full]]
        assert (chosen == 1).sum() == len(positive) and (chosen == 0).sum() == len(negative)
        assert len(place[full].unique()) == len(chosen) == len(positive) + len(negative)
    assert torch.equal(labels.gather(1, places)[0, :20], torch.ones(20, dtype=torch.int64))


def test_each_is_sampled_equally_often():
    torch.manual_seed(4)
    labels = torch.tensor([[1] * 8 + [0] * 12]).expand(4000, -1)
    places, filled = sample(labels == 1, labels == 0, 8, 0.25)
    assert filled.all()
    counts = torch.bincount(places.flatten(), minlength=20) / 4000
    torch.testing.assert_close(counts[:8], torch.full((8,), 2 / 8), atol=0.03, rtol=0)
    torch.testing.assert_close(counts[8:], torch.full((12,), 6 / 12), atol=0.03, rtol=0)


def test_a_chain_of_suppressors_is_followed_to_its_end():
    """Each of 200 suppresses the next: every other one stays, whatever way NMS takes."""
    starts = torch.arange(200.0)
    chain = torch.stack((starts, starts + 3), dim=1).expand(2, -1, -1)  # IoU of neighbours 0.5
    every = torch.ones(2, 200, dtype=torch.bool)
    kept = suppress(chain, every, 0.4, 200)
    assert torch.equal(kept, (torch.arange(200) % 2 == 0).expand(2, -1))
    groups = torch.arange(200).expand(2, -1) % 2
    assert suppress(chain, every, 0.4, 200, groups).all()  # neighbours are of different groups
    some = suppress(chain, every, 0.4, 20)
    assert (some.sum(1) >= 20).all() and not (some & ~kept).any()


def test_nms_of_a_batch_is_torchvisions(monkeypatch):
    generator = torch.Generator().manual_seed(5)
    starts = torch.rand(3, 300, generator=generator) * 500
    times = torch.stack((starts, starts + 60 * torch.rand(3, 300, generator=generator)), dim=2)
    valid = torch.rand(3, 300, generator=generator) < 0.9
    for block in (64, 1000):
        monkeypatch.setitem(intervals.BLOCKS, "cpu", block)
        for clip, among, kept in zip(times, valid, suppress(times, valid, 0.3, 300)):
            boxes = torch.stack((clip[:, 0], 0 * clip[:, 0], clip[:, 1], 0 * clip[:, 0] + 1), dim=1)
            expected = nms(boxes[among], torch.arange(int(among.sum()), 0, -1.0), 0.3)
            assert torch.equal(kept.nonzero()[:, 0], among.nonzero()[:, 0][expected])


def events_of_a_step(model, batch) -> list:
    """Names of all that torch does in a training step."""
    model.train()
    with EventStorage(), profile(activities=[ProfilerActivity.CPU]) as profiler:
        sum(model(batch).values()).backward()
    return [event.name for event in profiler.events()]


WAITS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::equal")


@pytest.mark.parametrize("name", ["rcrnn/rare", "audiomask/R_18_FPN"])
def test_nothing_in_a_step_grows_with_the_batch(name):
    model = make(name)
    clip = clips(bands_of(model))[2]
    for layer in model.proposal_generator.rpn_head.modules():
        layer.requires_grad_(True)
    few, many = (events_of_a_step(model, [clip] * count) for count in (4, 16))
    for wait in WAITS:
        assert few.count(wait) == many.count(wait) < 20
    assert few.count("aten::item") <= many.count("aten::item")
    own = [event for event in many if event.startswith("aten::")]
    assert len(own) <= 1.05 * len([event for event in few if event.startswith("aten::")])
    plain = events_of_a_step(detectron2s_own(model), [clip] * 16)
    waits = sum(map(plain.count, WAITS))
    assert waits > 200 and waits > 10 * sum(map(many.count, WAITS))


def test_edges_are_exact_where_maps_are_not():
    """From 23.5 s on, whole frames of a bfloat16 edge were 8 frames apart."""
    model = make("rcrnn/rare").eval()
    generator = torch.Generator().manual_seed(6)
    row = torch.randn(1, 100, 1, 162, generator=generator).bfloat16()
    times = torch.tensor([[[1171.3, 1210.9], [1203.2, 1290.1]]])
    rough = pool(model.roi_heads.box_pooler, [row], times, 64)
    exact = roi_align(
        row.float(), [full_height(times[0], 8.0)], (1, 7), 1 / 8, sampling_ratio=0, aligned=True
    )
    torch.testing.assert_close(rough, exact, atol=1e-3, rtol=1e-3)
    stepped = pool(model.roi_heads.box_pooler, [row], times.bfloat16().float(), 64)
    assert (stepped - exact).abs().max() > 0.1  # what half the precision would make of them


def test_a_step_in_mixed_precision():
    """Boxes are decoded in float32, and the losses stay near those of float32."""
    model = make("rcrnn/rare").train()
    batch = clips(64)
    totals = []
    for half in (False, True):
        torch.manual_seed(7)
        with EventStorage(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            losses = model(batch)
        assert all(loss.dtype == torch.float32 for loss in losses.values())
        totals.append(float(sum(losses.values()).detach()))
    assert totals[0] == pytest.approx(totals[1], rel=0.1) and totals[0] != totals[1]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        (proposals,) = model.eval().propose(batch[:1])
    assert proposals.proposal_boxes.tensor.dtype == torch.float32
