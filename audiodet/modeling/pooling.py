"""From the probabilities of many units to one of the clip.

Shape shorthand: N clips, K classes, U units (frames, or bins of time and frequency), R rows.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from audiodet.errors import ConfigError


class GlobalRankPooling(nn.Module):
    """Global weighted rank pooling (Kong et al. 2019, Eq. 5): (N, K, U) -> (N, K).

    The j-th largest of the U probabilities has the weight r^j, j = 0 ... U - 1; the weights sum to
    one. r = 0 is global max pooling, r = 1 global average pooling.
    """

    def __init__(self, decay: float):
        """
        Args:
            decay: r, between 0 and 1.

        Raises:
            ConfigError: it is not.
        """
        super().__init__()
        if not 0 <= decay <= 1:
            raise ConfigError(f"MODEL.TFSEG.RANK_DECAY is {decay}, expected 0 to 1")
        self.decay = float(decay)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.decay == 0:
            return x.amax(-1)
        if self.decay == 1:
            return x.mean(-1)
        if torch.jit.is_tracing():  # numpy and a cache would be constants
            return x.sort(-1).values @ _weights(self.decay, x.shape[-1])
        weights = rank_weights(self.decay, x.shape[-1]).to(x)
        if x.device.type != "cpu" or x.dtype != torch.float32:
            return x.sort(-1).values @ weights
        return _RankedSum.apply(x.reshape(-1, x.shape[-1]), weights).view(x.shape[:-1])


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # they may be made while a model infers, and then serve its training
def rank_weights(decay: float, units: int) -> torch.Tensor:
    """Weights (U,) of values in rising order; they sum to one."""
    return _weights(decay, units)


def _weights(decay: float, units) -> torch.Tensor:
    rank = units - 1 - torch.arange(units, dtype=torch.float64)
    weights = torch.exp(rank * math.log(decay))
    return (weights / weights.sum()).float()


class _RankedSum(torch.autograd.Function):
    """Sorted rows of (R, U) float32 times weights (U,), on a CPU.

    numpy sorts integers faster than torch sorts floats with their places. The bits of a float,
    turned where it is negative, are in its order; its place fills the lower half of the integer.
    """

    @staticmethod
    def forward(ctx, x, weights):
        if not ctx.needs_input_grad[0]:
            return torch.from_numpy(np.sort(x.detach().numpy(), axis=-1)) @ weights
        keys = _ordered(x.detach().contiguous().numpy().view(np.int32)).astype(np.int64) << 32
        keys |= np.arange(x.shape[1])
        keys.sort(axis=-1)
        values = _ordered((keys >> 32).astype(np.int32)).view(np.float32)
        ctx.save_for_backward(torch.from_numpy(keys & 0xFFFFFFFF), weights)
        return torch.from_numpy(values) @ weights

    @staticmethod
    def backward(ctx, gradient):
        places, weights = ctx.saved_tensors
        shares = gradient[:, None] * weights
        return torch.empty_like(shares).scatter_(1, places, shares), None


def _ordered(bits: np.ndarray) -> np.ndarray:
    """Bits of float32 as int32 in the order of the floats; its own inverse."""
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)


class AttentionPooling(nn.Module):
    """A weighted mean whose weights are learned: (N, K, U) and logits (N, K, U) -> (N, K).

    The weights of a class sum to one over the units (Xu et al. 2018; Kong et al. 2018).
    """

    def forward(self, x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return (x * logits.softmax(-1)).sum(-1)
