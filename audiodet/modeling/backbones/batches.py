"""What the backbones share: how a batch is checked, masked after each clip's end, and computed.

Their ``forward(x, lengths=None)`` takes x (N, 1, H, T), normalised, and ``lengths``, the frames of
each clip where they differ. A clip's features are then the same as if it came alone.
"""

from contextlib import nullcontext

import torch

from audiodet.errors import ConfigError


def check_bands(x: torch.Tensor, n_mels: int) -> None:
    """Refuse a batch (N, 1, H, T) of another number of mel bands.

    Raises:
        ConfigError: H is not ``n_mels``.
    """
    if x.shape[2] != n_mels:
        raise ConfigError(
            f"the spectrogram has {x.shape[2]} mel bands, the backbone expects {n_mels}"
        )


def zero_beyond(sizes):
    """A function that zeroes (N, C, H, T) after each clip's end, as the clip's padding would."""

    def mask(x):
        if sizes is None:
            return x
        steps = torch.arange(x.shape[-1], device=x.device)
        inside = steps < torch.tensor(sizes, device=x.device)[:, None]
        return x * inside[:, None, None, :]

    return mask


def check_precision(precision: str) -> str:
    """The same, if it is a value of ``MODEL.BACKBONE.PRECISION``.

    Raises:
        ConfigError: it is neither "float32" nor "bfloat16".
    """
    if precision not in ("float32", "bfloat16"):
        raise ConfigError(
            f"MODEL.BACKBONE.PRECISION is {precision!r}, expected 'float32' or 'bfloat16'"
        )
    return precision


def computing_in(precision: str, x: torch.Tensor):
    """A context in which convolutions of ``x`` take place; "float32" follows SOLVER.AMP."""
    if precision == "bfloat16":
        return torch.autocast(x.device.type, torch.bfloat16)
    return nullcontext()
