"""The self-mask ResNet by the paper: its shapes; its losses by hand."""

import math

import pytest
import torch
from detectron2.modeling import build_model

from audiodet.data.spectrogram import normalize_product
from audiodet.engine.setup import load_config
from audiodet.modeling.backbones.self_mask_resnet import SelfMask, SelfMaskResNet, pooled
from audiodet.modeling.self_mask import Streams, region_loss, sounding
from tests.modeling.self_mask_clips import build, clip

# Trainable, without mask module: three readings of the widths (convolutions without bias,
# squeeze-and-excitation with a sixteenth of the channels, ten classes).
COUNTS = {
    (64, 128, 256, 512): 11_265_218,
    (128, 256, 512, 1024): 44_944_954,
    (64, 64, 128, 256): 2_956_170,
}


@pytest.mark.parametrize("widths", COUNTS)
def test_parameters(widths):
    network = SelfMaskResNet(128, stem=64, widths=widths, maps=0)
    linear = widths[-1] * 10 + 10
    assert sum(p.numel() for p in network.parameters()) + linear == COUNTS[widths]


@pytest.mark.parametrize("maps", [1, 4])
def test_shapes_of_the_five_streams(maps):
    model = build("MODEL.SELF_MASK.MAPS", maps).eval()
    with torch.no_grad():
        (found,) = model.streams([clip()])
    shapes = [tuple(x.shape) for x in found]
    assert shapes == [(128, 3), (3,), (128,), (128,), (128,), (maps, 64, 512)]
    torch.testing.assert_close(found.clip, found.cells.max(0)[0])
    torch.testing.assert_close(found.event, found.cells.max(1)[0])
    blocks = found.mask_map.reshape(maps, 64, 128, 4)
    torch.testing.assert_close(found.mask, blocks.amax((0, 1, 3)))


def test_cells_of_the_papers_clip():
    """441,000 samples, hop 431: 1,024 frames, 128 cells of 78.1 ms."""
    model = build().eval()
    cfg = load_config("configs/self_mask/desed.yaml", [])
    frames = 1 + 441_000 // cfg.INPUT.SPECTROGRAM.HOP
    assert frames == 1024 and model.backbone.steps(frames) == 128
    assert 8 * 431 / 44_100 == pytest.approx(0.0781, abs=1e-4)
    with torch.no_grad():
        (found,) = model([{**clip(), "width": 1024 * 431 / 44_100, "height": 1}])
    assert found["frame_scores"].shape == (128, 3) and found["clip_scores"].shape == (3,)
    edges = found["frame_edges"]
    assert edges.shape == (129,) and edges[0] == 0
    torch.testing.assert_close(
        edges.diff(), torch.full((128,), 8 * 431 / 44_100, dtype=edges.dtype)
    )


def test_the_grid_halves_in_the_third_and_fourth_block():
    network, sizes = SelfMaskResNet(128, stem=4, widths=(4, 4, 6, 8), maps=1), []
    for block in network.blocks:
        block.register_forward_hook(lambda m, i, out: sizes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        network(torch.rand(1, 1, 128, 1024))
    assert sizes[1::2] == [(4, 64, 512), (4, 64, 512), (6, 32, 256), (8, 16, 128)]


def test_a_mask_of_ones_is_no_mask():
    masked, plain = build().eval(), build("MODEL.SELF_MASK.MAPS", 0).eval()
    assert plain.load_state_dict(masked.state_dict(), strict=False).missing_keys == []
    with torch.no_grad():
        assert not torch.equal(masked.step_logits([clip()])[0], plain.step_logits([clip()])[0])
        last = masked.backbone.mask[-1]
        last.layers[-1].weight.zero_()
        last.layers[-1].bias.fill_(100.0)
        last.shortcut.weight.zero_()
        assert torch.equal(masked.step_logits([clip()])[0], plain.step_logits([clip()])[0])
    assert "loss_region" not in plain.train()([clip()])


def test_the_mask_multiplies_what_goes_into_the_first_block():
    """A mask of zeros leaves nothing of the stem's maps; the bands that are left are averaged."""
    backbone = build().eval().backbone
    torch.nn.init.zeros_(backbone.mask[-1].layers[-1].weight)
    torch.nn.init.constant_(backbone.mask[-1].layers[-1].bias, -100.0)
    torch.nn.init.zeros_(backbone.mask[-1].shortcut.weight)
    seen = []
    backbone.blocks[0].register_forward_hook(lambda module, inputs, out: seen.append(inputs[0]))
    backbone.blocks.register_forward_hook(lambda module, inputs, out: seen.append(out))
    with torch.no_grad():
        time = backbone(torch.rand(1, 1, 128, 64))["time"]
    first, last = seen
    assert first.shape == (1, 4, 64, 32) and not first.any()
    torch.testing.assert_close(time[:, :, 0], last.mean(2))


def test_a_short_clip_is_filled_with_silence_before_it_is_scaled():
    """Section 2.1: padded to 10 s, then the three scalings: as if the audio itself went on."""
    model = build().eval()
    short = clip(frames=300)
    silence = math.log(1e-10)
    long = {"image": torch.full((1, 128, 1024), silence)}
    long["image"][..., :300] = short["image"]
    with torch.no_grad():
        (one,) = model.streams([short])
        (whole,) = model.streams([long])
    assert len(one.cells) == 38 and len(whole.cells) == 128
    torch.testing.assert_close(one.cells, whole.cells[:38])
    scaled = model.clip_input([short], "cpu").tensor
    torch.testing.assert_close(scaled[0], normalize_product(long["image"]))


def test_sound_is_monotone_and_starts_at_a_half():
    x = torch.zeros(1, 1, 128, 24)
    x[0, 0, 5, 3], x[0, 0, 90, 8], x[0, 0, 0, 23] = 0.49, 0.5, 1.0
    assert sounding(x)[0].tolist() == pytest.approx([0.0, math.tanh(0.5), math.tanh(1.0)])
    assert pooled(x, 8).tolist() == [pytest.approx([0.49, 0.5, 1.0])]


def bce(p, y):
    return -(y * math.log(p) + (1 - y) * math.log(1 - p))


def test_losses_by_hand(monkeypatch):
    """Two cells, three classes; a weak clip of class b, a strong one with class a in cell 1."""
    model = build("MODEL.SELF_MASK.ALPHA", 0.01)
    p = {"weak": [[0.2, 0.6, 0.1], [0.3, 0.4, 0.1]], "strong": [[0.5, 0.1, 0.2], [0.9, 0.2, 0.3]]}
    mask, sound = (
        {"weak": [0.7, 0.2], "strong": [0.6, 0.8]},
        {"weak": [0.0, 0.6], "strong": [0.5, 0.7]},
    )
    batch = [clip("weak", labels=[1], frames=16), clip("strong", [(8.0, 16.0, 0)], [0], frames=16)]
    found = []
    for x in batch:
        kind = x["label_kind"]
        cells = torch.tensor(p[kind]).logit()
        found.append(
            Streams(
                cells,
                cells.amax(0),
                cells.amax(1),
                torch.tensor(mask[kind]).logit(),
                torch.tensor(sound[kind]),
                None,
            )
        )
    monkeypatch.setattr(model, "streams", lambda inputs: found)
    model.class_weights = torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    losses = model.train()(batch)
    weak = (0.2 * bce(0.3, 0) + 0.3 * bce(0.6, 1) + 0.5 * bce(0.1, 0)) / 3
    strong = (0.6 * bce(0.9, 1) + 0.3 * bce(0.2, 0) + 0.1 * bce(0.3, 0)) / 3
    assert losses["loss_clip"].item() == pytest.approx(weak + strong, rel=1e-5)
    truths = [[0, 0, 0], [1, 0, 0]]
    cells = [bce(q, y) for row, ys in zip(p["strong"], truths) for q, y in zip(row, ys)]
    assert losses["loss_cell"].item() == pytest.approx(sum(cells) / 6, rel=1e-5)
    events = {kind: [max(row) for row in p[kind]] for kind in p}
    pairs = [(q, e, r) for k in p for q, e, r in zip(mask[k], events[k], sound[k])]
    region = sum(bce(q, e) + bce(e, r) for q, e, r in pairs) / 4
    assert losses["loss_region"].item() == pytest.approx(0.01 * region, rel=1e-5)


def test_the_mask_follows_the_classifier_and_that_the_spectrogram():
    """Eq. 8 by its gradients: f^p - f^e for the mask's logits, f^e - f^r for the classifier's."""
    event = torch.randn(5, requires_grad=True)
    mask = torch.randn(5, requires_grad=True)
    sound = torch.rand(5)
    cells = event[:, None]
    region_loss([Streams(cells, cells[0], cells[:, 0], mask, sound, None)]).backward()
    torch.testing.assert_close(mask.grad, (mask.sigmoid() - event.sigmoid()).detach() / 5)
    torch.testing.assert_close(event.grad, (event.sigmoid().detach() - sound) / 5)


@pytest.mark.parametrize("maps", [1, 4])
def test_both_networks_of_the_mask_have_shortcuts(maps):
    """With their convolutions at zero what comes in passes through."""
    x = torch.rand(1, 4, 6, 8)
    first, _, second = SelfMask(4, maps)
    with torch.no_grad():
        for network in (first, second):
            network.layers[-1].weight.zero_()
            network.layers[-1].bias.zero_()
        assert torch.equal(first(x), x)
        assert torch.equal(second(x), second.shortcut(x)) and second(x).shape == (1, maps, 6, 8)
        assert second(x).abs().sum() > 0


def test_class_weights_of_the_challenge():
    """Eq. 3 with the rarest and commonest class of DCASE 2019's weak data: nearly uniform."""
    model = build()
    counts = (103, 300, 550)
    weak = [
        {"label_kind": "weak", "clip_labels": [k]} for k, n in enumerate(counts) for _ in range(n)
    ]
    model.measure([*weak, {"label_kind": "unlabelled"}])
    exact = torch.tensor([math.exp(1 / n) for n in counts])
    torch.testing.assert_close(model.class_weights[0], exact / exact.sum())
    assert (model.class_weights[0, 0] / model.class_weights[0, 2]).item() == pytest.approx(
        1.0079, abs=1e-4
    )
    assert model.class_weights[1].tolist() == pytest.approx(
        [1 / 3] * 3
    )  # no strong clips: as before
    events = [{"annotations": [{"category_id": k} for k in (0, 0, 1, 2, 2, 2, 2)]}]
    model.measure(events)
    exact = torch.tensor([math.exp(1 / n) for n in (2, 1, 4)])
    torch.testing.assert_close(model.class_weights[1], exact / exact.sum())
    assert "class_weights" in model.state_dict()


def test_the_papers_best_row():
    """Its checkpoints are chosen on clips that it neither trains nor is tested on."""
    cfg = load_config("configs/self_mask/desed_best.yaml", ["MODEL.DEVICE", "cpu"])
    model = build_model(cfg)
    assert model.alpha == 0.01 and [type(h).__name__ for h in model.postprocessors] == [
        "ConnectAndCut"
    ]
    assert (
        cfg.SOLVER.TOP.COUNT == 4
        and cfg.SOLVER.TOP.METRIC == "val/total_loss"
        and cfg.SOLVER.VAL_PERIOD
    )
    assert tuple(cfg.DATASETS.TRAIN) == ("desed_2019_weak", "desed_2019_synthetic_train")
    assert tuple(cfg.DATASETS.VAL) == ("desed_2019_synthetic_val",)
    assert tuple(cfg.DATASETS.TEST) == ("desed_2019_validation",)
