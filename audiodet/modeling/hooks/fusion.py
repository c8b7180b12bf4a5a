"""AudioMask's fusion of a region detector with a frame-level verifier (paper, section III-D).

Shape shorthand: R regions of a clip, L frames of a segment, K classes of the verifier.
"""

import torch
from detectron2.structures import Instances

from audiodet.errors import ConfigError
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.hooks.registry import POSTPROCESSOR_REGISTRY, Postprocessor
from audiodet.modeling.segments import mean_in_boxes, segment_starts
from audiodet.modeling.trained import load_trained
from audiodet.weights import find_weights

WINDOWS = ("segment", "box")
# What both must share.
FRONT_END = (
    "N_FFT",
    "WINDOW",
    "HOP",
    "CENTRE",
    "POWER",
    "N_MELS",
    "F_MIN",
    "F_MAX",
    "FLOOR",
    "FLOOR_ADDED",
)


def fuse(alpha, beta, weight: float):
    """D = weight * alpha + (1 - weight) * beta, element-wise."""
    return weight * alpha + (1.0 - weight) * beta


@POSTPROCESSOR_REGISTRY.register()
class VerifierFusion(Postprocessor):
    """Scores each detection anew: D = lambda alpha + (1 - lambda) beta.

    beta is the detector's confidence, alpha the mean probability that the verifier gives to the
    detection's class over a segment around it. The results are sorted by D, and keep both parts:
    ``detector_scores`` (beta), ``segment_scores`` and ``box_scores`` (alpha over either window).
    """

    def __init__(self, cfg):
        """
        Raises:
            ConfigError: no verifier is named, it has another front end, lacks one of the
                detector's labels, or a number is out of range.
            WeightsError: there is no such verifier.
        """
        fusion = cfg.MODEL.FUSION
        self.weight, self.min_score, self.window = fusion.WEIGHT, fusion.MIN_SCORE, fusion.WINDOW
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
        starts = [
            segment_starts(result.pred_boxes.tensor, result.image_size[1], self.length)
            for result in kept
        ]
        found = self.verifier.segment_scores(batched_inputs, starts, self.length)
        return [self._fused(*parts) for parts in zip(kept, found, starts)]

    def _fused(self, result: Instances, scores: torch.Tensor, starts) -> Instances:
        columns = self.columns.to(scores.device)[result.pred_classes]
        own = scores[torch.arange(len(result), device=scores.device), :, columns]  # (R, L)
        result.detector_scores = result.scores
        result.segment_scores = own.mean(1)
        result.box_scores = mean_in_boxes(own, result.pred_boxes.tensor, starts)
        alpha = result.segment_scores if self.window == "segment" else result.box_scores
        result.scores = fuse(alpha, result.detector_scores, self.weight)
        return result[result.scores.argsort(descending=True, stable=True)]


def _check_verifier(verifier, cfg) -> None:
    """Refuse a verifier that does not hear what the detector hears, or not its classes."""
    name, theirs = cfg.MODEL.FUSION.VERIFIER, verifier.cfg
    if not isinstance(verifier, FrameClassifier):
        raise ConfigError(
            f"MODEL.FUSION.VERIFIER {name}: is a {theirs.MODEL.META_ARCHITECTURE}, expected a "
            "FrameVerifier or a frame-level SequenceTagger"
        )
    for section, keys in (("AUDIO", ("SAMPLE_RATE",)), ("SPECTROGRAM", FRONT_END)):
        for key in keys:
            found, expected = theirs.INPUT[section][key], cfg.INPUT[section][key]
            if found != expected:
                raise ConfigError(
                    f"MODEL.FUSION.VERIFIER {name}: made with INPUT.{section}.{key} {found}, "
                    f"expected the detector's {expected}"
                )
    unknown = [x for x in cfg.DATASETS.LABELS if x not in theirs.DATASETS.LABELS]
    if unknown:
        raise ConfigError(
            f"MODEL.FUSION.VERIFIER {name}: knows {list(theirs.DATASETS.LABELS)}, expected also "
            f"the detector's {unknown}"
        )
