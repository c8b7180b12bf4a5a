"""1D-CRNN (Lim et al. 2017): one convolution over the bands of a frame, then LSTM layers.

Shape shorthand: N clips, H mel bands, T frames, C channels.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from torch import nn

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import MelBackbone
from audiodet.modeling.backbones.precision import computing_in


class BandCRNN(MelBackbone):
    """(N, 1, H, T) -> {"time": (N, C, 1, T)}: of each map its maximum over the bands, then LSTMs.

    They run forward in time, so what follows a clip's end changes nothing before it.
    """

    def __init__(self, n_mels, maps, height, layers, units, dropout, precision="float32"):
        """
        Args:
            height: bands of a filter.
            layers, units: of the LSTM.
        """
        if height > n_mels:
            raise ConfigError(
                f"INPUT.SPECTROGRAM.N_MELS is {n_mels}, expected at least the {height} bands of "
                "MODEL.FRAME_STACK.KERNEL"
            )
        super().__init__(n_mels, precision)
        self.convolution = nn.Conv2d(1, maps, (height, 1))
        self.norm = nn.BatchNorm2d(maps)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.LSTM(maps, units, layers, batch_first=True, dropout=dropout)
        self.shapes = {"time": ShapeSpec(channels=units, stride=1)}
        self.to(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor, lengths=None) -> dict:
        x = self.checked(x)
        with computing_in(self.precision, x):
            x = torch.relu(self.norm(self.convolution(x))).amax(2)
        x = self.recurrent(self.dropout(x.float()).transpose(1, 2))[0]  # (N, T, C)
        return {"time": x.transpose(1, 2).unsqueeze(2)}


@BACKBONE_REGISTRY.register()
def build_1d_crnn_backbone(cfg, input_shape: ShapeSpec) -> BandCRNN:
    """From MAPS, KERNEL, RNN_LAYERS, RNN_UNITS and DROPOUT of ``MODEL.FRAME_STACK``."""
    sizes = cfg.MODEL.FRAME_STACK
    return BandCRNN(
        cfg.INPUT.SPECTROGRAM.N_MELS,
        sizes.MAPS,
        sizes.KERNEL[0],
        sizes.RNN_LAYERS,
        sizes.RNN_UNITS,
        sizes.DROPOUT,
        cfg.MODEL.BACKBONE.PRECISION,
    )
