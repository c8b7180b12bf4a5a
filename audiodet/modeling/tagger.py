"""Clip-level and frame-level classifiers on a detector's backbone.

Clip-level: R-CRNN's pre-training task (paper, section 3.2). Frame-level: the baseline that
a region detector must beat, with the same layers and the same data.

Shape shorthand: N clips, S time steps, K classes, C channels.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, build_backbone
from torch import nn
from torch.nn import functional as F

from audiodet.data.label_kinds import LabelKinds
from audiodet.errors import ConfigError
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.frame_classifier import FrameClassifier, clip_targets


@META_ARCH_REGISTRY.register()
class SequenceTagger(FrameClassifier):
    """Backbone and one linear layer per time step; the clip's score is the maximum over time.

    The paper does not describe its pre-training head; this one serves clips and steps alike.
    The loss is taken over clip labels ("clip"), over steps ("frame"), or over the clip labels of
    all clips and the steps of those whose labels have times ("both").
    """

    @configurable
    def __init__(self, *, backbone, loss, **kwargs):
        if loss not in ("clip", "frame", "both"):
            raise ConfigError(f"MODEL.TAGGER.LOSS is {loss!r}, expected 'clip', 'frame' or 'both'")
        ((feature, shape),) = backbone.output_shape().items()
        super().__init__(stride=shape.stride, **kwargs)
        self.backbone = backbone
        self.loss = loss
        self.feature = feature
        self.classifier = nn.Linear(shape.channels, self.num_classes)

    @classmethod
    def from_config(cls, cfg):
        backbone = build_backbone(cfg)
        return {
            **cls.shared_config(cfg, backbone.size_divisibility),
            "backbone": backbone,
            "loss": cfg.MODEL.TAGGER.LOSS,
            "offset": cfg.MODEL.ANCHOR_GENERATOR.OFFSET,
        }

    @classmethod
    def label_kinds(cls, cfg) -> LabelKinds:
        """Strong clips; weak ones too where a loss is taken over clip labels."""
        if cfg.MODEL.TAGGER.LOSS == "both":
            return LabelKinds(("strong", "weak"), ignored=("unlabelled",), apart=True)
        learns_clips = cfg.MODEL.TAGGER.LOSS == "clip"
        return LabelKinds(("strong", "weak") if learns_clips else ("strong",))

    def step_logits(self, batched_inputs) -> list:
        """See :meth:`FrameClassifier.step_logits`."""
        images = self.clip_input(batched_inputs, self.device)
        features = self.backbone(images.tensor, ClipInput.lengths(images))[self.feature]
        logits = self.classifier(features.squeeze(2).transpose(1, 2))  # (N, C, 1, S) -> (N, S, K)
        steps = [self.backbone.steps(int(size[1])) for size in images.image_sizes]
        return [clip[:n] for clip, n in zip(logits, steps)]

    def losses(self, logits, batched_inputs) -> dict:
        """Binary cross-entropy over clips or over steps; logits are (S, K) of each clip."""
        if self.loss == "frame":
            return super().losses(logits, batched_inputs)
        losses = {}
        if self.loss == "both":
            losses["loss_frame"] = self.strong_loss(logits, batched_inputs)
        targets = clip_targets(batched_inputs, self.num_classes)
        logits = torch.stack([clip.amax(0) for clip in logits])
        losses["loss_clip"] = F.binary_cross_entropy_with_logits(logits, targets.to(logits))
        return losses
