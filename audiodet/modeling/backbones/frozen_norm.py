"""detectron2's frozen batch norm as one operation in training too."""

import torch
from detectron2.layers import FrozenBatchNorm2d
from torch import nn


class ConstantNorm(FrozenBatchNorm2d):
    """FrozenBatchNorm2d that computes its scale and shift once, not in every step."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, T) -> (N, C, H, T)."""
        if not x.requires_grad:
            return super().forward(x)
        scale, shift = self._constants(x.dtype)
        return torch.addcmul(shift, x, scale)

    def _constants(self, dtype: torch.dtype):
        buffers = (self.weight, self.bias, self.running_mean, self.running_var)
        state = (dtype, *((x._version, x.data_ptr()) for x in buffers))
        if self.__dict__.get("_state") != state:
            scale = self.weight * (self.running_var + self.eps).rsqrt()
            shift = self.bias - self.running_mean * scale
            parts = (scale, shift)
            self._kept = [part.reshape(1, -1, 1, 1).to(dtype) for part in parts]
            self._state = state
        return self._kept


def with_constant_norms(model: nn.Module) -> nn.Module:
    """The same model, whose frozen norms are :class:`ConstantNorm`; names and buffers stay."""
    for layer in model.modules():
        if type(layer) is FrozenBatchNorm2d:
            layer.__class__ = ConstantNorm
    return model
