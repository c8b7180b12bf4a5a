"""Which samples can be sound."""

import numpy as np

from audiodet.errors import AudioError

LOUDEST = 1e6  # magnitude; full scale is 1, and more than this is damage or another kind of data


def check_samples(data: np.ndarray, path: str, begin: float, rate: int) -> None:
    """Raise when a sample of ``data`` is NaN, infinite or above :data:`LOUDEST` in magnitude.

    Args:
        data: floats (frames, channels).
        path: of the recording, for the message.
        begin: where ``data`` starts in it, in seconds.
        rate: in Hz.

    Raises:
        AudioError: with the number of bad samples and the place of the first.
    """
    if (np.abs(data) <= LOUDEST).all():  # False for NaN
        return
    bad = ~np.isfinite(data)
    kind = "NaN or infinite"
    if not bad.any():
        bad = np.abs(data) > LOUDEST
        kind = "absurdly large"
    frames, channels = np.nonzero(bad)
    raise AudioError(
        f"{path}: {len(frames)} {kind} samples, the first ({data[frames[0], channels[0]]:g}) at "
        f"{begin + frames[0] / rate:.4f} s in channel {channels[0] + 1}; expected finite numbers "
        f"of at most {LOUDEST:g}"
    )


def check_length(samples, least: int, rate: int, name: str) -> None:
    """Raise AudioError, naming the clip, when it is shorter than one analysis window."""
    if len(samples) < least:
        raise AudioError(
            f"{name}: {len(samples)} samples at {rate} Hz, expected at least {least} (one "
            "analysis window)"
        )
