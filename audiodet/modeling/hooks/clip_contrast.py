"""Scores of a clip's events weighed against what else the clip made the model believe."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from audiodet.errors import ConfigError
from audiodet.modeling.hooks.registry import POSTPROCESSOR_REGISTRY, Postprocessor

FLOOR = 0.003  # mean score of a quiet clip, from which on it counts
TINY = 1e-6  # scores are kept this far from 0 and 1


def contrasted(
    scores: Sequence[float], lengths: Sequence[float], whole: float, weight: float
) -> np.ndarray:
    """Scores of one clip's events of one label, each less what the others say of the clip.

    A background that resembles a label raises many candidates all along the clip; a threshold from
    other recordings does not know of it. The mean score of the rest of the clip does: with the
    length of the others as their weight it is the part of the clip that is believed to hold the
    label. From the log-odds of a score goes ``weight`` times the logarithm of that mean over FLOOR.

    Args:
        scores, lengths: of every candidate of the label, (R,), whatever their score.
        whole: length of the clip, in the unit of ``lengths``.
        weight: 0 leaves the scores as they are.

    Returns:
        (R,), none above its score.
    """
    scores = np.clip(np.asarray(scores, dtype=float), TINY, 1 - TINY)
    parts = scores * np.asarray(lengths, dtype=float) / whole
    rest = np.maximum(parts.sum() - parts, 0.0)
    logits = np.log(scores / (1 - scores)) - weight * np.log1p(rest / FLOOR)
    return 1 / (1 + np.exp(-logits))


@POSTPROCESSOR_REGISTRY.register()
class ClipContrast(Postprocessor):
    """:func:`contrasted` scores, for clips of some 30 s that hold an event of a label or none.

    Where a label occurs often, its events take away from each other.
    """

    def __init__(self, cfg):
        """ConfigError if ``MODEL.CLIP_CONTRAST.WEIGHT`` is negative or not finite."""
        self.weight = cfg.MODEL.CLIP_CONTRAST.WEIGHT
        if not (self.weight >= 0 and math.isfinite(self.weight)):
            raise ConfigError(f"MODEL.CLIP_CONTRAST.WEIGHT is {self.weight}, expected 0 or more")

    def __call__(self, batched_inputs, results: list) -> list:
        """Instances in frames -> Instances with new scores, best first."""
        return [self._contrast(result) for result in results]

    def _contrast(self, result):
        boxes = result.pred_boxes.tensor
        lengths = (boxes[:, 2] - boxes[:, 0]).cpu().numpy()
        scores, classes = result.scores.cpu().numpy(), result.pred_classes.cpu().numpy()
        found = scores.astype(float)
        for label in np.unique(classes):
            own = classes == label
            found[own] = contrasted(scores[own], lengths[own], result.image_size[1], self.weight)
        result.scores = torch.from_numpy(found).to(result.scores)
        return result[result.scores.argsort(descending=True, stable=True)]
