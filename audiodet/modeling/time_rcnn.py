"""What the region detectors share: detectron2's GeneralizedRCNN over clips.

Shape shorthand: N clips, H mel bands, T frames, C channels.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import GeneralizedRCNN
from detectron2.structures import ImageList

from audiodet.config import with_class_counts
from audiodet.errors import ConfigError
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.hooks.registry import build_postprocessors
from audiodet.modeling.intervals import as_truth
from audiodet.modeling.logged import logging_together
from audiodet.modeling.model import SEDModel
from audiodet.modeling.time_heads import BatchedBoxHeads
from audiodet.modeling.time_rpn import TimeRPN


class TimeRCNN(SEDModel, GeneralizedRCNN):
    """Backbone, proposals and RoI heads, then the hooks of ``MODEL.POSTPROCESSORS``.

    Input: dicts with "image" (1, H, T), an un-normalised log-mel, and for training "instances"
    whose ``gt_boxes`` are in frames. Output: [{"instances"}], boxes scaled to the "width" of the
    input dict, which is in seconds.
    """

    has_proposals = True

    @configurable
    def __init__(self, *, clip_input: ClipInput, postprocessors=(), **kwargs):
        """The ``postprocessors`` act in turn at inference, see :class:`Postprocessor`."""
        super().__init__(**kwargs)
        self.clip_input = clip_input
        self.postprocessors = list(postprocessors)

    @classmethod
    def from_config(cls, cfg):
        parts = cls._detectron2_parts(with_time_rpn(with_class_counts(cfg)))
        return {
            **parts,
            "clip_input": ClipInput.from_config(cfg, parts["backbone"].size_divisibility),
            "postprocessors": build_postprocessors(cfg),
            "pixel_mean": [0.0],
            "pixel_std": [1.0],
        }

    @classmethod
    def _detectron2_parts(cls, cfg):
        """See :meth:`GeneralizedRCNN.from_config`; ConfigError for a map that there is not."""
        wanted = {*cfg.MODEL.RPN.IN_FEATURES, *cfg.MODEL.ROI_HEADS.IN_FEATURES}
        try:
            return super().from_config(cfg)
        except KeyError as error:
            if error.args[0] not in wanted:
                raise
            raise ConfigError(
                f"MODEL.BACKBONE.NAME is {cfg.MODEL.BACKBONE.NAME!r}, expected one that has the "
                f"map {error} of MODEL.RPN.IN_FEATURES and MODEL.ROI_HEADS.IN_FEATURES"
            ) from error

    def preprocess_image(self, batched_inputs) -> ImageList:
        return self.clip_input(batched_inputs, self.device)

    def features(self, images: ImageList) -> dict:
        """The backbone's maps of a padded batch."""
        return self.backbone(images.tensor)

    def features_by_length(self, images: ImageList):
        """Yield (members, ImageList, features) of all clips that are equally long.

        A clip's events then do not depend on what it shares a batch with.
        """
        for members, group in self.clip_input.groups(images):
            yield members, group, self.features(group)

    def forward(self, batched_inputs):
        """Losses in training, see :meth:`GeneralizedRCNN.forward`."""
        if not self.training:
            return self.inference(batched_inputs)
        images = self.preprocess_image(batched_inputs)
        truth = [x["instances"] for x in batched_inputs]
        if self.is_batched:
            truth = as_truth(truth, self.device)
        else:
            truth = [x.to(self.device) for x in truth]
        with logging_together():
            features = self.features(images)
            proposals, losses = self.proposal_generator(images, features, truth)
            _, detector_losses = self.roi_heads(images, features, proposals, truth)
        return {**losses, **detector_losses}

    @property
    def is_batched(self) -> bool:
        """Whether proposals and heads take a batch at once."""
        heads = isinstance(self.roi_heads, BatchedBoxHeads)
        return heads and self.roi_heads.is_plain and isinstance(self.proposal_generator, TimeRPN)

    def propose(self, batched_inputs) -> list:
        images = self.preprocess_image(batched_inputs)
        return list(self.proposal_generator(images, self.features(images), None)[0])

    @torch.no_grad()
    def inference(self, batched_inputs, do_postprocess: bool = True) -> list:
        """[{"instances"}]; without ``do_postprocess`` the Instances, boxes in frames."""
        images = self.preprocess_image(batched_inputs)
        results = [None] * len(batched_inputs)
        for members, group, features in self.features_by_length(images):
            proposals, _ = self.proposal_generator(group, features, None)
            detections, _ = self.roi_heads(group, features, proposals, None)
            for i, result in zip(members, detections):
                results[i] = result
        for hook in self.postprocessors:
            results = hook(batched_inputs, results)
        if do_postprocess:
            return self._postprocess(results, batched_inputs, images.image_sizes)
        return results


def with_time_rpn(cfg):
    """The configuration with :class:`TimeRPN`, where detectron2's RPN would do the same slower."""
    rpn = cfg.MODEL.RPN
    plain = rpn.BOUNDARY_THRESH < 0 and rpn.BBOX_REG_LOSS_TYPE == "smooth_l1"
    named = (cfg.MODEL.PROPOSAL_GENERATOR.NAME, cfg.MODEL.ANCHOR_GENERATOR.NAME)
    if named != ("RPN", "TimeAnchorGenerator") or not plain:
        return cfg
    cfg = cfg.clone()
    cfg.defrost()
    cfg.MODEL.PROPOSAL_GENERATOR.NAME = "TimeRPN"
    cfg.freeze()
    return cfg
