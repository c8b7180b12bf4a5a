"""ResNet-FPNs that detectron2 does not build: shorter ones, and one whose maps run over time alone.

Shape shorthand: N clips, H mel bands, T frames, S time steps (8 frames each), C channels.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from detectron2.modeling.backbone.fpn import FPN, LastLevelMaxPool
from detectron2.modeling.backbone.resnet import build_resnet_backbone
from torch import nn
from torch.nn import functional as F

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import MelBackbone
from audiodet.modeling.backbones.precision import computing_in
from audiodet.modeling.clip_input import equally_long

STRIDE = 8  # frames per time step


@BACKBONE_REGISTRY.register()
def build_short_resnet_fpn_backbone(cfg, input_shape: ShapeSpec) -> FPN:
    """detectron2's ResNet-FPN, whose last level follows from the last of ``MODEL.FPN.IN_FEATURES``.

    Its own builder always takes p5, so a ResNet without res5 cannot have one.
    """
    bottom_up = build_resnet_backbone(cfg, input_shape)
    in_features = cfg.MODEL.FPN.IN_FEATURES
    top = LastLevelMaxPool()
    top.in_feature = in_features[-1].replace("res", "p")
    how = {"norm": cfg.MODEL.FPN.NORM, "fuse_type": cfg.MODEL.FPN.FUSE_TYPE, "top_block": top}
    return FPN(bottom_up, in_features, cfg.MODEL.FPN.OUT_CHANNELS, **how)


class TimeFPN(MelBackbone):
    """(N, 1, H, T) -> {"time": (N, 2U, 1, S)}: a ResNet-FPN collapsed to time, and a BiGRU.

    All levels are brought to the steps of 8 frames, finer ones by their maximum, coarser ones by
    repetition; bands and levels become channels, as the bands do in R-CRNN's own CNN.
    """

    def __init__(self, fpn: FPN, n_mels: int, units: int, precision: str = "float32"):
        """
        Args:
            units: U of the GRU, a direction.

        Raises:
            ConfigError: the bands are no multiple of the FPN's coarsest stride.
        """
        super().__init__(n_mels, precision)
        self.divisor = fpn.size_divisibility
        if n_mels % self.divisor:
            raise ConfigError(
                f"INPUT.SPECTROGRAM.N_MELS is {n_mels}, expected a multiple of {self.divisor}"
            )
        self.fpn = fpn
        channels = 0
        for shape in fpn.output_shape().values():
            channels += shape.channels * max(1, n_mels // shape.stride)
        self.rnn = nn.GRU(channels, units, batch_first=True, bidirectional=True)
        self.shapes = {"time": ShapeSpec(channels=2 * units, stride=STRIDE)}
        self.to(memory_format=torch.channels_last)

    @staticmethod
    def steps(frames: int) -> int:
        """Time steps S of a clip of ``frames`` frames."""
        return -(-frames // STRIDE)

    def forward(self, x: torch.Tensor, lengths=None) -> dict:
        """See :mod:`audiodet.modeling.backbones.batches`; clips of one length go together."""
        x = self.checked(x)
        if lengths is None:
            return {"time": self._of_one_length(x)}
        steps = self.steps(x.shape[-1])
        channels = self.shapes["time"].channels
        features = x.new_zeros(len(x), channels, 1, steps, dtype=torch.float32)
        for frames, members in equally_long(lengths):
            found = self._of_one_length(x[members, ..., :frames])
            features[members, ..., : found.shape[-1]] = found
        return {"time": features}

    def _of_one_length(self, x):
        steps = self.steps(x.shape[-1])
        x = F.pad(x, (0, -x.shape[-1] % self.divisor))
        with computing_in(self.precision, x):
            levels = self.fpn(x)
        collapsed = [self._on_steps(x.float(), x.shape[-1], steps) for x in levels.values()]
        sequence = torch.cat(collapsed, 1).transpose(1, 2)  # (N, S, C)
        with torch.autocast(x.device.type, enabled=False):
            sequence = self.rnn(sequence)[0]
        return sequence.transpose(1, 2).unsqueeze(2)

    @staticmethod
    def _on_steps(level, width: int, steps: int):
        """A level (N, C, H', T') -> (N, C H', S)."""
        level = level.flatten(1, 2)
        if width >= steps:
            stride = max(1, round(width / steps))
            return F.max_pool1d(level, stride, ceil_mode=True)[..., :steps]
        repeats = -(-steps // width)
        factor = 1 << (repeats - 1).bit_length()  # strides are powers of two
        return level.repeat_interleave(factor, -1)[..., :steps]


@BACKBONE_REGISTRY.register()
def build_time_fpn_backbone(cfg, input_shape: ShapeSpec) -> TimeFPN:
    """From ``MODEL.RESNETS``, ``MODEL.FPN`` and ``MODEL.CRNN.UNITS``; one channel comes in."""
    fpn = build_short_resnet_fpn_backbone(cfg, ShapeSpec(channels=1))
    units = cfg.MODEL.CRNN.UNITS
    precision = cfg.MODEL.BACKBONE.PRECISION
    return TimeFPN(fpn, cfg.INPUT.SPECTROGRAM.N_MELS, units, precision)
