"""Event connecting and cutting (Kiyokawa et al. 2019): no gap or event is shorter than 0.2 s."""

from dataclasses import asdict

from detectron2.structures import Instances

from audiodet.errors import ConfigError
from audiodet.events import thresholds_by_label
from audiodet.modeling.frame_events import instances_of, regions_of
from audiodet.modeling.hooks.registry import POSTPROCESSOR_REGISTRY, Postprocessor
from audiodet.postprocessing.runs import RunRules

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
        """ConfigError for a limit below 0, or thresholds that do not fit the labels."""
        seconds = cfg.MODEL.CONNECT_CUT.SECONDS
        if seconds < 0:
            raise ConfigError(f"MODEL.CONNECT_CUT.SECONDS is {seconds}, expected at least 0")
        frames = seconds * cfg.INPUT.AUDIO.SAMPLE_RATE / cfg.INPUT.SPECTROGRAM.HOP - EPSILON
        high = thresholds_by_label(cfg.TEST.THRESHOLDS, cfg.DATASETS.LABELS)
        self.rules = RunRules(gap=frames, length=frames, high=tuple(high.values()))

    def numbers(self) -> dict:
        return {"name": "connecting", "rules": asdict(self.rules)}

    def on_clip(self, result: Instances) -> Instances:
        found = self.rules.connected(regions_of(result))
        return instances_of(found, result.image_size).to(result.scores.device)
