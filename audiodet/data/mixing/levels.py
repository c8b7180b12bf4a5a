"""Levels of sounds: over all frequencies, and in the band that a sound has."""

import numpy as np
from scipy.fft import next_fast_len, rfft, rfftfreq

BAND_SHARE = 0.9  # of a sound's power that its band holds; equal parts lie below and above


def rms(samples: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def as_loud(
    noise: np.ndarray, sound: np.ndarray, sample_rate: int, ratio_db: float = 0.0
) -> np.ndarray:
    """Noise (samples,) scaled so that its RMS in the sound's band is the sound's, plus a ratio."""
    band = band_of(sound, sample_rate)
    ratio = rms_in(sound, band, sample_rate) / rms_in(noise, band, sample_rate)
    return noise * np.float32(ratio * 10 ** (ratio_db / 20))


def band_of(samples: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Lowest and highest frequency, in Hz, of the band that holds :data:`BAND_SHARE`."""
    frequencies, power = _power(samples, sample_rate)
    share = power.cumsum() / power.sum()
    aside = (1 - BAND_SHARE) / 2
    low, high = np.searchsorted(share, (aside, 1 - aside))
    return float(frequencies[low]), float(frequencies[high])


def rms_in(samples: np.ndarray, band: tuple[float, float], sample_rate: int) -> float:
    """RMS of what of the samples lies in a band, in Hz."""
    frequencies, power = _power(samples, sample_rate)
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    return float(np.sqrt(power[inside].sum()))


def _power(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and how much each adds to the mean square of the samples."""
    size = next_fast_len(len(samples), real=True)
    power = np.square(np.abs(rfft(samples, size)), dtype=np.float64) * 2 / (size * len(samples))
    return rfftfreq(size, 1 / sample_rate), power
