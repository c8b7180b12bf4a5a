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

    def colour_features(self, log_mel):
        """A stock three-colour image model with norms as of a training, its maps of a picture."""
        torch.manual_seed(1)
        mean = [103.53, 116.28, 123.675]
        scale = ("MODEL.PIXEL_MEAN", mean, "MODEL.PIXEL_STD", [1.0] * 3)
        model = make("stock_R_18_FPN", *scale, "MODEL.RESNETS.NORM", "FrozenBN").eval()
        tensors = model.state_dict()
        for name, x in tensors.items():
            if name.endswith(("running_mean", "norm.bias")):
                x.normal_(0, 0.3)
            elif name.endswith("running_var"):
                x.uniform_(0.5, 2.0)
        tensors["backbone.bottom_up.stem.conv1.norm.running_var"].fill_(1e3)  # of bytes
        grey = (log_mel - log_mel.amin()) / (log_mel.amax() - log_mel.amin())
        picture = 255 * grey.round(decimals=3) - torch.tensor(mean)[:, None, None]
        with torch.no_grad():
            return model.backbone(picture[None]), {k: v.numpy() for k, v in tensors.items()}

    def test_features_are_those_of_the_image_model(self, tmp_path):
        """With the norm and input scale of such files; with batch norm from 0 to 1 they are not."""
        torch.manual_seed(0)
        log_mel = torch.nn.functional.avg_pool2d(torch.randn(1, 132, 324), 5, 1)
        expected, tensors = self.colour_features(log_mel)
        with open(tmp_path / "coco.pkl", "wb") as file:
            tensors = {k: v for k, v in tensors.items() if "clip_input" not in k}
            pickle.dump({"model": tensors, "__author__": "a test"}, file)
        start = ("MODEL.BACKBONE.INIT_WEIGHTS", tmp_path / "coco.pkl", "MODEL.TRUST_PICKLE", True)
        start += ("MODEL.BACKBONE.PRECISION", "float32")
        like_files = ("MODEL.RESNETS.NORM", "FrozenBN", "INPUT.SPECTROGRAM.NORMALIZE", "image")
        image = load_config("configs/audiomask/R_101_image.yaml", [])
        assert image.MODEL.RESNETS.NORM == "FrozenBN"
        assert image.INPUT.SPECTROGRAM.NORMALIZE == "image"
        for opts, nearest, farthest in ((like_files, 0.0, 0.2), ((), 0.3, 1.5)):
            model = make("R_18_FPN", *start, *opts)
            init_backbone(model, model.cfg)
            with torch.no_grad():
                images = model.eval().preprocess_image([{"image": log_mel}])
                found = model.features(images)
            for name, of_image in expected.items():
                centred = [x - x.mean((2, 3), keepdim=True) for x in (found[name], of_image)]
                apart = (centred[0] - centred[1]).norm() / centred[1].norm()
                assert nearest < apart < farthest, name
