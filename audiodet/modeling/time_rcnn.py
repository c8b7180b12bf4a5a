"""The region detectors R-CRNN and AudioMask: detectron2's GeneralizedRCNN over clips.

Shape shorthand: N clips, H mel bands, T frames, C channels.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, GeneralizedRCNN
from detectron2.structures import ImageList

from audiodet.config import with_class_counts
from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import check_precision, computing_in
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.hooks.registry import build_postprocessors
from audiodet.modeling.model import SEDModel


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
        parts = super().from_config(with_class_counts(cfg))
        return {
            **parts,
            "clip_input": ClipInput.from_config(cfg, parts["backbone"].size_divisibility),
            "postprocessors": build_postprocessors(cfg),
            "pixel_mean": [0.0],
            "pixel_std": [1.0],
        }

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
        truth = [x["instances"].to(self.device) for x in batched_inputs]
        features = self.features(images)
        proposals, losses = self.proposal_generator(images, features, truth)
        _, detector_losses = self.roi_heads(images, features, proposals, truth)
        return {**losses, **detector_losses}

    def propose(self, batched_inputs) -> list:
        images = self.preprocess_image(batched_inputs)
        return self.proposal_generator(images, self.features(images), None)[0]

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


@META_ARCH_REGISTRY.register()
class RCRNN(TimeRCNN):
    """CRNN backbone, 1-D RPN, 1-D RoI heads (Kao et al., Interspeech 2018)."""

    def features(self, images: ImageList) -> dict:
        """Features of a padded batch; what follows a clip's end is masked."""
        return self.backbone(images.tensor, ClipInput.lengths(images))

    def features_by_length(self, images: ImageList):
        """The backbone runs once over the batch; only the light heads run on groups."""
        features = self.features(images)
        for members, group in self.clip_input.groups(images):
            steps = self.backbone.steps(int(group.image_sizes[0][1]))
            chosen = features
            if len(members) < len(images):
                chosen = {name: x[members, ..., :steps] for name, x in features.items()}
            yield members, group, chosen


@META_ARCH_REGISTRY.register()
class AudioMask(TimeRCNN):
    """Time anchors on a ResNet-FPN (Nasiri et al., ICTAI 2019).

    The paper trains a Mask R-CNN whose proposals span all mel bands; its mask branch is not used
    there, and there is none here. The verifier and its fusion are a hook, see
    :mod:`audiodet.modeling.hooks.fusion`. With detectron2's own anchors and heads instead of
    ``time_boxes`` pieces it is a stock Faster R-CNN on the same spectrograms.
    """

    @configurable
    def __init__(self, *, precision: str, **kwargs):
        """``precision`` of the backbone is "float32" or "bfloat16"."""
        super().__init__(**kwargs)
        self.precision = check_precision(precision)
        self.backbone.to(memory_format=torch.channels_last)

    @classmethod
    def from_config(cls, cfg):
        parts = super().from_config(cfg)
        bands = cfg.INPUT.SPECTROGRAM.N_MELS
        divisor = parts["backbone"].size_divisibility
        if bands % divisor:
            raise ConfigError(
                f"INPUT.SPECTROGRAM.N_MELS is {bands}, AudioMask expects a multiple of {divisor}"
            )
        return {**parts, "precision": cfg.MODEL.BACKBONE.PRECISION}

    def features(self, images: ImageList) -> dict:
        """The FPN's maps, float32: {"p2": (N, C, H / 4, T / 4), ...}."""
        x = images.tensor.contiguous(memory_format=torch.channels_last)
        with computing_in(self.precision, x):
            features = self.backbone(x)
        return {name: x.float() for name, x in features.items()}
