"""The frozen norm that remembers its constants is detectron2's, also after its buffers change."""

import pytest
import torch
from detectron2.layers import FrozenBatchNorm2d
from torch import nn

from audiodet.modeling.backbones.frozen_norm import ConstantNorm, with_constant_norms


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_detectron2s(dtype):
    norm = FrozenBatchNorm2d(5)
    (quick,) = with_constant_norms(nn.Sequential(FrozenBatchNorm2d(5)))
    assert type(quick) is ConstantNorm and quick.state_dict().keys() == norm.state_dict().keys()
    x = torch.randn(2, 5, 3, 4, dtype=dtype, requires_grad=True)
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        state = {k: torch.rand(5, generator=generator) + 0.5 for k in norm.state_dict()}
        norm.load_state_dict(state)
        quick.load_state_dict(state)
        outputs = norm(x), quick(x), quick(x.detach())
        exact = {"atol": 2e-2, "rtol": 2e-2} if dtype == torch.bfloat16 else {}
        torch.testing.assert_close(outputs[1], outputs[0], **exact)
        torch.testing.assert_close(outputs[2], outputs[0].detach(), **exact)
        gradients = [torch.autograd.grad(y.float().square().sum(), x)[0] for y in outputs[:2]]
        torch.testing.assert_close(*gradients, **({k: 0.1 for k in exact}))
