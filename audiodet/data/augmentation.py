"""Augmentation of training log-mels. Nothing here moves an event, so labels stay as they are.

Shape shorthand: H mel bands, T frames.
"""

import numpy as np

DB = np.log(10.0) / 10.0  # one decibel in the natural logarithm of power


def change_level(log_mel: np.ndarray, rng, gain_db: float, eq_db: float) -> np.ndarray:
    """Add a random gain and a random smooth curve over the mel axis, in dB (in place)."""
    bands = log_mel.shape[0]
    knots = rng.uniform(-eq_db, eq_db, 5)
    curve = np.interp(np.linspace(0, 4, bands), np.arange(5), knots)
    curve += rng.uniform(-gain_db, gain_db)
    log_mel += (curve * DB).astype(log_mel.dtype)[:, None]
    return log_mel


def mask_strips(log_mel: np.ndarray, rng, axis: int, count: int, width: int) -> np.ndarray:
    """SpecAugment: replace ``count`` strips of up to ``width`` cells by each band's mean.

    In place. Axis 0 masks mel bands, axis 1 masks frames.
    """
    mean = log_mel.mean(axis=1, keepdims=True)
    for _ in range(count):
        size = int(rng.integers(0, width + 1))
        start = int(rng.integers(0, max(0, log_mel.shape[axis] - size) + 1))
        strip = slice(start, start + size)
        if axis == 0:
            log_mel[strip] = mean[strip]
        else:
            log_mel[:, strip] = mean
    return log_mel


def augment(log_mel: np.ndarray, rng, settings) -> np.ndarray:
    """Apply ``INPUT.SPEC_AUGMENT`` to a (H, T) log-mel in place."""
    if settings.GAIN_DB or settings.EQ_DB:
        change_level(log_mel, rng, settings.GAIN_DB, settings.EQ_DB)
    mask_strips(log_mel, rng, 1, settings.TIME_MASKS, settings.TIME_WIDTH)
    mask_strips(log_mel, rng, 0, settings.FREQ_MASKS, settings.FREQ_WIDTH)
    return log_mel


def choose_crop(seconds: float, length: float, events, rng, event_fraction: float) -> float:
    """Start of a random crop, in seconds; every start that is possible is equally likely.

    Args:
        seconds: length of the clip.
        length: length of the crop; a longer crop than the clip starts at 0.
        events: [(onset, offset), ...] in seconds.
        event_fraction: fraction of crops that hold a random event of the clip (of one that is
            longer, a part).
    """
    latest = max(0.0, seconds - length)
    if events and rng.random() < event_fraction:
        onset, offset = events[int(rng.integers(len(events)))]
        low, high = np.clip(sorted((offset - length, onset)), 0.0, latest)
        return float(rng.uniform(low, high))
    return float(rng.uniform(0.0, latest))
