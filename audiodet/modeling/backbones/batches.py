"""What backbones do with a batch: its height is checked, what lies behind a clip's end is zero."""

import torch

from audiodet.errors import ConfigError


def check_bands(x: torch.Tensor, n_mels: int) -> None:
    """Refuse a batch (N, 1, H, T) of another number of mel bands."""
    if x.shape[2] != n_mels:
        raise ConfigError(
            f"the spectrogram has {x.shape[2]} mel bands, the backbone expects {n_mels}"
        )


def zero_beyond(sizes):
    """A function that zeroes what lies behind each clip's own end, as its own padding would."""
    if sizes is None:
        return lambda x: x

    def mask(x):
        steps = torch.arange(x.shape[-1], device=x.device)
        inside = steps < torch.tensor(sizes, device=x.device)[:, None]
        return x * inside[:, None, None, :]

    return mask
