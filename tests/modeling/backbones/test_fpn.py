"""FPNs of our own: their shapes, and that a clip does not depend on its batch."""

import pytest
import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError

SMALL = ["MODEL.DEVICE", "cpu", "MODEL.FPN.OUT_CHANNELS", "8", "MODEL.CRNN.UNITS", "6"]
SMALL += ["MODEL.BACKBONE.PRECISION", "float32"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(load_config("configs/rcrnn/R_18_FPN.yaml", SMALL)).eval()


def test_levels_become_steps_of_eight_frames(model):
    """64 bands: 16, 8, 4, 2 and 1 of 8 channels at strides 4 to 64 are 248 channels of a step."""
    assert model.backbone.rnn.input_size == 8 * (16 + 8 + 4 + 2 + 1)
    with torch.no_grad():
        for frames in (1305, 345, 9):
            features = model.backbone(torch.randn(1, 1, 64, frames))["time"]
            assert (
                features.shape
                == (1, 12, 1, -(-frames // 8))
                == (1, 12, 1, model.backbone.steps(frames))
            )


def test_a_sound_shows_in_its_steps(model):
    """What changes in frames 800 to 863 changes the steps there most, at every level."""
    x = torch.zeros(2, 1, 64, 1600)
    x[1, ..., 800:864] = 3.0
    with torch.no_grad():
        levels = model.backbone.fpn(x)
        for level in levels.values():
            steps = model.backbone._on_steps(level, level.shape[-1], 200)
            change = (steps[1] - steps[0]).abs().mean(0)
            assert 96 <= change.argmax().item() <= 112


def test_unequal_lengths_in_a_batch_equal_one_by_one(model):
    clips = [torch.randn(1, 1, 64, frames) for frames in (300, 500, 300)]
    batch = torch.cat([torch.nn.functional.pad(c, (0, 500 - c.shape[-1])) for c in clips])
    with torch.no_grad():
        together = model.backbone(batch, [300, 500, 300])["time"]
        for found, clip in zip(together, clips):
            alone = model.backbone(clip)["time"][0]
            torch.testing.assert_close(found[..., : alone.shape[-1]], alone, rtol=1e-4, atol=1e-5)


def test_rcrnn_trains_on_a_resnet_101_fpn():
    torch.manual_seed(0)
    cfg = load_config("configs/rcrnn/R_101_FPN.yaml", SMALL)
    model = build_model(cfg)
    assert not cfg.MODEL.BACKBONE.INIT_WEIGHTS  # a CRNN's file would not fit
    assert len(model.backbone.fpn.bottom_up.res4) == 23
    truth = Instances((64, 320), gt_boxes=Boxes(torch.tensor([[80.0, 0, 200, 64]])))
    truth.gt_classes = torch.tensor([0])
    with EventStorage():
        losses = model.train()([{"image": torch.randn(1, 64, 320), "instances": truth}])
    sum(losses.values()).backward()
    stem = model.backbone.fpn.bottom_up.stem.conv1.weight
    assert stem.shape[1] == 1 and stem.grad.abs().sum() > 0


def test_what_does_not_fit():
    with pytest.raises(ConfigError, match="N_MELS is 40, expected a multiple of 32"):
        build_model(
            load_config("configs/rcrnn/R_18_FPN.yaml", [*SMALL, "INPUT.SPECTROGRAM.N_MELS", "40"])
        )
    opts = [*SMALL, "MODEL.META_ARCHITECTURE", "AudioMask"]
    with pytest.raises(ConfigError, match="'build_crnn_backbone', whose maps run over time alone"):
        build_model(load_config("configs/rcrnn/rare.yaml", opts))
    opts = [*SMALL, "MODEL.BACKBONE.NAME", "build_crnn_backbone"]
    with pytest.raises(ConfigError, match="'build_crnn_backbone', expected .* the map 'p2' of"):
        build_model(load_config("configs/audiomask/R_18_FPN.yaml", opts))


def test_a_short_resnet_has_a_last_level():
    opts = ["MODEL.DEVICE", "cpu", "MODEL.FPN.OUT_CHANNELS", "8"]
    model = build_model(load_config("configs/audiomask/R_18_small.yaml", opts)).eval()
    with torch.no_grad():
        levels = model.backbone(torch.randn(1, 1, 128, 320))
    shapes = {name: tuple(x.shape[2:]) for name, x in levels.items()}
    assert shapes == {"p2": (32, 80), "p3": (16, 40), "p4": (8, 20), "p5": (4, 10)}
