"""Event connecting and cutting (Kiyokawa et al. 2019): no gap or event is shorter than 0.2 s."""

from detectron2.structures import Instances

from audiodet.errors import ConfigError
from audiodet.events import thresholds_by_label
from audiodet.modeling.frame_events import RunRules, as_instances
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
        frames = seconds * cfg.INPUT.AUDIO.SAMPLE_RATE / cfg.INPUT.SPECTROGRAM.HOP - EPSILON
        high = thresholds_by_label(cfg.TEST.THRESHOLDS, cfg.DATASETS.LABELS)
        self.rules = RunRules(gap=frames, length=frames, high=tuple(high.values()))

    def __call__(self, batched_inputs, results: list) -> list:
        """Instances in frames -> Instances in frames, best first."""
        return [self._clip(result) for result in results]

    def _clip(self, result: Instances) -> Instances:
        runs = {}
        times = result.pred_boxes.tensor[:, [0, 2]].tolist()
        for time, score, label in zip(times, result.scores.tolist(), result.pred_classes.tolist()):
            runs.setdefault(label, []).append((*time, score))
        events = []
        for label, parts in sorted(runs.items()):
            events += [(*run, label) for run in self.rules.apply(sorted(parts), label)]
        return as_instances(events, result.image_size).to(result.scores.device)
