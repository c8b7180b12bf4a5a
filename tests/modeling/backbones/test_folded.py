"""The copy that infers is the backbone itself, but for bfloat16."""

import copy
import pickle

import pytest
import torch

from audiodet.engine.setup import load_config
from audiodet.modeling.backbones import folded as module
from audiodet.modeling.stock import build_model


@pytest.mark.parametrize("norm", ["FrozenBN", "BN"])
def test_it_gives_the_same_maps(norm):
    torch.manual_seed(0)
    opts = ["MODEL.DEVICE", "cpu", "MODEL.RESNETS.NORM", norm, "MODEL.BACKBONE.PRECISION"]
    model = build_model(load_config("configs/audiomask/R_18_FPN.yaml", [*opts, "bfloat16"])).eval()
    for x in model.backbone.buffers():
        if x.is_floating_point():
            x.copy_(torch.rand_like(x) + 0.5)
    images = model.preprocess_image([{"image": torch.randn(1, 128, 96)}])
    with torch.no_grad():
        exact = model.backbone(images.tensor)
        rough = model.features(images)
        for level, x in exact.items():
            assert rough[level].dtype == torch.float32
            error = (rough[level] - x).norm() / x.norm()
            assert 0 < error < 0.02
        same = module.folded(model.backbone, torch.float32)(images.tensor)
        torch.testing.assert_close(same, exact, rtol=1e-3, atol=1e-3)


def test_new_weights_and_copies_make_a_new_one():
    model = build_model(load_config("configs/audiomask/R_18_FPN.yaml", ["MODEL.DEVICE", "cpu"]))
    kept = module.FoldedCopy()
    first = kept.of(model.backbone)
    assert kept.of(model.backbone) is first
    with torch.no_grad():
        next(model.backbone.parameters()).add_(1.0)
    assert kept.of(model.backbone) is not first
    assert pickle.loads(pickle.dumps(kept))._made == copy.deepcopy(kept)._made == (None, None)
    assert not any("folded" in name for name in model.state_dict())
