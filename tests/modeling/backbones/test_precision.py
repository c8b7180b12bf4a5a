"""bfloat16 only where the CPU multiplies it natively, in training and inference alike."""

import platform

import pytest
import torch

from audiodet.engine.setup import load_config
from audiodet.modeling.backbones import precision
from audiodet.modeling.backbones.precision import computing_in, multiplies_bfloat16
from audiodet.modeling.stock import build_model
from audiodet.modeling.trained import build_described


@pytest.fixture
def cpu(monkeypatch):
    """A function that says what this machine's CPU is from now on."""

    def fake(avx512_bf16=False, amx=False, machine="x86_64", seconds=None):
        multiplies_bfloat16.cache_clear()
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        if seconds:
            monkeypatch.setattr(precision, "_seconds", seconds.get)

    yield fake
    multiplies_bfloat16.cache_clear()


@pytest.mark.parametrize(
    "features, native",
    [
        ({}, False),  # a Xeon with VNNI: oneDNN calls bfloat16 supported there and emulates it
        ({"avx512_bf16": True}, True),
        ({"amx": True}, True),
        ({"machine": "aarch64", "seconds": {torch.float32: 2.0, torch.bfloat16: 1.0}}, True),
        ({"machine": "arm64", "seconds": {torch.float32: 1.0, torch.bfloat16: 2.0}}, False),
    ],
)
def test_the_cpu_decides(cpu, features, native):
    cpu(**features)
    assert multiplies_bfloat16("cpu") is native
    cfg = load_config("configs/rcrnn/rare.yaml", ["MODEL.DEVICE", "cpu", "VIS_PERIOD", "0"])
    dtype = torch.bfloat16 if native else torch.float32
    seen = []
    model = build_model(cfg)
    model.backbone.cnn.blocks[-1].register_forward_hook(lambda *x: seen.append(x[2].dtype))
    clip = {"image": torch.randn(1, 64, 100), "height": 1, "width": 2.3}
    for training in (True, False):
        model.train(training)
        if training:
            model.backbone(model.preprocess_image([clip]).tensor)
        else:
            model([clip])
    assert seen == [dtype, dtype]


def test_a_trained_model_is_read_for_this_cpu(cpu):
    cfg = load_config("configs/rcrnn/rare.yaml", ["MODEL.BACKBONE.PRECISION", "bfloat16"])
    for native, expected in ((False, "float32"), (True, "bfloat16")):
        cpu(avx512_bf16=native)
        assert build_described(cfg.dump(), "cpu").backbone.precision == expected


def test_a_layer_can_be_timed():
    assert precision._seconds(torch.bfloat16) > 0


def test_what_is_asked_for_is_done(cpu):
    cpu()
    x = torch.ones(2, 2)
    with computing_in("bfloat16", x):
        assert (x @ x).dtype == torch.bfloat16
    with computing_in("float32", x):
        assert (x @ x).dtype == torch.float32
