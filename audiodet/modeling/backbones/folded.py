"""A ResNet-FPN as it infers: norms are part of the convolutions, weights are bfloat16 for good.

Autocast would round the weights in every call, and batch norm would be a pass of its own.
"""

import copy

import torch
from detectron2.layers import Conv2d, FrozenBatchNorm2d
from torch import nn

NORMS = (FrozenBatchNorm2d, nn.BatchNorm2d)


@torch.inference_mode(False)
@torch.no_grad()
def folded(backbone: nn.Module, dtype: torch.dtype = torch.bfloat16) -> nn.Module:
    """A copy in eval mode, of a type, channels last."""
    copied = copy.deepcopy(backbone).eval().requires_grad_(False)
    for layer in copied.modules():
        if isinstance(layer, Conv2d) and isinstance(layer.norm, NORMS):
            norm = layer.norm
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            shift = norm.bias - norm.running_mean * scale
            if layer.bias is not None:
                shift = shift + layer.bias * scale
            layer.weight = nn.Parameter(layer.weight * scale[:, None, None, None])
            layer.bias = nn.Parameter(shift)
            layer.norm = None
    return copied.to(dtype, memory_format=torch.channels_last).requires_grad_(False)


class FoldedCopy:
    """The :func:`folded` copy of a backbone, made anew when its weights have changed."""

    def __init__(self):
        self._made = (None, None)

    def of(self, backbone: nn.Module) -> nn.Module:
        """The copy that fits the backbone as it is now."""
        tensors = (*backbone.parameters(), *backbone.buffers())
        state = [(x.data_ptr(), x._version) for x in tensors]
        if self._made[0] != state:
            self._made = (state, folded(backbone))
        return self._made[1]

    def __reduce__(self):
        return FoldedCopy, ()  # a copied or pickled model makes its own
