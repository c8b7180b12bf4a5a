"""The pre-activation ResNet with a self-mask module of Kiyokawa et al. (DCASE 2019 Task 4).

Shape shorthand: N clips, H mel bands, T frames, S cells of 8 frames, C channels, M maps.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from torch import nn
from torch.nn import functional as F

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import MelBackbone
from audiodet.modeling.backbones.precision import computing_in

STRIDES = (1, 1, 2, 2)  # of the four base blocks; the pool after the stem halves once more
STRIDE = 8  # frames per cell
REDUCTION = 16  # of the squeeze-and-excitation layers


class SqueezeExcitation(nn.Module):
    """Scales each channel by a function of all channels' means (Hu et al. 2018)."""

    def __init__(self, channels: int):
        super().__init__()
        hidden = max(1, channels // REDUCTION)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x):
        scale = self.excite(torch.relu(self.squeeze(x.mean((2, 3))))).sigmoid()
        return x * scale[:, :, None, None]


class PreActivationBlock(nn.Module):
    """Batch norm, ReLU, 3x3 convolution, twice; squeeze and excitation; the shortcut added.

    ``project`` makes the shortcut a 1x1 convolution with batch norm.
    """

    def __init__(self, channels_in: int, channels: int, stride: int, project: bool):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.attention = SqueezeExcitation(channels)
        self.stride = stride
        self.shortcut = nn.Identity()
        if project:
            convolution = nn.Conv2d(channels_in, channels, 1, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.conv1(torch.relu(self.norm1(x)))
        y = self.conv2(torch.relu(self.norm2(y)))
        # The stride by slicing: on a CPU the gradient of a strided 1x1 convolution of few channels
        # in channels_last writes beyond its memory (torch 2.x with oneDNN).
        return self.attention(y) + self.shortcut(x[:, :, :: self.stride, :: self.stride])


class FeedForward(nn.Module):
    """Two 3x3 convolutions with batch norm and ReLU between; the shortcut added.

    The shortcut is a 1x1 convolution where the number of channels changes.
    """

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, channels_in, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_in),
            nn.ReLU(),
            nn.Conv2d(channels_in, channels, 3, padding=1),
        )
        self.shortcut = nn.Identity()
        if channels != channels_in:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False)

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


class SelfMask(nn.Sequential):
    """(N, C, H', T') -> logits of the mask M^R, (N, M, H', T').

    "Two feedforward neural networks with shortcut connections"; their layers are in a figure
    without numbers.
    """

    def __init__(self, channels: int, maps: int):
        super().__init__(FeedForward(channels, channels), nn.ReLU(), FeedForward(channels, maps))


class SelfMaskResNet(MelBackbone):
    """(N, 1, H, T) -> {"time": (N, C, 1, S), "mask": (N, M, H / 2, T / 2)}.

    Stem (3x3 convolution, batch norm, ReLU, max pool) -> M^a; the mask M^R = sigmoid("mask")
    multiplies it; four base blocks of two pre-activation blocks each; the mean over what is left
    of the bands. 128 bands and 1,024 frames give 128 cells. Without a mask module there is no
    "mask"; a mask of ones gives the same "time".
    """

    def __init__(self, n_mels: int, *, stem, widths, maps, precision="float32"):
        """
        Args:
            stem: channels of the stem.
            widths: channels of the four base blocks.
            maps: M; 1, or ``stem`` for a mask of each channel, or 0 for no mask module.

        Raises:
            ConfigError: other numbers of maps or widths.
        """
        super().__init__(n_mels, precision)
        if maps not in (0, 1, stem):
            raise ConfigError(
                f"MODEL.SELF_MASK.MAPS is {maps}, expected 0, 1 or {stem} (the stem's)"
            )
        if len(widths) != len(STRIDES):
            raise ConfigError(f"MODEL.SELF_MASK.WIDTHS is {list(widths)}, expected {len(STRIDES)}")
        self.convolution = nn.Conv2d(1, stem, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(stem)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.mask = SelfMask(stem, maps) if maps else None
        blocks = []
        channels = stem
        for width, stride in zip(widths, STRIDES):
            blocks.append(PreActivationBlock(channels, width, stride, project=True))
            blocks.append(PreActivationBlock(width, width, stride=1, project=False))
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.shapes = {"time": ShapeSpec(channels=channels, stride=STRIDE)}
        self.to(memory_format=torch.channels_last)

    @staticmethod
    def steps(frames: int) -> int:
        """Cells of a clip of ``frames`` frames."""
        return (frames + STRIDE - 1) // STRIDE  # as a tracer divides, too

    def forward(self, x: torch.Tensor, lengths=None) -> dict:
        """(N, 1, H, T), normalised, clips of one length: squeeze and excitation sees whole clips.

        Clips of several lengths go through in groups (:meth:`ClipInput.groups`).
        """
        x = self.checked(x)
        features = {}
        with computing_in(self.precision, x):
            x = self.pool(torch.relu(self.norm(self.convolution(x))))  # M^a
            if self.mask is not None:
                features["mask"] = self.mask(x).float()
                x = x * features["mask"].sigmoid().to(x)
            x = self.blocks(x)
        features["time"] = x.float().mean(2, keepdim=True)  # (N, C, H / 8, S) -> (N, C, 1, S)
        return features


def pooled(x: torch.Tensor, frames: int) -> torch.Tensor:
    """Maximum over all channels and bands and every ``frames`` frames: (N, C, H, T) -> (N, S)."""
    return F.max_pool1d(x.amax((1, 2))[:, None], frames, ceil_mode=True)[:, 0]


@BACKBONE_REGISTRY.register()
def build_self_mask_backbone(cfg, input_shape: ShapeSpec) -> SelfMaskResNet:
    """From ``INPUT.SPECTROGRAM.N_MELS``, ``MODEL.SELF_MASK`` and ``MODEL.BACKBONE.PRECISION``."""
    mask = cfg.MODEL.SELF_MASK
    return SelfMaskResNet(
        cfg.INPUT.SPECTROGRAM.N_MELS,
        stem=mask.STEM,
        widths=mask.WIDTHS,
        maps=mask.MAPS,
        precision=cfg.MODEL.BACKBONE.PRECISION,
    )
