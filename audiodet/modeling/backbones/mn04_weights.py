"""The published file of EfficientAT's mn04: read without running code, and no other file."""

import hashlib
from pathlib import Path

import torch

from audiodet.errors import WeightsError

MN04_SHA256 = "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c"
PUBLISHED_SE = "conc_se_layers.0."  # in the published file's names, before fc1 and fc2


def check_sha256(path: str, expected: str) -> None:
    """Refuse a file of another content.

    Raises:
        WeightsError: there is no such file, or it has another sum.
    """
    if not Path(path).is_file():
        raise WeightsError(f"{path}: no such file, expected the published weights")
    found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if found != expected:
        raise WeightsError(f"{path}: has sha256 {found}, expected {expected}")


def read_mn04(path: str) -> dict:
    """``mn04_as_mAP_432.pt`` -> tensors by the names of :class:`MN04`.

    Raises:
        WeightsError: no such file, or not this one.
    """
    check_sha256(path, MN04_SHA256)
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name.replace(PUBLISHED_SE, ""): tensor for name, tensor in tensors.items()}
