"""detectron2's own architectures as systems: Faster and Cascade R-CNN, RetinaNet, FCOS, a user's.

Shape shorthand: N clips, C channels, H mel bands, T frames.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, GeneralizedRCNN, build_backbone
from detectron2.modeling import build_model as build_registered
from detectron2.modeling.meta_arch import fcos
from torch import nn

from audiodet.config import with_class_counts
from audiodet.errors import ConfigError
from audiodet.modeling.clip_input import ClipInput, equally_long
from audiodet.modeling.hooks.registry import build_postprocessors
from audiodet.modeling.model import SEDModel, system_class

# Of detectron2's registry: they learn from pixel labels, or name no classes.
NO_DETECTORS = ("PanopticFPN", "ProposalNetwork", "SemanticSegmentor")


def build_model(cfg) -> nn.Module:
    """The system that ``MODEL.META_ARCHITECTURE`` names, on ``MODEL.DEVICE``.

    detectron2's ``build_model``, except that heads have the classes of DATASETS.LABELS whatever
    the configuration says, and that an architecture which is no :class:`SEDModel` becomes a
    :class:`StockDetector`.

    Raises:
        ConfigError: no such architecture, or one that does not detect boxes.
    """
    system = system_class(cfg)
    if cfg.MODEL.META_ARCHITECTURE in NO_DETECTORS:
        raise ConfigError(
            f"MODEL.META_ARCHITECTURE is {cfg.MODEL.META_ARCHITECTURE!r}, which cannot learn from "
            "events, expected a detector of boxes such as GeneralizedRCNN, RetinaNet or FCOS"
        )
    if isinstance(system, type) and issubclass(system, SEDModel):
        return build_registered(with_class_counts(cfg))
    return StockDetector.from_config(cfg)


class StockDetector(SEDModel, nn.Module):
    """An image detector whose images are log-mels.

    A log-mel is normalised by :class:`ClipInput` and repeated over the channels that
    MODEL.PIXEL_MEAN has (1 or 3); the values of PIXEL_MEAN and PIXEL_STD are not used. Input and
    output are those of every system; events are boxes whose height is learned too, and ignored.
    """

    def __init__(self, detector: nn.Module, clip_input: ClipInput, channels=3, postprocessors=()):
        """
        Args:
            detector: takes dicts with "image" (C, H, T), padding it itself, and returns losses, or
                [{"instances"}] with boxes in the unit of the dict's "width", or else in frames.
        """
        super().__init__()
        self.detector = detector
        self.clip_input = clip_input
        self.channels = channels
        self.postprocessors = list(postprocessors)

    @classmethod
    def from_config(cls, cfg) -> "StockDetector":
        """The registered architecture of a configuration, in this frame."""
        channels = len(cfg.MODEL.PIXEL_MEAN)
        plain = with_class_counts(cfg)
        plain.defrost()
        plain.MODEL.RETINANET.NUM_CLASSES = len(cfg.DATASETS.LABELS)
        plain.MODEL.PIXEL_MEAN = [0.0] * channels
        plain.MODEL.PIXEL_STD = [1.0] * channels
        plain.VIS_PERIOD = 0  # it would draw decibels as bytes
        detector = build_registered(plain)
        model = cls(detector, ClipInput.from_config(cfg), channels, build_postprocessors(cfg))
        return model.to(cfg.MODEL.DEVICE)

    @property
    def has_backbone(self) -> bool:
        return "backbone" in dict(self.detector.named_children())

    @property
    def backbone(self) -> nn.Module:
        """The detector's."""
        return self.detector.backbone

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def forward(self, batched_inputs):
        """Losses in training, [{"instances"}] in eval mode; see :mod:`audiodet.modeling.model`."""
        if not self.training:
            return self.inference(batched_inputs)
        return self.detector([self._as_image(clip) for clip in batched_inputs])

    @torch.no_grad()
    def inference(self, batched_inputs) -> list:
        """See :meth:`forward`. A clip's events do not depend on what it shares a batch with."""
        results = [None] * len(batched_inputs)
        for _, members in equally_long(clip["image"].shape[-1] for clip in batched_inputs):
            outputs = self.detector([self._as_image(batched_inputs[i]) for i in members])
            for i, output in zip(members, outputs):
                results[i] = output["instances"]
        for hook in self.postprocessors:
            results = hook(batched_inputs, results)
        sizes = [result.image_size for result in results]
        return GeneralizedRCNN._postprocess(results, batched_inputs, sizes)

    def _as_image(self, clip: dict) -> dict:
        """An input dict whose image has C channels, and whose boxes shall stay in frames."""
        log_mel = self.clip_input.normalizer(clip["image"].to(self.device))
        image = {"image": log_mel.expand(self.channels, -1, -1)}
        if "instances" in clip:
            image["instances"] = clip["instances"]
        return image


@META_ARCH_REGISTRY.register()
class FCOS(fcos.FCOS):
    """detectron2's FCOS, which it has for LazyConfig only, by the keys of MODEL.RETINANET.

    Unlike that one's backbone, ``build_retinanet_resnet_fpn_backbone`` makes p6 of res5, not of p5.
    """

    @configurable
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    @classmethod
    def from_config(cls, cfg):
        keys = cfg.MODEL.RETINANET
        backbone = build_backbone(cfg)
        shapes = [backbone.output_shape()[name] for name in keys.IN_FEATURES]
        head = fcos.FCOSHead(
            input_shape=shapes,
            num_classes=keys.NUM_CLASSES,
            conv_dims=[shapes[0].channels] * keys.NUM_CONVS,
            prior_prob=keys.PRIOR_PROB,
            norm=keys.NORM,
        )
        return {
            "backbone": backbone,
            "head": head,
            "head_in_features": keys.IN_FEATURES,
            "num_classes": keys.NUM_CLASSES,
            "focal_loss_alpha": keys.FOCAL_LOSS_ALPHA,
            "focal_loss_gamma": keys.FOCAL_LOSS_GAMMA,
            "test_score_thresh": keys.SCORE_THRESH_TEST,
            "test_topk_candidates": keys.TOPK_CANDIDATES_TEST,
            "test_nms_thresh": keys.NMS_THRESH_TEST,
            "max_detections_per_image": cfg.TEST.DETECTIONS_PER_IMAGE,
            "pixel_mean": cfg.MODEL.PIXEL_MEAN,
            "pixel_std": cfg.MODEL.PIXEL_STD,
        }
