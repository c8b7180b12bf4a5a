"""From masks to separated waveforms (Kong et al. 2019, section III-E).

Shape shorthand: H mel bands, T frames, K classes, B linear bands of the short-time spectrum.
"""

import math

import numpy as np
import torch
from torch.nn import functional as F

from audiodet.audio.io import as_mono, audio_info, fit_length, read_audio
from audiodet.data.spectrogram import LogMel, hz_to_mel, mel_to_hz
from audiodet.errors import ConfigError
from audiodet.inference.detector import Detector
from audiodet.modeling.instances import events_from_instances

WINDOW = 10.0  # seconds
CROSS_FADE = 1.0  # seconds


class Separator:
    """Waveforms of the classes that a model with masks detects in a recording.

    A recording that is longer than a window is cut into overlapping ones that are cross-faded; a
    class is silent in windows without one of its events. Memory grows with the recording's length
    and the number of classes in it.
    """

    def __init__(self, model, thresholds=None, window: float = WINDOW):
        """
        Args:
            model: from :func:`~audiodet.inference.loading.load_model`, one with masks.
            thresholds: of events, see :class:`~audiodet.inference.detector.Detector`.
            window: in seconds.

        Raises:
            ConfigError: the model has no masks, or the window is not longer than a cross-fade.
        """
        if not model.has_masks:
            raise ConfigError(
                f"{model.cfg.MODEL.META_ARCHITECTURE} has no masks to separate sounds by, expected "
                "a system that has them (configs/tfseg with MODEL.TFSEG.LEVEL 'bin')"
            )
        if window <= 2 * CROSS_FADE:
            raise ConfigError(f"windows of {window} s, expected more than {2 * CROSS_FADE} s")
        self.detector = Detector(model, thresholds)
        self.labels = self.detector.labels
        self.log_mel = self.detector.log_mel
        rate = self.log_mel.sample_rate
        self.size = round(window * rate)  # samples of a window
        self.fade = round(CROSS_FADE * rate)  # samples of a cross-fade

    def separate_file(self, path: str) -> dict[str, np.ndarray]:
        """{label: float32 (samples,)} at the file's own rate and as long as the file.

        Raises:
            AudioError: the file cannot be used, or is shorter than an analysis window.
        """
        info = audio_info(path)
        rate = self.log_mel.sample_rate
        sounds = {}
        for label, sound in self.separate(read_audio(path, rate), path).items():
            resampled = as_mono(sound, rate, info.sample_rate, path)
            sounds[label] = fit_length(resampled, info.samples)
        return sounds

    def separate(self, waveform: np.ndarray, name: str = "waveform") -> dict[str, np.ndarray]:
        """(samples,) at the model's rate -> {label: (samples,)} of what is detected."""
        sounds = {}
        last = max(0, len(waveform) - self.size)
        starts = [*range(0, last, self.size - self.fade), last]
        for i, start in enumerate(starts):
            part = waveform[start : start + self.size]
            gain = self._gain(starts, i, len(part))
            for label, sound in self._window(part, name).items():
                whole = sounds.setdefault(label, np.zeros(len(waveform), np.float32))
                whole[start : start + len(part)] += gain * sound
        return sounds

    def _gain(self, starts, i: int, length: int) -> np.ndarray:
        """Gains of a window's samples; those of all windows sum to one."""
        gain = np.ones(length, np.float32)
        rise = np.linspace(0, 1, self.fade, dtype=np.float32)
        if i:  # the last window may share more than a cross-fade with the one before
            shared = starts[i - 1] + self.size - starts[i]
            gain[: shared - self.fade] = 0
            gain[shared - self.fade : shared] = rise
        if i + 1 < len(starts):
            gain[self.size - self.fade :] = 1 - rise
        return gain

    @torch.inference_mode()
    def _window(self, waveform, name: str) -> dict[str, np.ndarray]:
        inputs = self.detector.features(waveform, name)
        (output,) = self.detector.model([inputs])
        candidates = events_from_instances(output["instances"], self.labels, inputs["duration"])
        detected = {event.label for event in self.detector.decide(candidates)}
        classes = [k for k, label in enumerate(self.labels) if label in detected]
        if not classes:
            return {}
        masks = output["masks"][classes].float().cpu()
        sounds = apply_masks(torch.from_numpy(waveform), masks, self.log_mel)
        return {self.labels[k]: sound.numpy() for k, sound in zip(classes, sounds)}


def apply_masks(waveform: torch.Tensor, masks: torch.Tensor, log_mel: LogMel) -> torch.Tensor:
    """Filter a waveform by masks over its log-mel, with the mixture's phase.

    Masks become linear in frequency by interpolation between the mel bands' centres; where their
    sum is above one they are divided by it, so that they never add energy. Masks of one give the
    waveform back.

    Args:
        waveform: (samples,) at the front end's rate.
        masks: (K, H, T) in [0, 1], of the classes wanted.
        log_mel: the front end that the frames are of.

    Returns:
        (K, samples).
    """
    masks = masks / masks.sum(0).clamp(min=1.0)
    n_fft = log_mel.n_fft
    hop = log_mel.hop
    samples = len(waveform)
    # Frames that reach over both ends, so that every sample has its full share of windows; the
    # first of the masks' frames is then number ``lead``.
    lead = math.ceil(n_fft / hop)
    left = lead * hop - (0 if log_mel.centre else n_fft // 2)
    padded = F.pad(waveform, (left, 2 * n_fft))
    options = {"n_fft": n_fft, "hop_length": hop, "window": log_mel.window, "center": True}
    spectrum = torch.stft(padded, **options, pad_mode="constant", return_complex=True)  # (B, F)
    tail = spectrum.shape[1] - lead - masks.shape[2]
    linear = F.pad(mel_to_linear(log_mel) @ masks, (lead, tail), mode="replicate")
    sounds = torch.istft(linear * spectrum, **options, length=len(padded))
    return sounds[:, left : left + samples]


def mel_to_linear(log_mel: LogMel) -> torch.Tensor:
    """(B, H) weights of the mel bands at each linear one; each row sums to one."""
    low = hz_to_mel(log_mel.f_min)
    high = hz_to_mel(log_mel.f_max)
    mels = torch.linspace(low, high, log_mel.n_mels + 2, dtype=torch.float64)
    centres = mel_to_hz(mels[1:-1]).numpy()
    bands = np.linspace(0, log_mel.sample_rate / 2, log_mel.n_fft // 2 + 1)
    rows = [np.interp(bands, centres, one) for one in np.eye(log_mel.n_mels)]
    return torch.from_numpy(np.stack(rows, 1)).float()
