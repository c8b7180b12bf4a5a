"""Baselines without learning, which any detector must beat."""

import numpy as np
from detectron2.data import DatasetCatalog

from audiodet.data.datasets.rare_mini import RARE_LABELS
from audiodet.data.mapper import SEDMapper
from audiodet.evaluation.clips import reference_clips
from audiodet.events import Event


def energy_onset_events(log_mel: np.ndarray, seconds_per_frame: float, labels) -> list:
    """The largest rise of energy over 0.1 s, likewise."""
    energy = np.exp(log_mel).sum(axis=0)
    width = max(1, round(0.1 / seconds_per_frame))
    smooth = np.log(np.convolve(energy, np.ones(width) / width, mode="valid") + 1e-12)
    rise = np.maximum(smooth[width:] - smooth[:-width], 0.0)
    peak = int(rise.argmax()) if len(rise) else 0
    score = float(rise[peak] / (rise[peak] + 1.0)) if len(rise) else 0.0
    onset = (peak + width) * seconds_per_frame
    return [Event(onset, onset + 0.5, label, score) for label in labels]


def spectral_flux_events(log_mel: np.ndarray, seconds_per_frame: float, labels) -> list:
    """The strongest spectral-flux onset of a natural log-mel (H, T), as an event of every label.

    Returns:
        events of 0.5 s; the score, peak / (peak + 10 times the clip's median flux), is in [0, 1).
    """
    from librosa.onset import onset_strength

    flux = onset_strength(S=log_mel * (10 / np.log(10)), center=False)
    peak = int(flux.argmax())
    score = float(flux[peak] / (flux[peak] + 10 * np.median(flux) + 1e-9))
    onset = peak * seconds_per_frame
    return [Event(onset, onset + 0.5, label, score) for label in labels]


BASELINES = {"energy onset": energy_onset_events, "spectral flux": spectral_flux_events}


def baseline_clips(dataset: str, mapper: SEDMapper, name: str) -> list:
    """The clips of a dataset of rare-mini with the candidates of one of BASELINES."""
    clips = reference_clips(dataset, RARE_LABELS)
    for record in DatasetCatalog.get(dataset):
        log_mel = mapper.spectrogram(record)
        hop = mapper.log_mel.seconds_per_frame
        clips[record["image_id"]].candidates = BASELINES[name](log_mel, hop, RARE_LABELS)
    return list(clips.values())
