"""From the probabilities of many units to one of the clip.

Shape shorthand: N clips, K classes, U units (frames, or bins of time and frequency).
"""

from functools import lru_cache

import torch
from torch import nn

from audiodet.errors import ConfigError


class GlobalRankPooling(nn.Module):
    """Global weighted rank pooling (Kong et al. 2019, Eq. 5): (N, K, U) -> (N, K).

    The j-th largest of the U probabilities has the weight r^j, j = 0 ... U - 1; the weights sum to
    one. r = 0 is global max pooling, r = 1 global average pooling.
    """

    def __init__(self, decay: float):
        """``decay`` is r; ConfigError if it is not between 0 and 1."""
        super().__init__()
        if not 0 <= decay <= 1:
            raise ConfigError(f"MODEL.TFSEG.RANK_DECAY is {decay}, expected 0 to 1")
        self.decay = float(decay)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.decay == 0:
            return x.amax(-1)
        if self.decay == 1:
            return x.mean(-1)
        rows = x.reshape(-1, x.shape[-1])
        pooled = rows.sort(-1).values @ rank_weights(self.decay, x.shape[-1]).to(x)
        return pooled.view(x.shape[:-1])


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # they may be made while a model infers, and then serve its training
def rank_weights(decay: float, units: int) -> torch.Tensor:
    """Weights (U,) of values in rising order; they sum to one."""
    weights = decay ** torch.arange(units - 1, -1, -1, dtype=torch.float64)
    return (weights / weights.sum()).float()


class AttentionPooling(nn.Module):
    """A weighted mean whose weights are learned: (N, K, U) and logits (N, K, U) -> (N, K).

    The weights of a class sum to one over the units (Xu et al. 2018; Kong et al. 2018).
    """

    def forward(self, x: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return (x * logits.softmax(-1)).sum(-1)
