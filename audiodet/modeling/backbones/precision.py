"""What the backbones compute in: float32, or bfloat16 where the machine multiplies it natively."""

import platform
import time
from contextlib import nullcontext
from functools import lru_cache

import torch
from torch.nn import functional as F

from audiodet.errors import ConfigError

PRECISIONS = ("float32", "bfloat16", "auto")


def check_precision(precision: str) -> str:
    """The same; ConfigError if it is no value of ``MODEL.BACKBONE.PRECISION``."""
    if precision not in PRECISIONS:
        raise ConfigError(
            f"MODEL.BACKBONE.PRECISION is {precision!r}, expected one of {', '.join(PRECISIONS)}"
        )
    return precision


def computing_in(precision: str, x: torch.Tensor):
    """A context in which convolutions of ``x`` take place; "float32" follows SOLVER.AMP."""
    kind = x.device.type
    if precision == "bfloat16" or precision == "auto" and multiplies_bfloat16(kind):
        return torch.autocast(kind, torch.bfloat16)
    return nullcontext()


@lru_cache
def multiplies_bfloat16(kind: str) -> bool:
    """Whether a "cpu" or "cuda" device has instructions for it; emulated it is slow.

    A CPU needs AVX512_BF16 or AMX; where it cannot be asked, a layer is timed both ways.
    """
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    if platform.machine().lower() in ("x86_64", "amd64", "i386"):
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


@torch.no_grad()
def _seconds(dtype: torch.dtype) -> float:
    """Least time of a convolution as R-CRNN's."""
    x = torch.ones(1, 64, 16, 256, dtype=dtype).contiguous(memory_format=torch.channels_last)
    weight = torch.ones(64, 64, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
    times = []
    for _ in range(4):  # the first makes the kernel
        start = time.perf_counter()
        F.conv2d(x, weight, padding=1)
        times.append(time.perf_counter() - start)
    return min(times)
