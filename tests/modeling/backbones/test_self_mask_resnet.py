"""The residual block of the self-mask ResNet, as Fig. 3 and section 2.5 have it."""

import torch
from torch import nn

from audiodet.modeling.backbones.self_mask_resnet import PreActivationBlock


def test_blocks_are_pre_activated():
    """What goes into a block is normed before any convolution; nothing follows the sum."""
    torch.manual_seed(0)
    block = PreActivationBlock(4, 4, stride=1, project=False).eval()
    order = []
    for layer in block.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.Conv2d):
            layer.register_forward_hook(lambda m, i, out: order.append(type(m).__name__))
    x = torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        assert (block(x) < 0).any()
        assert order[:4] == ["BatchNorm2d", "Conv2d", "BatchNorm2d", "Conv2d"]


def test_the_first_shortcut_is_a_convolution_and_a_norm():
    with torch.no_grad():
        first = PreActivationBlock(4, 6, stride=2, project=True)
        kinds = [type(layer) for layer in first.shortcut.modules() if not list(layer.children())]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d]


def test_squeeze_and_excitation_scales_channels_before_the_sum():
    torch.manual_seed(0)
    block = PreActivationBlock(4, 4, stride=1, project=False).eval()
    x = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        y = block.conv2(block.norm2(block.conv1(block.norm1(x).relu())).relu())
        hidden = block.attention.squeeze(y.mean((2, 3))).relu()
        scale = 1 / (1 + (-block.attention.excite(hidden)).exp())
        torch.testing.assert_close(block(x), x + y * scale[:, :, None, None])
