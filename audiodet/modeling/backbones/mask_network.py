"""The segmentation mapping of Kong et al. 2019: convolutions that keep every bin.

Shape shorthand: N clips, H mel bands, T frames, C channels.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from torch import nn

from audiodet.modeling.backbones.batches import MelBackbone, zero_beyond
from audiodet.modeling.backbones.precision import computing_in


class MaskNetwork(MelBackbone):
    """3x3 convolutions without bias, batch norm and ReLU: (N, 1, H, T) -> {"bins": (N, C, H, T)}.

    VGG-like without a layer that pools, so any number of bands fits.
    """

    def __init__(self, maps, precision: str = "float32"):
        """``maps`` are the feature maps of each convolution."""
        super().__init__(None, precision)
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        channels = 1
        for count in maps:
            self.convolutions.append(nn.Conv2d(channels, count, 3, padding=1, bias=False))
            self.norms.append(nn.BatchNorm2d(count))
            channels = count
        self.shapes = {"bins": ShapeSpec(channels=channels, stride=1)}
        self.to(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor, lengths=None) -> dict:
        mask = zero_beyond(lengths)
        x = self.checked(x)
        with computing_in(self.precision, x):
            for convolution, norm in zip(self.convolutions, self.norms):
                x = mask(torch.relu(norm(convolution(x))))
        return {"bins": x.float()}


@BACKBONE_REGISTRY.register()
def build_mask_network_backbone(cfg, input_shape: ShapeSpec) -> MaskNetwork:
    """From ``MODEL.TFSEG.MAPS`` and ``MODEL.BACKBONE.PRECISION``."""
    return MaskNetwork(cfg.MODEL.TFSEG.MAPS, cfg.MODEL.BACKBONE.PRECISION)
