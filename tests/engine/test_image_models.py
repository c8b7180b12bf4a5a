"""A start from an image model: its tensors by their names, and then its features."""

import pickle

import pytest
import torch
from detectron2.modeling import build_model
from torch import nn

from audiodet.engine.checkpoint import init_backbone
from audiodet.engine.setup import load_config
from audiodet.errors import WeightsError

COLOURS = (103.53, 116.28, 123.675)  # mean blue, green and red of detectron2's image models
SIDE = 384  # large, so that little of a picture is border
IMAGE = ("INPUT.SPECTROGRAM.NORMALIZE", "image")
SMALL = ("MODEL.DEVICE", "cpu", "MODEL.BACKBONE.PRECISION", "float32")


def make(name, *opts):
    torch.manual_seed(0)
    opts = [str(x) for x in (*SMALL, "MODEL.ROI_BOX_HEAD.FC_DIM", 16, *opts)]
    cfg = load_config(f"configs/audiomask/{name}.yaml", opts)
    model = build_model(cfg)
    model.cfg = cfg
    return model


def pictures(count, channels, seed):
    """Bytes whose spectrum falls with 1/f, as that of photographs: (N, C, 384, 384)."""
    generator = torch.Generator().manual_seed(seed)
    spectrum = torch.randn(
        count, channels, SIDE, SIDE // 2 + 1, dtype=torch.cfloat, generator=generator
    )
    frequency = torch.hypot(torch.fft.fftfreq(SIDE)[:, None], torch.fft.rfftfreq(SIDE))
    x = torch.fft.irfft2(spectrum / frequency.clamp(min=1 / SIDE))
    low, high = (f((1, 2, 3), keepdim=True) for f in (x.amin, x.amax))
    return 255 * (x - low) / (high - low)


def less_mean(picture):
    return picture - torch.tensor(COLOURS)[:, None, None]


@pytest.fixture(scope="module")
def image_model():
    """A stock R18-FPN of three colours whose norms have measured pictures, as training does."""
    model = make("stock_R_18_FPN", "MODEL.PIXEL_MEAN", COLOURS, "MODEL.PIXEL_STD", [1.0] * 3)
    for norm in model.backbone.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = None  # the plain mean of what it sees
    with torch.no_grad():
        model.backbone.train()(less_mean(pictures(4, 3, seed=0)))
    return model.eval()


@pytest.fixture(scope="module")
def tensors(image_model):
    """By the names of a COCO model."""
    return {k: v.numpy() for k, v in image_model.state_dict().items() if "clip_input" not in k}


def start(tensors, path, *opts, trust=True):
    with open(path, "wb") as file:
        pickle.dump({"model": tensors, "__author__": "a test"}, file)
    opts += ("MODEL.BACKBONE.INIT_WEIGHTS", path, "MODEL.TRUST_PICKLE", trust)
    model = make("R_18_FPN", *opts)
    nn.init.zeros_(model.backbone.bottom_up.stem.conv1.weight)
    init_backbone(model, model.cfg)
    return model.eval()


def test_first_convolution_is_summed_over_colours(tensors, tmp_path):
    model = start(tensors, tmp_path / "coco.pkl")
    stem = tensors["backbone.bottom_up.stem.conv1.weight"]
    assert stem.shape == (64, 3, 7, 7)
    found = model.backbone.bottom_up.stem.conv1.weight
    torch.testing.assert_close(found, torch.as_tensor(stem).sum(1, keepdim=True))
    lateral = torch.as_tensor(tensors["backbone.fpn_lateral2.weight"])
    torch.testing.assert_close(model.backbone.fpn_lateral2.weight, lateral)


def test_a_model_without_fpn(tensors, tmp_path):
    prefix = "backbone.bottom_up."
    only = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    model = start(only, tmp_path / "imagenet.pkl")
    found = model.backbone.bottom_up.res5[1].conv2.weight
    torch.testing.assert_close(found, torch.as_tensor(only["res5.1.conv2.weight"]))


def test_another_depth_is_refused(tensors, tmp_path):
    less = {k: v for k, v in tensors.items() if "res5" not in k}
    with pytest.raises(WeightsError, match="coco.pkl: .* tensors of the ResNet are missing"):
        start(less, tmp_path / "coco.pkl")


def test_a_pickle_is_not_trusted_by_itself(tensors, tmp_path):
    with pytest.raises(WeightsError, match="coco.pkl: refused"):
        start(tensors, tmp_path / "coco.pkl", trust=False)


def test_the_configuration_has_the_norm_and_the_scale_of_such_files():
    cfg = load_config("configs/audiomask/R_101_image.yaml", [])
    assert cfg.MODEL.RESNETS.NORM == "FrozenBN" and cfg.INPUT.SPECTROGRAM.NORMALIZE == "image"


@pytest.mark.parametrize(
    "opts, is_alike",
    [
        (("MODEL.RESNETS.NORM", "FrozenBN", *IMAGE), True),
        (("MODEL.RESNETS.NORM", "FrozenBN"), False),
    ],
    ids=["bytes", "0 to 1"],
)
def test_features_are_those_of_the_image_model(opts, is_alike, image_model, tensors, tmp_path):
    """Correlation with detectron2's own on the same picture: above .99 on every level of the FPN.

    The rest is the border, which each model fills with its own mean. Without what makes up for
    the colours' means it is .85 to .91, with the scale of the other configurations below .3.
    """
    greys = pictures(2, 1, seed=1)
    with torch.no_grad():
        expected = image_model.backbone(less_mean(greys))
        model = start(tensors, tmp_path / "coco.pkl", *opts)
        log_mels = greys / 20 - 10  # whatever their scale
        found = model.features(model.preprocess_image([{"image": x} for x in log_mels]))
    assert set(found) == {"p2", "p3", "p4", "p5", "p6"}
    for name in found:
        maps = torch.stack([found[name], expected[name]])
        maps -= maps.mean((1, 3, 4), keepdim=True)  # of each channel
        correlation = torch.corrcoef(maps.flatten(1))[0, 1]
        assert correlation > 0.99 if is_alike else correlation < 0.3, f"{name}: {correlation}"
