"""Scores of a clip's events weighed against what else the clip made the model believe."""

import numpy as np
import torch

from audiodet.modeling.hooks.registry import POSTPROCESSOR_REGISTRY, Postprocessor
from audiodet.postprocessing.contrast import checked_weight, contrasted


@POSTPROCESSOR_REGISTRY.register()
class ClipContrast(Postprocessor):
    """:func:`contrasted` scores, for clips of some 30 s that hold an event of a label or none.

    Where a label occurs often, its events take away from each other.
    """

    def __init__(self, cfg):
        """ConfigError if ``MODEL.CLIP_CONTRAST.WEIGHT`` is negative or not finite."""
        self.weight = checked_weight(cfg.MODEL.CLIP_CONTRAST.WEIGHT, "MODEL.CLIP_CONTRAST.WEIGHT")

    def on_clip(self, result):
        boxes = result.pred_boxes.tensor
        lengths = (boxes[:, 2] - boxes[:, 0]).cpu().numpy()
        scores, classes = result.scores.cpu().numpy(), result.pred_classes.cpu().numpy()
        found = scores.astype(float)
        for label in np.unique(classes):
            own = classes == label
            found[own] = contrasted(scores[own], lengths[own], result.image_size[1], self.weight)
        result.scores = torch.from_numpy(found).to(result.scores)
        return result[result.scores.argsort(descending=True, stable=True)]
