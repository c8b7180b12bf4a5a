"""``MODEL.BACKBONE.PRECISION``: what a backbone's convolutions are computed in."""

from contextlib import nullcontext

import torch

from audiodet.errors import ConfigError


def check_precision(precision: str) -> str:
    """The same, if it is one.

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
