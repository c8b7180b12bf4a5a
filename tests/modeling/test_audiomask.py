"""AudioMask's region detector: time anchors on a feature pyramid, full-height boxes."""

import pickle

import pytest
import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from audiodet.engine.checkpoint import init_backbone
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError, WeightsError
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
        torch.testing.assert_close(centres, (torch.arange(len(centres)) + 0.5) * stride)


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
            "names 'Fusing', expected hooks among: BoxVoting, ConnectAndCut, VerifierFusion",
        ),
    ],
)
def test_bad_configuration(opts, message):
    with pytest.raises(ConfigError, match=message):
        make("R_18_FPN", *opts)


class TestImageWeights:
    """Starting from a local file of detectron2's zoo."""

    @pytest.fixture(scope="class")
    def tensors(self):
        """A stock three-colour R18-FPN, by the names of a COCO model."""
        colour = make("stock_R_18_FPN", "MODEL.PIXEL_MEAN", [0.0] * 3, "MODEL.PIXEL_STD", [1.0] * 3)
        return {k: v.numpy() for k, v in colour.state_dict().items() if "clip_input" not in k}

    def start(self, tensors, path, trust=True):
        with open(path, "wb") as file:
            pickle.dump({"model": tensors, "__author__": "a test"}, file)
        opts = ("MODEL.BACKBONE.INIT_WEIGHTS", path, "MODEL.TRUST_PICKLE", trust)
        model = make("R_18_FPN", *opts)
        torch.nn.init.zeros_(model.backbone.bottom_up.stem.conv1.weight)
        init_backbone(model, model.cfg)
        return model

    def test_first_convolution_is_summed_over_colours(self, tensors, tmp_path):
        model = self.start(tensors, tmp_path / "coco.pkl")
        stem = tensors["backbone.bottom_up.stem.conv1.weight"]
        assert stem.shape == (64, 3, 7, 7)
        found = model.backbone.bottom_up.stem.conv1.weight
        torch.testing.assert_close(found, torch.as_tensor(stem).sum(1, keepdim=True))
        torch.testing.assert_close(
            model.backbone.fpn_lateral2.weight,
            torch.as_tensor(tensors["backbone.fpn_lateral2.weight"]),
        )

    def test_a_model_without_fpn(self, tensors, tmp_path):
        prefix = "backbone.bottom_up."
        only = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        model = self.start(only, tmp_path / "imagenet.pkl")
        found = model.backbone.bottom_up.res5[1].conv2.weight
        torch.testing.assert_close(found, torch.as_tensor(only["res5.1.conv2.weight"]))

    def test_another_depth_is_refused(self, tensors, tmp_path):
        less = {k: v for k, v in tensors.items() if "res5" not in k}
        with pytest.raises(WeightsError, match="coco.pkl: .* tensors of the ResNet are missing"):
            self.start(less, tmp_path / "coco.pkl")

    def test_a_pickle_is_not_trusted_by_itself(self, tensors, tmp_path):
        with pytest.raises(WeightsError, match="coco.pkl: refused"):
            self.start(tensors, tmp_path / "coco.pkl", trust=False)
