"""Controls without learning, which any detector must beat."""

import numpy as np

from audiodet.events import Event


def energy_onset_events(log_mel: np.ndarray, seconds_per_frame: float, labels) -> list:
    """The clip's largest rise of energy over 0.1 s, as one candidate event of every label.

    Arguments and return value as for :func:`spectral_flux_events`.
    """
    energy = np.exp(log_mel).sum(axis=0)
    width = max(1, round(0.1 / seconds_per_frame))
    smooth = np.log(np.convolve(energy, np.ones(width) / width, mode="valid") + 1e-12)
    rise = np.maximum(smooth[width:] - smooth[:-width], 0.0)
    peak = int(rise.argmax()) if len(rise) else 0
    score = float(rise[peak] / (rise[peak] + 1.0)) if len(rise) else 0.0
    onset = (peak + width) * seconds_per_frame
    return [Event(onset, onset + 0.5, label, score) for label in labels]


def spectral_flux_events(log_mel: np.ndarray, seconds_per_frame: float, labels) -> list:
    """The clip's strongest spectral-flux onset, as one candidate event of every label.

    Args:
        log_mel: (H, T) natural logarithm of mel power.
        seconds_per_frame: hop in seconds.
        labels: it cannot tell labels apart, so it claims each.

    Returns:
        events of 0.5 s; the score, peak / (peak + 10 times the clip's median flux), is in [0, 1).
    """
    from librosa.onset import onset_strength

    flux = onset_strength(S=log_mel * (10 / np.log(10)), center=False)
    peak = int(flux.argmax())
    score = float(flux[peak] / (flux[peak] + 10 * np.median(flux) + 1e-9))
    onset = peak * seconds_per_frame
    return [Event(onset, onset + 0.5, label, score) for label in labels]
