"""From masks to separated waveforms (Kong et al. 2019, section III-D)."""

import numpy as np

from audiodet.audio.io import as_mono, audio_info, fit_length, read_audio
from audiodet.errors import ConfigError
from audiodet.inference import masking
from audiodet.inference.detector import Detector
from audiodet.inference.joining import Heard
from audiodet.inference.silence import is_silent, without_silence

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
            model: as a :class:`~audiodet.inference.detector.Detector` takes it, one with masks.
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

    def _window(self, waveform, name: str) -> dict[str, np.ndarray]:
        runner = self.detector.runner
        inputs = self.detector.features(waveform, name)
        if is_silent(inputs["silence"]):
            return {}
        candidates, masks = runner.masks(inputs, self.labels)
        heard = without_silence(Heard(candidates), inputs["silence"])
        detected = {event.label for event in self.detector.decide(heard.events)}
        classes = [k for k, label in enumerate(self.labels) if label in detected]
        if not classes:
            return {}
        sounds = masking.filtered(waveform, masks[classes], self.log_mel)
        return {self.labels[k]: sound for k, sound in zip(classes, sounds)}
