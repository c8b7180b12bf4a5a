"""AudioMask's fusion of a region detector with a frame-level verifier (paper, section III-D).

Shape shorthand: R regions of a clip, L frames of a segment, K classes of the verifier.
"""

import torch
from detectron2.structures import Instances

from audiodet.errors import ConfigError
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.frame_events import mean_in_boxes, segment_starts
from audiodet.modeling.hooks.registry import POSTPROCESSOR_REGISTRY, Postprocessor
from audiodet.modeling.intervals import receive
from audiodet.modeling.trained import load_trained
from audiodet.postprocessing.fusing import fuse
from audiodet.weights import find_weights

WINDOWS = ("segment", "box")
# What a verifier may do otherwise than its detector; the rest of the front end is shared.
OWN_KEYS = ("NORMALIZE", "NORMALIZE_CLIPS")


@POSTPROCESSOR_REGISTRY.register()
class VerifierFusion(Postprocessor):
    """Scores each detection anew: D = lambda alpha + (1 - lambda) beta.

    beta is the detector's confidence, alpha the mean probability that the verifier gives to the
    detection's class over a segment around it. The results are sorted by D, and keep both parts:
    ``detector_scores`` (beta), ``segment_scores`` and ``box_scores`` (alpha over either window).
    """

    def __init__(self, cfg):
        """WeightsError if there is no such verifier; ConfigError if none is named, it has another
        front end or lacks one of the detector's labels, or a number is out of range.
        """
        fusion = cfg.MODEL.FUSION
        self.weight = fusion.WEIGHT
        self.min_score = fusion.MIN_SCORE
        self.window = fusion.WINDOW
        if not 0 <= self.weight <= 1:
            raise ConfigError(f"MODEL.FUSION.WEIGHT (lambda) is {self.weight}, expected 0 to 1")
        if self.window not in WINDOWS:
            raise ConfigError(
                f"MODEL.FUSION.WINDOW is {self.window!r}, expected one of {', '.join(WINDOWS)}"
            )
        if not fusion.VERIFIER:
            raise ConfigError(
                "MODEL.POSTPROCESSORS has VerifierFusion but MODEL.FUSION.VERIFIER is empty, "
                "expected the checkpoint of a verifier"
            )
        self.length = cfg.MODEL.VERIFIER.FRAMES
        self.verifier = load_trained(find_weights(fusion.VERIFIER), cfg.MODEL.DEVICE)
        _check_verifier(self.verifier, cfg)
        known = list(self.verifier.cfg.DATASETS.LABELS)
        self.columns = torch.tensor([known.index(label) for label in cfg.DATASETS.LABELS])

    @torch.no_grad()
    def __call__(self, batched_inputs, results: list) -> list:
        """Input dicts and Instances in frames -> Instances with new scores, best first."""
        kept = [result[result.scores >= self.min_score] for result in results]
        starts = []
        for result in kept:
            frames = result.image_size[1]
            starts.append(segment_starts(result.pred_boxes.tensor, frames, self.length))
        scores = receive(self.verifier.segment_scores(batched_inputs, starts, self.length))
        return [self._fused(*parts) for parts in zip(kept, scores, starts)]

    def numbers(self) -> dict:
        """See :meth:`Postprocessor.numbers`."""
        return {
            "name": "fusion",
            "weight": self.weight,
            "min_score": self.min_score,
            "window": self.window,
            "length": self.length,
            "columns": self.columns.tolist(),
        }

    def _fused(self, result: Instances, scores: torch.Tensor, starts) -> Instances:
        """One clip: scores are (R, L, K), starts the first frames of the segments."""
        columns = self.columns[result.pred_classes]
        regions = torch.arange(len(result))
        class_scores = scores[regions, :, columns]  # (R, L)
        result.detector_scores = result.scores
        result.segment_scores = class_scores.mean(1)
        result.box_scores = mean_in_boxes(class_scores, result.pred_boxes.tensor, starts)
        alpha = result.segment_scores if self.window == "segment" else result.box_scores
        result.scores = fuse(alpha, result.detector_scores, self.weight)
        return result[result.scores.argsort(descending=True, stable=True)]


def _check_verifier(verifier, cfg) -> None:
    """Refuse a verifier that does not hear what the detector hears, or not its classes."""
    theirs = verifier.cfg
    where = f"MODEL.FUSION.VERIFIER {cfg.MODEL.FUSION.VERIFIER}"
    if not isinstance(verifier, FrameClassifier):
        raise ConfigError(
            f"{where}: is a {theirs.MODEL.META_ARCHITECTURE}, expected a FrameVerifier or a "
            "frame-level SequenceTagger"
        )
    for section in ("AUDIO", "SPECTROGRAM"):
        for key, expected in cfg.INPUT[section].items():
            value = theirs.INPUT[section][key]
            if value != expected and key not in OWN_KEYS:
                raise ConfigError(
                    f"{where}: made with INPUT.{section}.{key} {value}, expected the detector's "
                    f"{expected}"
                )
    unknown = [x for x in cfg.DATASETS.LABELS if x not in theirs.DATASETS.LABELS]
    if unknown:
        raise ConfigError(
            f"{where}: knows {list(theirs.DATASETS.LABELS)}, expected also the detector's {unknown}"
        )
