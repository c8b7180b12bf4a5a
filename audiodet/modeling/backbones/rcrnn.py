"""R-CRNN's feature extractor: a small ResNet and a recurrent layer (paper section 2.1, Table 1).

Shape shorthand: N clips, H mel bands, T frames, S time steps (8 frames each), C channels.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import MelBackbone, zero_beyond
from audiodet.modeling.backbones.precision import computing_in

STRIDE = 8  # frames per time step
MIN_FRAMES = 11  # fewer give no time step: a shorter clip is padded to it


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with bias and batch norm; a 1x1 projection if it strides."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, stride) if stride > 1 else None

    def forward(self, x, mask):
        shortcut = x if self.shortcut is None else self.shortcut(x)
        x = mask(torch.relu(self.norm1(self.conv1(x))))
        return mask(torch.relu(self.norm2(self.conv2(x)) + shortcut))


class ResNetStages(nn.Module):
    """The convolutions: (N, 1, H, T) -> (N, 128, H', S).

    A 7x7 stem and a 3x3 max pool, both stride 2 without padding, then two stages of two residual
    blocks, the second with stride 2. 64 bands and 1,305 frames give (7, 162).
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 64, 7, stride=2)
        self.norm = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, stride=2)
        first_stage = [ResidualBlock(64, 64), ResidualBlock(64, 64)]
        second_stage = [ResidualBlock(64, 128, stride=2), ResidualBlock(128, 128)]
        self.blocks = nn.ModuleList(first_stage + second_stage)

    @staticmethod
    def after_pool(size: int) -> int:
        """Positions along one axis after stem and pool."""
        return ((size - 7) // 2 + 1 - 3) // 2 + 1

    @classmethod
    def output_size(cls, size: int) -> int:
        """Positions along one axis at the end; frames in, time steps out."""
        return (cls.after_pool(size) + 1) // 2

    def forward(self, x: torch.Tensor, lengths=None) -> torch.Tensor:
        """Of each clip with ``lengths`` nothing is left after its end, see :func:`zero_beyond`."""
        x = self.pool(torch.relu(self.norm(self.stem(x))))
        sizes = lengths and [self.after_pool(max(t, MIN_FRAMES)) for t in lengths]
        x = zero_beyond(sizes)(x)
        for block in self.blocks:
            if sizes and block.shortcut is not None:
                sizes = [(s + 1) // 2 for s in sizes]
            x = block(x, zero_beyond(sizes))
        return x


class CRNN(MelBackbone):
    """Spectrogram -> one feature vector per time step: (N, 1, H, T) -> {"time": (N, C, 1, S)}.

    Frequency is flattened into channels (128 x 7 = 896 at 64 bands), then a GRU runs over time.
    C is 2U for "bigru", U for "gru" and 896 for "none" (the three rows of the paper's Table 1).
    """

    min_frames = MIN_FRAMES

    def __init__(self, n_mels: int, rnn: str = "bigru", units: int = 50, precision="float32"):
        bands = ResNetStages.output_size(n_mels)
        if bands < 1:
            raise ConfigError(
                f"INPUT.SPECTROGRAM.N_MELS is {n_mels}: the CRNN backbone needs at least 11 bands"
            )
        if rnn not in ("bigru", "gru", "none"):
            raise ConfigError(f"MODEL.CRNN.RNN is {rnn!r}, expected 'bigru', 'gru' or 'none'")
        super().__init__(n_mels, precision)
        self.cnn = ResNetStages()
        self.rnn = None
        channels = 128 * bands
        if rnn != "none":
            self.rnn = nn.GRU(channels, units, batch_first=True, bidirectional=rnn == "bigru")
            channels = units * (2 if rnn == "bigru" else 1)
        self.shapes = {"time": ShapeSpec(channels=channels, stride=STRIDE)}
        self.to(memory_format=torch.channels_last)

    @staticmethod
    def steps(frames: int) -> int:
        """Time steps S of a clip of ``frames`` frames."""
        return ResNetStages.output_size(max(frames, MIN_FRAMES))

    def forward(self, x: torch.Tensor, lengths=None) -> dict:
        x = self.checked(nn.functional.pad(x, (0, max(0, MIN_FRAMES - x.shape[-1]))))
        with computing_in(self.precision, x):
            x = self.cnn(x, lengths)
        x = x.float().flatten(1, 2).transpose(1, 2)  # (N, 128, H', S) -> (N, S, 128 H')
        if self.rnn is not None:
            with torch.autocast(x.device.type, enabled=False):  # rounding would add up over time
                x = self._recur(x, lengths and [self.steps(t) for t in lengths])
        return {"time": x.transpose(1, 2).unsqueeze(2)}  # (N, S, C) -> (N, C, 1, S)

    def _recur(self, x, steps):
        if steps is None:
            return self.rnn(x)[0]
        packed = pack_padded_sequence(x, steps, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.rnn(packed)[0], True, total_length=x.shape[1])[0]


@BACKBONE_REGISTRY.register()
def build_crnn_backbone(cfg, input_shape: ShapeSpec) -> CRNN:
    """R-CRNN's feature extractor from ``INPUT.SPECTROGRAM.N_MELS`` and ``MODEL.CRNN``."""
    return CRNN(
        cfg.INPUT.SPECTROGRAM.N_MELS,
        cfg.MODEL.CRNN.RNN,
        cfg.MODEL.CRNN.UNITS,
        cfg.MODEL.BACKBONE.PRECISION,
    )
