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
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.frame_events import clip_targets


@META_ARCH_REGISTRY.register()
class SequenceTagger(FrameClassifier):
    """Backbone and one linear layer per time step; the clip's score is the maximum over time.

    The paper does not describe its pre-training head; this one serves clips and steps alike.
    The loss is taken over clip labels ("clip"), over steps ("frame"), or over the clip labels of
    all clips and the steps of those whose labels have times ("both").
    """

    @configurable
    def __init__(self, *, backbone, loss, pool_features=False, sequence=0, **kwargs):
        """
        Args:
            loss: see the class.
            pool_features: a clip's logits are those of the maximum of its features over time.
            sequence: frames of the parts that a clip goes through in at inference; 0 for whole.
        """
        if loss not in ("clip", "frame", "both"):
            raise ConfigError(f"MODEL.TAGGER.LOSS is {loss!r}, expected 'clip', 'frame' or 'both'")
        if pool_features and loss != "clip":
            raise ConfigError(
                f"MODEL.TAGGER.POOL_FEATURES is True with LOSS {loss!r}, expected 'clip'"
            )
        ((feature, shape),) = backbone.output_shape().items()
        if sequence % shape.stride:
            raise ConfigError(
                f"INPUT.SEQUENCE.FRAMES is {sequence}, expected a multiple of {shape.stride}, the "
                "frames of a time step"
            )
        super().__init__(stride=shape.stride, **kwargs)
        self.pool_features = pool_features
        self.sequence = sequence
        self.backbone = backbone
        self.loss = loss
        self.feature = feature
        self.classifier = nn.Linear(shape.channels, self.num_classes)
        if hasattr(backbone, "initialize"):  # its paper's scheme is that of every layer
            self.classifier.apply(backbone.initialize)

    @classmethod
    def from_config(cls, cfg):
        backbone = build_backbone(cfg)
        return {
            **cls.shared_config(cfg, backbone.size_divisibility),
            "backbone": backbone,
            "loss": cfg.MODEL.TAGGER.LOSS,
            "pool_features": cfg.MODEL.TAGGER.POOL_FEATURES,
            "sequence": cfg.INPUT.SEQUENCE.FRAMES * cfg.INPUT.SEQUENCE.AT_TEST,
            "offset": cfg.MODEL.ANCHOR_GENERATOR.OFFSET,
        }

    @classmethod
    def label_kinds(cls, cfg) -> LabelKinds:
        """Strong clips; weak ones too where a loss is taken over clip labels."""
        if cfg.MODEL.TAGGER.LOSS == "both":
            return LabelKinds(("strong", "weak"), ignored=("unlabelled",), apart=True)
        learns_clips = cfg.MODEL.TAGGER.LOSS == "clip"
        return LabelKinds(("strong", "weak") if learns_clips else ("strong",))

    def step_features(self, batched_inputs) -> list:
        """Input dicts -> the (S, C) features of each clip."""
        images = self.clip_input(batched_inputs, self.device)
        if self.sequence and not self.training:
            features = self._in_sequences(images)
        else:
            features = self.backbone(images.tensor, ClipInput.lengths(images))[self.feature]
        steps = [self.backbone.steps(int(size[1])) for size in images.image_sizes]
        return [clip[:, 0, :n].T for clip, n in zip(features, steps)]

    def _in_sequences(self, images) -> list:
        """(C, 1, S) of each clip; no sequence knows of the one before."""
        features = [None] * len(images)
        for members, group in self.clip_input.groups(images):
            frames = int(group.image_sizes[0][1])
            parts = []
            for first in range(0, frames, self.sequence):
                part = group.tensor[..., first : min(first + self.sequence, frames)]
                parts.append(self.backbone(part)[self.feature])
            for i, clip in zip(members, torch.cat(parts, -1)):
                features[i] = clip
        return features

    def step_logits(self, batched_inputs) -> list:
        return [self.classify(clip[None])[0] for clip in self.step_features(batched_inputs)]

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        """(N, S, C) -> logits (N, S, K)."""
        return self.classifier(features)

    def forward(self, batched_inputs):
        if not (self.training and self.pool_features):
            return super().forward(batched_inputs)
        features = self.step_features(batched_inputs)
        logits = self.classifier(torch.stack([clip.amax(0) for clip in features]))
        return {"loss_clip": self._clip_loss(logits, batched_inputs)}

    def class_maps(self, batched_inputs) -> list:
        """See :meth:`FrameClassifier.class_maps`; with pooled features also the clip's scores."""
        if not self.pool_features:
            return super().class_maps(batched_inputs)
        maps = []
        for features in self.step_features(batched_inputs):
            tags = self.classifier(features.amax(0)).sigmoid()
            maps.append((self.classifier(features).sigmoid().T, tags))
        return maps

    def from_maps(self, scores, *tags_and_clip) -> dict:
        *tags, clip = tags_and_clip
        output = super().from_maps(scores, clip)
        if tags:
            output["clip_scores"] = tags[0]
        return output

    def undecided(self, scores, *tags) -> tuple:
        return super().undecided(scores)

    def batch_logits(self, x: torch.Tensor, lengths=None) -> torch.Tensor:
        """Normalised clips (N, 1, H, T), and the frames of each where they differ -> (N, S, K)."""
        features = self.backbone(x, lengths)[self.feature]
        return self.classify(features.squeeze(2).transpose(1, 2))  # (N, C, 1, S) -> (N, S, C)

    def clip_maps(self, x: torch.Tensor) -> dict:
        if not self.sequence:
            return {"scores": self.batch_logits(x)[0].sigmoid()}
        whole = (
            torch.as_tensor(x.shape[-1]) - 1
        ) // self.sequence  # and one of 1 to that many frames
        longer = F.pad(x, (0, self.sequence))[..., : (whole + 1) * self.sequence]
        parts = longer[0].unflatten(-1, (-1, self.sequence)).movedim(2, 0)  # (W + 1, 1, H, L)
        firsts = self.batch_logits(parts)[:-1].flatten(0, 1)
        last = self.batch_logits(x[..., whole * self.sequence :])[0]
        return {"scores": torch.cat([firsts, last]).sigmoid()}

    def losses(self, logits, batched_inputs) -> dict:
        """Binary cross-entropy over clips or over steps; logits are (S, K) of each clip."""
        if self.loss == "frame":
            return super().losses(logits, batched_inputs)
        losses = {}
        if self.loss == "both":
            losses["loss_frame"] = self.strong_loss(logits, batched_inputs)
        logits = torch.stack([clip.amax(0) for clip in logits])
        losses["loss_clip"] = self._clip_loss(logits, batched_inputs)
        return losses

    def _clip_loss(self, logits, batched_inputs):
        targets = clip_targets(batched_inputs, self.num_classes)
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits))
