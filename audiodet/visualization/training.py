"""VIS_PERIOD: pictures of what a training sees and detects, for TensorBoard."""

from collections.abc import Sequence

import numpy as np
import torch
from detectron2.engine import HookBase

from audiodet.data.spectrogram import LogMel
from audiodet.events import Event
from audiodet.modeling.instances import events_from_instances
from audiodet.visualization.clip_plot import draw_clip

NAME = "training clip: truth above, detections below"
MOST_DETECTIONS = 20


class TrainingPictures(HookBase):
    """Draws a clip of the batch every VIS_PERIOD iterations, as augmentation left it.

    In place of detectron2's pictures, which take decibels for bytes. For the main process; the
    writers of the trainer bring them to TensorBoard.
    """

    def __init__(self, cfg, model):
        """
        Args:
            cfg: audiodet's configuration.
            model: a system, not wrapped for several processes.
        """
        self.period = cfg.VIS_PERIOD
        self.labels = list(cfg.DATASETS.LABELS)
        self.model = model
        log_mel = LogMel.from_config(cfg)
        self.front_end = (log_mel.seconds_per_frame, log_mel.f_min, log_mel.f_max)
        self._clip = None
        self._handle = None

    def before_step(self):
        if self.trainer.iter % self.period == 0:
            self._handle = self.model.register_forward_pre_hook(self._keep)

    def _keep(self, _, args):
        self._clip = args[0][0]

    def after_step(self):
        if self._handle is None:
            return
        self._handle.remove()
        self._handle = None
        self.trainer.storage.put_image(NAME, self._draw(self._clip))

    def _draw(self, clip: dict) -> np.ndarray:
        """(3, height, width) picture, uint8."""
        self.model.eval()
        try:
            with torch.no_grad():
                detected = self.model([clip])[0]["instances"][:MOST_DETECTIONS].to("cpu")
        finally:
            self.model.train()
        truth = mapped_events(clip, self.labels)
        detections = events_from_instances(detected, self.labels, clip["width"])
        log_mel = clip["image"][0].cpu().numpy()
        figure = draw_clip(log_mel, *self.front_end, truth=truth, detections=detections)
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].transpose(2, 0, 1)


def mapped_events(clip: dict, labels: Sequence[str]) -> list[Event]:
    """True events of a mapped clip, whose boxes are in frames, in seconds of its image."""
    instances = clip["instances"]
    times = boxes_in_seconds(instances.gt_boxes, clip).tolist()
    classes = instances.gt_classes.tolist()
    return [Event(*time, labels[k]) for time, k in zip(times, classes)]


def boxes_in_seconds(boxes, clip: dict) -> torch.Tensor:
    """Boxes in frames of a mapped clip -> (R, 2) onsets and offsets in seconds of its image."""
    return boxes.tensor[:, [0, 2]] * clip["width"] / clip["image"].shape[-1]
