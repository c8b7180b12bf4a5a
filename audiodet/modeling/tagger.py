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
        images = self.clip_input(batched_inputs, self.device)
        logits = self.batch_logits(images.tensor, ClipInput.lengths(images))
        steps = [self.backbone.steps(int(size[1])) for size in images.image_sizes]
        return [clip[:n] for clip, n in zip(logits, steps)]

    def batch_logits(self, x: torch.Tensor, lengths=None) -> torch.Tensor:
        """Normalised clips (N, 1, H, T), and the frames of each where they differ -> (N, S, K)."""
        features = self.backbone(x, lengths)[self.feature]
        return self.classifier(features.squeeze(2).transpose(1, 2))  # (N, C, 1, S) -> (N, S, K)

    def clip_maps(self, x: torch.Tensor) -> dict:
        """See :meth:`FrameClassifier.clip_maps`."""
        return {"scores": self.batch_logits(x)[0].sigmoid()}

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
