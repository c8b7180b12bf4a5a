"""Several small heads on one network: each learns alone, their probabilities are averaged.

Shape shorthand: N clips, E heads, S time steps, K classes, C channels.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY
from torch import nn

from audiodet.data.label_kinds import LabelKinds
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.tagger import SequenceTagger


@META_ARCH_REGISTRY.register()
class EnsembleTagger(SequenceTagger):
    """A :class:`SequenceTagger` for each of the E necks of :class:`PretrainedSteps`, in one model.

    The heads differ in their first weights and in what dropout hides from them. Where few sources
    teach, the scores of one head for a new source are partly luck, and their mean is less so.
    """

    @configurable
    def __init__(self, *, backbone, heads, **kwargs):
        """
        Args:
            heads: E; the backbone's channels are those of all necks, one after another.
        """
        super().__init__(backbone=backbone, **kwargs)
        ((_, shape),) = backbone.output_shape().items()
        self.heads = heads
        outputs = heads * self.num_classes
        self.classifier = nn.Conv1d(shape.channels, outputs, 1, groups=heads)

    @classmethod
    def from_config(cls, cfg):
        return {**super().from_config(cfg), "heads": cfg.MODEL.PRETRAINED.NECKS}

    @classmethod
    def label_kinds(cls, cfg) -> LabelKinds:
        """Strong clips."""
        return LabelKinds(("strong",))

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        """(N, S, C) -> logits (N, S, E, K)."""
        logits = self.classifier(features.transpose(1, 2)).transpose(1, 2)
        return logits.reshape(*logits.shape[:2], self.heads, self.num_classes)

    def clip_maps(self, x: torch.Tensor) -> dict:
        return {"scores": self.batch_logits(x)[0].sigmoid().mean(1)}

    def step_scores(self, batched_inputs) -> list:
        """Input dicts -> the (S, K) mean probabilities of each clip."""
        return [logits.sigmoid().mean(1) for logits in self.step_logits(batched_inputs)]

    def losses(self, logits, batched_inputs) -> dict:
        """Mean of the heads' binary cross-entropies over steps."""
        total = 0.0
        for head in range(self.heads):
            rows = [clip[:, head] for clip in logits]
            total = total + FrameClassifier.losses(self, rows, batched_inputs)["loss_frame"]
        return {"loss_frame": total / self.heads}
