"""AudioMask's region detector: time anchors on a feature pyramid, full-height boxes."""

import pytest
import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.modeling import keras_count

SMALL = ("MODEL.BACKBONE.PRECISION", "float32", "MODEL.ROI_BOX_HEAD.FC_DIM", "16")


def make(name="R_18_FPN", *opts):
    torch.manual_seed(0)
    opts = ["MODEL.DEVICE", "cpu", *SMALL, *map(str, opts)]
    cfg = load_config(f"configs/audiomask/{name}.yaml", opts)
    model = build_model(cfg)
    model.cfg = cfg
    return model


def clips(*frames, truth=False):
    found = [{"image": torch.randn(1, 128, t), "height": 1, "width": t * 0.023} for t in frames]
    for clip, t in zip(found, frames):
        if truth:
            clip["instances"] = Instances((128, t))
            clip["instances"].gt_boxes = Boxes(torch.tensor([[20.0, 0.0, 60.0, 128.0]]))
            clip["instances"].gt_classes = torch.tensor([1])
    return found


@pytest.fixture(scope="module")
def model():
    return make()


def test_anchors_span_all_bands_one_position_a_step(model):
    generator, steps = model.proposal_generator.anchor_generator, (80, 40, 20, 10, 5)
    maps = [torch.zeros(1, 1, 128 // s, n) for s, n in zip((4, 8, 16, 32, 64), steps)]
    anchors = [level.tensor for level in generator(maps)]
    assert [len(level) for level in anchors] == [2 * n for n in steps]
    for level, durations, stride in zip(
        anchors, model.cfg.MODEL.ANCHOR_GENERATOR.SIZES, (4, 8, 16, 32, 64)
    ):
        assert (level[:, 1] == 0).all() and (level[:, 3] == 128).all()
        lengths = (level[:, 2] - level[:, 0]).view(-1, 2)
        assert (lengths == torch.tensor(durations, dtype=torch.float32)).all()
        centres = (level[:, 0] + level[:, 2]).view(-1, 2)[:, 0] / 2
        torch.testing.assert_close(centres, 1.0 * torch.arange(len(centres)) * stride)


def test_anchors_stand_where_their_cells_look():
    """Cell i of res5 answers to frames about 32 i, by its gradient, all weights alike."""
    bottom_up = make().backbone.bottom_up.eval()
    with torch.no_grad():
        for parameter in bottom_up.parameters():
            if parameter.ndim == 4:
                parameter.fill_(1 / parameter[0].numel())
    torch.manual_seed(0)
    x = torch.rand(1, 1, 128, 1280).requires_grad_()
    bottom_up(x)["res5"][0, 0, 2, 20].backward()
    profile = x.grad.abs().sum((0, 1, 2))
    centre = (profile * torch.arange(1280)).sum() / profile.sum()
    assert abs(centre - 32 * 20) < 4


def test_every_box_spans_all_bands_exactly(model):
    with torch.no_grad():
        found = model.eval().inference(clips(400), do_postprocess=False)[0]
    boxes = found.pred_boxes.tensor
    assert len(found) > 5
    assert (boxes[:, 1] == 0).all() and (boxes[:, 3] == 128).all()
    assert model.roi_heads.box_predictor.bbox_pred.out_features == 2 * 3
    assert model.proposal_generator.rpn_head.anchor_deltas.out_channels == 2 * 2


def test_each_level_weighs_its_own_rows(model):
    """A learned collapse knows the band: the same sound an octave up gives other scores."""
    head = model.proposal_generator.rpn_head
    assert [tuple(w.shape) for w in head.collapse] == [(64, b) for b in (32, 16, 8, 4, 2)]
    maps = [torch.randn(1, 64, b, 6) for b in (32, 16, 8, 4, 2)]
    logits, deltas = head(maps)
    assert [x.shape for x in logits] == [(1, 2, 1, 6)] * 5
    assert [x.shape for x in deltas] == [(1, 8, 1, 6)] * 5
    turned = head([x.flip(2) for x in maps])[0]
    assert all((a - b).abs().max() > 1e-5 for a, b in zip(logits, turned))
    assert all((d.view(1, 2, 4, 6)[:, :, 1::2] == 0).all() for d in deltas)


def test_losses_reach_every_parameter(model):
    model.train()
    with EventStorage():
        losses = model(clips(352, 352, truth=True))
    sum(losses.values()).backward()
    assert set(losses) == {"loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg"}
    silent = [n for n, p in model.named_parameters() if p.grad is None]
    # regions of 40 frames fall on p2; the other levels learn through the RPN
    assert not silent
    model.zero_grad()


def test_unequal_lengths_in_a_batch_equal_one_by_one(model):
    batch = clips(400, 300, 400, 64)
    with torch.no_grad():
        for together, clip in zip(model.eval()(batch), batch):
            alone = model([clip])[0]["instances"]
            torch.testing.assert_close(
                together["instances"].scores, alone.scores, atol=1e-5, rtol=1e-4
            )
            torch.testing.assert_close(
                together["instances"].pred_boxes.tensor,
                alone.pred_boxes.tensor,
                atol=1e-4,
                rtol=1e-4,
            )


def test_paper_model_a_class_and_one_for_all():
    one = make("R_50_FPN", "MODEL.ROI_BOX_HEAD.FC_DIM", 1024)
    three = make("R_50_FPN", "MODEL.ROI_BOX_HEAD.FC_DIM", 1024, "DATASETS.LABELS", ["a", "b", "c"])
    assert keras_count(three) - keras_count(one) == 2 * 1025 + 2 * 2 * 1025  # classes and deltas


def test_stock_faster_rcnn_is_a_configuration():
    stock = make("stock_R_18_FPN").eval()
    with torch.no_grad():
        boxes = stock.inference(clips(400), do_postprocess=False)[0].pred_boxes.tensor
    assert stock.proposal_generator.rpn_head.anchor_deltas.out_channels == 3 * 4
    assert not (boxes[:, 1] == 0).all()


@pytest.mark.parametrize(
    "opts, message",
    [
        (("INPUT.SPECTROGRAM.N_MELS", 100), "N_MELS is 100, AudioMask expects a multiple of 32"),
        (("MODEL.BACKBONE.PRECISION", "int8"), "PRECISION is 'int8'"),
        (
            ("MODEL.POSTPROCESSORS", ["Fusing"]),
            "names 'Fusing', expected hooks among: BoxVoting, ClipContrast, ConnectAndCut, "
            "VerifierFusion",
        ),
    ],
)
def test_bad_configuration(opts, message):
    with pytest.raises(ConfigError, match=message):
        make("R_18_FPN", *opts)
