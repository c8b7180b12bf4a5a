"""Slaney's mel scale, librosa's default: linear below 1 kHz, logarithmic above; in numpy."""

from collections.abc import Iterable

import numpy as np

TICKS_HZ = (100, 200, 500, 1000, 2000, 5000, 10000, 20000)
_HZ_PER_MEL = 200.0 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(hz: float) -> float:
    """Frequency in Hz -> Slaney mel."""
    if hz < _BREAK_HZ:
        return float(hz / _HZ_PER_MEL)
    return float(_BREAK_HZ / _HZ_PER_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def mel_to_hz(mel: np.ndarray) -> np.ndarray:
    """Slaney mel -> frequency in Hz, element-wise."""
    break_mel = _BREAK_HZ / _HZ_PER_MEL
    above = _BREAK_HZ * np.exp(_LOG_STEP * (mel - break_mel))
    return np.where(mel < break_mel, mel * _HZ_PER_MEL, above)


def mel_filters(sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float):
    """Triangular mel filters of equal area, (H, n_fft // 2 + 1); equal to librosa.filters.mel."""
    edges = mel_to_hz(np.linspace(hz_to_mel(f_min), hz_to_mel(f_max), n_mels + 2))
    bins = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    ramps = edges[:, None] - bins[None, :]
    widths = np.diff(edges)[:, None]
    triangles = np.minimum(-ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]).clip(0)
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def mel_positions(hz: Iterable[float], bands: int, f_min: float, f_max: float) -> np.ndarray:
    """Row of the spectrogram, counted from 0 and fractional, whose band is centred on `hz`."""
    low = hz_to_mel(f_min)
    high = hz_to_mel(f_max)
    mels = np.array([hz_to_mel(f) for f in hz])
    return (mels - low) / (high - low) * (bands + 1) - 1


def log_mel(samples: np.ndarray, rate: int, n_fft: int, hop: int, filters: np.ndarray):
    """(samples,) -> (H, T) log-mel power over a floor of 1e-10; frame t is centred on t * hop.

    For pictures; the networks' front ends are :class:`audiodet.data.spectrogram.LogMel` and its
    kin, which give the same.
    """
    padded = np.pad(samples, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    spectrum = np.fft.rfft(frames * window)
    power = spectrum.real**2 + spectrum.imag**2
    return np.log(np.maximum(power @ filters.T, 1e-10)).T
