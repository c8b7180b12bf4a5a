"""Recordings -> events, with a model from :mod:`audiodet.model_zoo`."""

import torch

from audiodet.audio.io import read_audio
from audiodet.data.spectrogram import LogMel
from audiodet.events import decide, thresholds_by_label
from audiodet.modeling.instances import events_from_instances


class Predictor:
    """Runs a model on whole clips, batched; every step can be called alone."""

    def __init__(self, model, thresholds=None):
        """
        Args:
            model: from ``audiodet.model_zoo.get``; its ``cfg`` says how to read, decide and label.
            thresholds: final thresholds instead of the model's; see ``thresholds_by_label``.
        """
        self.model, self.cfg = model, model.cfg
        self.labels = list(self.cfg.DATASETS.LABELS)
        self.log_mel = LogMel.from_config(self.cfg)
        chosen = self.cfg.TEST.THRESHOLDS if thresholds is None else thresholds
        self.thresholds = thresholds_by_label(chosen, self.labels)

    def decode(self, path: str):
        """File -> mono float32 (samples,) at the model's rate."""
        return read_audio(path, self.log_mel.sample_rate)

    def features(self, waveform, name: str = "waveform") -> dict:
        """(samples,) at the model's rate -> the model's input.

        Raises:
            AudioError: shorter than one analysis window.
        """
        self.log_mel.check_length(waveform, name)
        image = self.log_mel(torch.as_tensor(waveform))
        return {
            "image": image[None],
            "height": 1,
            "width": image.shape[-1] * self.log_mel.seconds_per_frame,
            "duration": len(waveform) / self.log_mel.sample_rate,
        }

    @torch.inference_mode()
    def candidates(self, inputs: list) -> list:
        """Outputs of :meth:`features` -> per clip its events before the thresholds."""
        return [
            events_from_instances(output["instances"], self.labels, clip["duration"])
            for clip, output in zip(inputs, self.model(inputs))
        ]

    def detect(self, inputs: list) -> list:
        """Outputs of :meth:`features` -> per clip its events that pass, in order of onset."""
        best_only = self.cfg.TEST.BEST_EVENT_PER_CLIP
        return [decide(found, self.thresholds, best_only) for found in self.candidates(inputs)]

    def __call__(self, paths, batch_size: int = 8):
        """Files -> yields (path, [events]) in order; see :class:`~audiodet.events.Event`."""
        paths = list(paths)
        for i in range(0, len(paths), batch_size):
            batch = paths[i : i + batch_size]
            yield from zip(batch, self.detect([self.features(self.decode(p), p) for p in batch]))
