"""Masks over mel bands -> separated waveforms, in numpy (Kong et al. 2019, section III-D).

Shape shorthand: H mel bands, T frames, K classes, B linear bands, F frames of the short-time
spectrum.
"""

import math

import numpy as np

from audiodet.audio.mel import hz_to_mel, mel_to_hz


def filtered(waveform: np.ndarray, masks: np.ndarray, front_end) -> np.ndarray:
    """A waveform filtered by masks over its log-mel, with the mixture's phase: (K, samples).

    Masks become linear in frequency by interpolation between the mel bands' centres; where their
    sum is above one they are divided by it, so that they never add energy. Masks of one give the
    waveform back.

    Args:
        waveform: (samples,) float32 at the front end's rate.
        masks: (K, H, T) in [0, 1], of the classes wanted.
        front_end: that the frames are of, a :class:`~audiodet.data.spectrogram.LogMel` or its
            numbers.
    """
    masks = masks / np.maximum(masks.sum(0), 1.0)
    n_fft, hop = front_end.n_fft, front_end.hop
    window = np.asarray(front_end.window, np.float32)
    # Frames that reach over both ends, so that every sample has its full share of windows; the
    # first of the masks' frames is then number ``lead``.
    lead = math.ceil(n_fft / hop)
    left = lead * hop - (0 if front_end.centre else n_fft // 2) + n_fft // 2
    padded = np.pad(waveform, (left, 2 * n_fft + n_fft // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    spectrum = np.fft.rfft(frames * window)  # (F, B)
    tail = len(spectrum) - lead - masks.shape[2]
    linear = np.swapaxes(mel_to_linear(front_end) @ masks, 1, 2)  # (K, T, B)
    linear = np.pad(linear, ((0, 0), (lead, tail), (0, 0)), mode="edge")
    parts = np.fft.irfft(linear * spectrum, n_fft) * window  # (K, F, n_fft)
    sounds = np.zeros((len(masks), len(padded)), np.float32)
    share = np.zeros(len(padded), np.float32)
    for number, part in enumerate(np.swapaxes(parts, 0, 1)):
        place = slice(number * hop, number * hop + n_fft)
        sounds[:, place] += part
        share[place] += window * window
    inside = slice(left, left + len(waveform))
    return sounds[:, inside] / share[inside]


def mel_to_linear(front_end) -> np.ndarray:
    """(B, H) weights of the mel bands at each linear one; each row sums to one."""
    ends = (hz_to_mel(front_end.f_min), hz_to_mel(front_end.f_max))
    centres = mel_to_hz(np.linspace(*ends, front_end.n_mels + 2)[1:-1])
    bands = np.linspace(0, front_end.sample_rate / 2, front_end.n_fft // 2 + 1)
    rows = [np.interp(bands, centres, one) for one in np.eye(front_end.n_mels)]
    return np.stack(rows, 1).astype(np.float32)
