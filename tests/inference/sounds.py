"""Sounds that the tests of inference share."""

import numpy as np
import soxr

from tests.tiny import RATE


def sound(seconds, seed=0):
    """Tones of 300 to 3000 Hz that come and go, over noise below 4 kHz."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    noise = soxr.resample(rng.normal(0, 0.02, len(times) // 2 + 50), RATE // 2, RATE)[: len(times)]
    tones = sum(
        np.sin(2 * np.pi * rng.uniform(300, 3000) * times) * np.exp(-(((times - t) / 0.2) ** 2))
        for t in rng.uniform(0, seconds, 3)
    )
    return 0.2 * tones + noise


def bursts(seconds, times, rate=RATE, length=0.4):
    """Tones that begin at the given times, in seconds, over faint noise."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.001, round(seconds * rate))
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(round(length * rate)) / rate)
    for time in times:
        first = round(time * rate)
        part = samples[first : first + len(tone)]
        part += tone[: len(part)]
    return samples
