"""The segmentation network: counts, masks, gating, events with frequencies, unequal clips."""

import numpy as np
import pytest
import torch
from detectron2.modeling import build_model
from detectron2.solver import build_lr_scheduler
from detectron2.structures import Boxes, Instances

from audiodet.data.spectrogram import LogMel, hz_to_mel
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling import keras_count
from audiodet.modeling.instances import events_from_instances

FULL, SMALL = "configs/tfseg/dcase2018_gwrp.yaml", ["MODEL.TFSEG.MAPS", "[4, 6]"]


def model_of(*opts, path="configs/tfseg/remix_mini.yaml"):
    torch.manual_seed(0)
    precision = ["MODEL.BACKBONE.PRECISION", "float32", "MODEL.DEVICE", "cpu"]
    return build_model(load_config(path, [*precision, *opts])).eval()


def clip(frames, seed=0):
    image = torch.randn(1, 64, frames, generator=torch.Generator().manual_seed(seed))
    return {"image": image, "height": 1, "width": frames * 0.032}


@pytest.mark.parametrize("decay", [0.0, 0.9998, 1.0])
def test_the_papers_parameters(decay):
    """587,593 learned; Keras counts two running statistics of each of 704 normalised maps too."""
    model = model_of("MODEL.TFSEG.RANK_DECAY", decay, path=FULL)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 587_593
    assert keras_count(model) == 587_593 + 2 * 704 == 589_001


def test_the_papers_shapes():
    """Ten seconds at 32 kHz are 311 frames; 41 masks of 64 x 311."""
    model = model_of(path=FULL)
    log_mel = LogMel.from_config(load_config(FULL, []))
    image = log_mel(torch.randn(320_000, generator=torch.Generator().manual_seed(0)) * 0.1)
    with torch.no_grad():
        (found,) = model([{"image": image[None]}])
    assert found["masks"].shape == (41, 64, 311) and found["frame_scores"].shape == (311, 41)
    assert found["clip_scores"].shape == (41,)


def test_a_layer_by_hand():
    """A convolution without bias, batch norm, then ReLU; every bin is kept."""
    backbone = model_of("MODEL.TFSEG.MAPS", "[4]").backbone
    norm = backbone.norms[0]
    for statistics in (norm.weight, norm.bias, norm.running_mean):
        torch.nn.init.normal_(statistics)
    norm.running_var.fill_(4.0)
    x = torch.randn(2, 1, 64, 30)
    with torch.no_grad():
        filters = backbone.convolutions[0].weight
        y = torch.nn.functional.conv2d(torch.nn.functional.pad(x, (1, 1, 1, 1)), filters)
        scale, offset, mean = (
            v.view(1, 4, 1, 1) for v in (norm.weight, norm.bias, norm.running_mean)
        )
        expected = ((y - mean) / 2 * scale + offset).clamp(min=0)
        assert (expected == 0).any()
        torch.testing.assert_close(backbone(x)["bins"], expected, rtol=1e-3, atol=1e-4)


def test_clip_scores_pool_the_masks_and_gate_the_frames():
    model = model_of(*SMALL, "MODEL.TFSEG.GATE", 0.5, "MODEL.TFSEG.RANK_DECAY", 0.9998)
    with torch.no_grad():
        (found,) = model([clip(100)])
    masks = found["masks"].double()
    weights = 0.9998 ** torch.arange(6400, dtype=torch.float64)
    expected = (masks.flatten(1).sort(-1, descending=True).values * weights).sum(-1) / weights.sum()
    torch.testing.assert_close(found["clip_scores"].double(), expected, atol=1e-6, rtol=0)
    gate = expected > 0.5
    assert gate.any() and not gate.all()
    torch.testing.assert_close(found["frame_scores"].double(), (masks.mean(1) * gate[:, None]).T)
    torch.testing.assert_close(found["frame_seconds"], (torch.arange(100) + 0.5) * 0.032)


@pytest.mark.parametrize(
    "opts",
    [
        [],
        ["MODEL.TFSEG.LEVEL", "frame"],
        ["MODEL.TFSEG.LEVEL", "frame", "MODEL.TFSEG.POOLING", "attention"],
    ],
    ids=["bins", "frames", "attention"],
)
def test_a_shorter_clip_in_a_batch_is_as_alone(opts):
    model = model_of(*SMALL, *opts)
    torch.nn.init.normal_(model.classifier.weight)
    with torch.no_grad():
        together = model([clip(50, 1), clip(80, 2)])
        alone = [model([clip(50, 1)])[0], model([clip(80, 2)])[0]]
    for a, b in zip(together, alone):
        for name in ("frame_scores", "clip_scores", *(["masks"] if "masks" in a else [])):
            torch.testing.assert_close(a[name], b[name])
    assert ("masks" in together[0]) == (not opts)


def test_the_loss_has_both_terms():
    """Binary cross-entropy of clip scores, by hand."""
    model = model_of(*SMALL).train()
    batch = [{**clip(50), "clip_labels": torch.tensor([1.0] + [0.0] * 7)}]
    ((_, tags),) = model.class_maps(batch)
    expected = -(tags[0].log() + (1 - tags[1:]).log().sum()) / 8
    assert model(batch)["loss_clip"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_an_event_has_the_frequencies_of_its_mask():
    """A mask that is strong in bands 10 to 19 during frames 20 to 59."""
    model = model_of(*SMALL)
    masks = torch.zeros(8, 64, 100)
    masks[2, 10:20, 20:60] = 0.9
    masks[2, 40, 20:60] = 0.3
    tags = torch.zeros(8)
    tags[2] = 0.5
    found = model.from_maps(masks * 3, tags, clip(100))["instances"]
    assert found.pred_classes.tolist() == [2]
    np.testing.assert_allclose(
        found.pred_boxes.tensor.numpy(), [[20 * 0.032, 0, 60 * 0.032, 1]], rtol=1e-6
    )
    step = (hz_to_mel(16000) - hz_to_mel(50)) / 65  # between two bands' centres
    assert hz_to_mel(found.low_hz.item()) == pytest.approx(hz_to_mel(50) + 10.5 * step, rel=1e-5)
    assert hz_to_mel(found.high_hz.item()) == pytest.approx(hz_to_mel(50) + 20.5 * step, rel=1e-5)
    assert not len(model.from_maps(masks, torch.zeros(8), clip(100))["instances"])  # gated


@pytest.mark.parametrize(
    "key, value, expected",
    [("LEVEL", "band", "'bin' or 'frame'"), ("POOLING", "sum", "'rank' or 'attention'")],
)
def test_unknown_choices(key, value, expected):
    with pytest.raises(ConfigError, match=f"MODEL.TFSEG.{key} is '{value}', expected {expected}"):
        model_of(f"MODEL.TFSEG.{key}", value)


def test_a_decay_outside_of_0_to_1():
    with pytest.raises(ConfigError, match="MODEL.TFSEG.RANK_DECAY is 1.5, expected 0 to 1"):
        model_of("MODEL.TFSEG.RANK_DECAY", 1.5)


def test_frequencies_reach_the_reported_events():
    found = Instances(
        (1, 1),
        pred_boxes=Boxes(torch.tensor([[1.0, 0, 2, 1], [3.0, 0, 9, 1]])),
        scores=torch.tensor([0.9, 0.8]),
        pred_classes=torch.tensor([1, 0]),
        low_hz=torch.tensor([400.0, 50.0]),
        high_hz=torch.tensor([800.0, 60.0]),
    )
    events = events_from_instances(found, ["a", "b"], 5.0)
    assert [e[2:] for e in events] == [
        ("b", pytest.approx(0.9), 400, 800),
        ("a", pytest.approx(0.8), 50, 60),
    ]


def test_the_learning_rate_falls_as_the_papers():
    """1e-3, and 49 times 0.9 of it: after 200 iterations of 10,000 for the first time."""
    cfg = load_config(FULL, [])
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], cfg.SOLVER.BASE_LR)
    scheduler, rates = build_lr_scheduler(cfg, optimizer), []
    for _ in range(cfg.SOLVER.MAX_ITER):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[199] == pytest.approx(1e-3) and rates[200] == pytest.approx(0.9e-3)
    assert rates[9999] == pytest.approx(1e-3 * 0.9**49)
