"""Clip-level and frame-level classifiers on a detector's backbone.

Clip-level: R-CRNN's pre-training task (paper, section 3.2). Frame-level: the control that a
region detector must beat, with the same layers and the same data.

Shape shorthand: N clips, S time steps, K classes, C channels.
"""
import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, build_backbone
from detectron2.modeling.postprocessing import detector_postprocess
from torch import nn
from torch.nn import functional as F

from audiodet.errors import ConfigError
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.frame_events import events_from_scores, smooth, step_targets


@META_ARCH_REGISTRY.register()
class SequenceTagger(nn.Module):
    """Backbone and one linear layer per time step; the clip's score is the maximum over time.

    The paper does not describe its pre-training head; this one serves clips and steps alike.

    Training returns one binary cross-entropy: over clip labels ("clip") or over steps ("frame").
    Inference returns per clip "instances" (events in seconds), "frame_scores" (S, K) and
    "clip_scores" (K,).
    """

    @configurable
    def __init__(self, *, backbone, clip_input, num_classes, loss, offset, low, median_frames):
        """
        Args:
            offset: centre of step i is frame (i + offset) * stride.
            low: an event ends where its score falls below this.
            median_frames: width of the median filter over the scores, in frames.
        """
        super().__init__()
        if loss not in ("clip", "frame"):
            raise ConfigError(f"MODEL.TAGGER.LOSS is {loss!r}, expected 'clip' or 'frame'")
        self.backbone, self.clip_input = backbone, clip_input
        self.num_classes, self.loss, self.offset, self.low = num_classes, loss, offset, low
        ((self.feature, shape),) = backbone.output_shape().items()
        self.stride = shape.stride
        self.median_steps = round(median_frames / self.stride)
        self.classifier = nn.Linear(shape.channels, num_classes)

    @classmethod
    def from_config(cls, cfg):
        backbone = build_backbone(cfg)
        rate = cfg.INPUT.AUDIO.SAMPLE_RATE / cfg.INPUT.SPECTROGRAM.HOP
        return {
            "backbone": backbone,
            "clip_input": ClipInput.from_config(cfg, backbone.size_divisibility),
            "num_classes": cfg.MODEL.ROI_HEADS.NUM_CLASSES,
            "loss": cfg.MODEL.TAGGER.LOSS,
            "offset": cfg.MODEL.ANCHOR_GENERATOR.OFFSET,
            "low": cfg.MODEL.TAGGER.LOW_THRESHOLD,
            "median_frames": cfg.MODEL.TAGGER.MEDIAN_SECONDS * rate,
        }

    @property
    def device(self):
        return self.classifier.weight.device

    def forward(self, batched_inputs):
        """See :class:`SequenceTagger`; inputs as for :class:`~audiodet.modeling.rcrnn.RCRNN`."""
        images = self.clip_input(batched_inputs, self.device)
        lengths = ClipInput.lengths(images)
        features = self.backbone(images.tensor, lengths)[self.feature]  # (N, C, 1, S)
        logits = self.classifier(features.squeeze(2).transpose(1, 2))  # (N, S, K)
        steps = [self.backbone.steps(int(size[1])) for size in images.image_sizes]
        logits = [clip[:n] for clip, n in zip(logits, steps)]
        if self.training:
            return self.losses(logits, batched_inputs)
        return [
            self.inference(clip.sigmoid(), size, described)
            for clip, size, described in zip(logits, images.image_sizes, batched_inputs)
        ]

    def losses(self, logits, batched_inputs) -> dict:
        """Binary cross-entropy over clips or over steps; logits are (S, K) of each clip."""
        if self.loss == "clip":
            targets = torch.stack([x["clip_labels"] for x in batched_inputs])
            logits = torch.stack([clip.amax(0) for clip in logits])
        else:
            places = (self.stride, self.offset, self.num_classes)
            targets = torch.cat(
                [step_targets(x["instances"], len(y), *places) for x, y in zip(batched_inputs, logits)]
            )
            logits = torch.cat(logits)
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits))
        return {f"loss_{self.loss}": loss}

    def inference(self, scores, image_size, clip) -> dict:
        """(S, K) step scores of one clip -> events in seconds, frame scores, clip scores."""
        smoothed = smooth(scores.float().cpu().numpy(), self.median_steps)
        events = events_from_scores(smoothed, self.low, self.stride, self.offset, image_size)
        height, width = clip.get("height", image_size[0]), clip.get("width", image_size[1])
        return {
            "instances": detector_postprocess(events, height, width),
            "frame_scores": torch.from_numpy(smoothed),
            "clip_scores": scores.amax(0),
        }
