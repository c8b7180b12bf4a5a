"""AudioMask's region detector: time anchors on a ResNet-FPN (Nasiri et al., ICTAI 2019).

Shape shorthand: N clips, T frames, C channels.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.structures import ImageList

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.frozen_norm import with_constant_norms
from audiodet.modeling.backbones.precision import check_precision, computing_in
from audiodet.modeling.time_rcnn import TimeRCNN


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
        """``precision`` of the backbone: "float32", "bfloat16" or "auto"."""
        super().__init__(**kwargs)
        self.precision = check_precision(precision)
        with_constant_norms(self.backbone).to(memory_format=torch.channels_last)

    @classmethod
    def from_config(cls, cfg):
        parts = super().from_config(cfg)
        bands = cfg.INPUT.SPECTROGRAM.N_MELS
        divisor = parts["backbone"].size_divisibility
        if not divisor:
            raise ConfigError(
                f"MODEL.BACKBONE.NAME is {cfg.MODEL.BACKBONE.NAME!r}, whose maps run over time "
                "alone, expected a ResNet-FPN such as 'build_resnet_fpn_backbone'"
            )
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
