"""Event connecting and cutting (Kiyokawa et al. 2019): no gap or event is shorter than 0.2 s."""

import torch
from detectron2.structures import Boxes, Instances

from audiodet.errors import ConfigError
from audiodet.events import thresholds_by_label
from audiodet.modeling.hooks.registry import POSTPROCESSOR_REGISTRY, Postprocessor

EPSILON = 1e-3  # frames; a gap of exactly the limit stays, whatever its edges were rounded to


@POSTPROCESSOR_REGISTRY.register()
class ConnectAndCut(Postprocessor):
    """Connects events of a class whose gap is shorter than the limit, then removes short ones.

    Events that reach ``TEST.THRESHOLDS`` are connected, and have the highest score of their parts.
    The others would not be reported and are not connected: they keep their times and scores, and
    go only if they are short. Like those of :class:`~audiodet.modeling.frame_events.RunRules`,
    the thresholds are the configuration's, also where others are tuned afterwards. The order is
    that of the name; what the paper's text removes it calls a gap.
    """

    def __init__(self, cfg):
        """
        Raises:
            ConfigError: a limit below 0, or thresholds that do not fit the labels.
        """
        seconds = cfg.MODEL.CONNECT_CUT.SECONDS
        if seconds < 0:
            raise ConfigError(f"MODEL.CONNECT_CUT.SECONDS is {seconds}, expected at least 0")
        self.frames = seconds * cfg.INPUT.AUDIO.SAMPLE_RATE / cfg.INPUT.SPECTROGRAM.HOP - EPSILON
        self.high = list(thresholds_by_label(cfg.TEST.THRESHOLDS, cfg.DATASETS.LABELS).values())

    def __call__(self, batched_inputs, results: list) -> list:
        """Instances in frames -> Instances in frames, best first."""
        return [self._clip(result) for result in results]

    def _clip(self, result: Instances) -> Instances:
        events = torch.column_stack(
            [result.pred_classes, result.pred_boxes.tensor[:, [0, 2]], result.scores]
        ).tolist()
        parts = {True: [], False: []}
        for event in sorted(events):
            parts[event[3] >= self.high[int(event[0])]].append(event)
        found = self._connected(parts[True]) + parts[False]
        kept = [event for event in found if event[2] - event[1] >= self.frames]
        kept.sort(key=lambda event: -event[3])
        table = result.scores.new_tensor(kept).reshape(-1, 4)
        boxes = torch.zeros_like(table)
        boxes[:, 0::2], boxes[:, 3] = table[:, 1:3], result.image_size[0]
        return Instances(
            result.image_size,
            pred_boxes=Boxes(boxes),
            scores=table[:, 3],
            pred_classes=table[:, 0].long(),
        )

    def _connected(self, events) -> list:
        """[label, onset, offset, score], by label and time -> the same with short gaps filled."""
        joined = []
        for label, onset, offset, score in events:
            last = joined[-1] if joined else None
            if last and last[0] == label and onset - last[2] < self.frames:
                last[2:] = max(last[2], offset), max(last[3], score)
            else:
                joined.append([label, onset, offset, score])
        return joined
