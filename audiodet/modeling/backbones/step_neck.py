"""What learns on a pretrained network's maps: maps of several strides -> one vector a time step.

Shape shorthand: N clips, C channels, D values of a map's time step, S time steps.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import zero_beyond


def interpolated(x: torch.Tensor, steps: int) -> torch.Tensor:
    """(N, D, S) with steps on every second, fourth, ... of ``steps`` finer ones -> (N, D, steps).

    Between two coarse steps the values are linear, so nothing moves in time.
    """
    while x.shape[-1] < steps:
        following = torch.cat([x[..., 1:], x[..., -1:]], dim=-1)
        x = torch.stack([x, (x + following) / 2], dim=-1).flatten(-2)
    return x[..., :steps]


def averaged(x: torch.Tensor, steps: int) -> torch.Tensor:
    """(N, D, S) -> half, a quarter, ... as many steps, each a mean over itself and neighbours."""
    while x.shape[-1] > steps:
        x = F.avg_pool1d(x, 3, 2, 1, count_include_pad=False)
    return x


class StepNeck(nn.Module):
    """Maps of several strides -> one vector per time step.

    Each map is standardised per value (the mean and deviation are learned as batch norm learns
    them) and projected; the projections are brought to one stride and added. Then one layer looks
    at the neighbours in time.
    """

    def __init__(self, sizes: dict, channels: int, context: str, kernel: int, dropout: float):
        """
        Args:
            sizes: D of each map.
            channels: C of the output.
            context: "conv", a convolution over ``kernel`` steps; "bigru"; or "none".
        """
        if context not in ("conv", "bigru", "none"):
            raise ConfigError(
                f"MODEL.PRETRAINED.CONTEXT is {context!r}, expected 'conv', 'bigru' or 'none'"
            )
        super().__init__()
        names = {name: str(name) for name in sizes}
        self.norms = nn.ModuleDict(
            {names[k]: nn.BatchNorm1d(d, affine=False) for k, d in sizes.items()}
        )
        self.projections = nn.ModuleDict(
            {names[k]: nn.Conv1d(d, channels, 1) for k, d in sizes.items()}
        )
        self.dropout, self.context = nn.Dropout(dropout), None
        if context == "conv":
            self.context = nn.Conv1d(channels, channels, kernel, padding=kernel // 2)
        elif context == "bigru":
            self.context = nn.GRU(channels, channels // 2, batch_first=True, bidirectional=True)

    def forward(self, maps: dict, steps: int, sizes=None) -> torch.Tensor:
        """
        Args:
            maps: {name: (N, D, S)}.
            steps: of the output.
            sizes: steps of each clip where they differ.

        Returns:
            (N, C, steps).
        """
        total = 0
        for name, x in maps.items():
            projected = self.projections[str(name)](self.norms[str(name)](x))
            total = total + averaged(interpolated(projected, steps), steps)
        x = self.dropout(torch.relu(total))
        if self.context is None:
            return x
        if isinstance(self.context, nn.Conv1d):
            inside = zero_beyond(sizes)(x.unsqueeze(2)).squeeze(2)
            return self.dropout(torch.relu(self.context(inside)))
        return self.dropout(self._recur(x.transpose(1, 2), sizes).transpose(1, 2))

    def _recur(self, x, sizes):
        if sizes is None:
            return self.context(x)[0]
        packed = pack_padded_sequence(x, sizes, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.context(packed)[0], True, total_length=x.shape[1])[0]
