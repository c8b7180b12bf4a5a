"""What the backbones share: how a batch is checked, masked after each clip's end, and computed.

Their ``forward(x, lengths=None)`` takes x (N, 1, H, T), normalised, and ``lengths``, the frames of
each clip where they differ. A clip's features are then the same as if it came alone.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import Backbone

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.precision import check_precision


def check_bands(x: torch.Tensor, n_mels: int) -> None:
    """ConfigError if the batch (N, 1, H, T) has not ``n_mels`` mel bands."""
    if x.shape[2] != n_mels:
        raise ConfigError(
            f"the spectrogram has {x.shape[2]} mel bands, the backbone expects {n_mels}"
        )


class MelBackbone(Backbone):
    """A backbone of log-mels; its layers lie in memory with the channels last.

    Attributes:
        shapes: channels and stride in frames of each of its maps; the subclass sets it.
        min_frames: up to so many a shorter clip is padded.
    """

    shapes: dict[str, ShapeSpec]
    min_frames = 1

    def __init__(self, n_mels: int | None, precision: str):
        """
        Args:
            n_mels: the only number of bands that fits, or None.
            precision: see :mod:`audiodet.modeling.backbones.precision`.
        """
        super().__init__()
        self.n_mels = n_mels
        self.precision = check_precision(precision)

    def steps(self, frames: int) -> int:
        """Time steps S of a clip: one a frame, unless the subclass strides."""
        return frames

    def output_shape(self) -> dict[str, ShapeSpec]:
        return self.shapes

    def checked(self, x: torch.Tensor) -> torch.Tensor:
        """The batch (N, 1, H, T) with its channels last; see :func:`check_bands`."""
        if self.n_mels is not None:
            check_bands(x, self.n_mels)
        return x.contiguous(memory_format=torch.channels_last)


def zero_beyond(sizes):
    """A function that zeroes (N, C, H, T) after each clip's end, as the clip's padding would."""

    def mask(x):
        if sizes is None:
            return x
        steps = torch.arange(x.shape[-1], device=x.device)
        if torch.jit.is_tracing():  # their values are not constants
            ends = torch.stack([torch.as_tensor(size, device=x.device) for size in sizes])
        else:
            ends = torch.tensor(sizes, device=x.device)
        inside = steps < ends[:, None]
        return x * inside[:, None, None, :]

    return mask
