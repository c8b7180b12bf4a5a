"""The frame-level networks of Çakır et al. 2017: CNN, RNN, CRNN and FNN at full time resolution.

Shape shorthand: N clips, H mel bands, T frames, C channels.
"""

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.batches import MelBackbone, zero_beyond
from audiodet.modeling.backbones.precision import computing_in


class FrameStack(MelBackbone):
    """(N, 1, H, T) -> {"time": (N, C, 1, T)}: convolutions, recurrent layers, fully connected ones.

    Each part may be missing (paper, section II-B): CRNN has the first two, CNN the first and the
    last, RNN the last two, FNN the last alone. No layer pools over time. The recurrent layers
    run forward in time, so what follows a clip's end changes nothing before it.
    """

    def __init__(
        self,
        n_mels: int,
        *,
        pools,
        maps,
        kernel,
        rnn_layers,
        rnn_units,
        fc_layers,
        fc_units,
        maxout,
        context,
        dropout,
        fc_norm=False,
        precision="float32",
    ):
        """The arguments are the keys of ``MODEL.FRAME_STACK``, see :mod:`audiodet.config`."""
        super().__init__(n_mels, precision)
        if context % 2 == 0:
            raise ConfigError(f"MODEL.FRAME_STACK.CONTEXT is {context}, expected an odd number")
        self.context = context
        self.convolutions = nn.ModuleList()
        channels = self._add_convolutions(pools, maps, kernel, dropout)
        self.recurrent = nn.ModuleList()
        for _ in range(rnn_layers):
            self.recurrent.append(RecurrentLayer(channels, rnn_units, dropout))
            channels = rnn_units
        self.connected = nn.ModuleList()
        for _ in range(fc_layers):
            self.connected.append(ConnectedLayer(channels, fc_units, maxout, dropout, fc_norm))
            channels = fc_units
        self.shapes = {"time": ShapeSpec(channels=channels, stride=1)}
        self.initialize = initialize  # the layers behind it too
        self.apply(initialize)
        self.to(memory_format=torch.channels_last)

    def _add_convolutions(self, pools, maps: int, kernel, dropout: float) -> int:
        """Append the convolutions -> channels of a frame after them, all bands together."""
        if not pools:
            return self.n_mels * self.context
        channels = 1
        bands = self.n_mels
        for pool in pools:
            self.convolutions.append(ConvolutionLayer(channels, maps, kernel, pool, dropout))
            channels = maps
            bands //= pool
        if bands < 1:
            raise ConfigError(
                f"INPUT.SPECTROGRAM.N_MELS is {self.n_mels}: MODEL.FRAME_STACK.POOLS {list(pools)} "
                "leave no band"
            )
        return channels * bands

    def forward(self, x: torch.Tensor, lengths=None) -> dict:
        x = self.checked(x)
        if not self.convolutions:
            x = self._with_neighbours(x).contiguous(memory_format=torch.channels_last)
        mask = zero_beyond(lengths)
        with computing_in(self.precision, x):
            for layer in self.convolutions:
                x = mask(layer(x))
        x = x.float().flatten(1, 2).transpose(1, 2)  # (N, C, H', T) -> (N, T, C H')
        for layer in self.recurrent:
            x = layer(x)
        with computing_in(self.precision, x):
            for layer in self.connected:
                x = layer(x)
        return {"time": x.float().transpose(1, 2).unsqueeze(2)}

    def _with_neighbours(self, x):
        """(N, 1, H, T) -> (N, H * context, 1, T): each frame with those around it, zeros beyond."""
        side = self.context // 2
        padded = F.pad(x, (side, side))
        near = [padded[..., i : i + x.shape[3]] for i in range(self.context)]
        frames = torch.stack(near, -1)  # (N, 1, H, T, context)
        return frames.permute(0, 2, 4, 1, 3).flatten(1, 2)


class ConvolutionLayer(nn.Module):
    """Same-size convolution, batch norm, ReLU, max pooling over the bands, dropout."""

    def __init__(self, channels: int, maps: int, kernel, pool: int, dropout: float):
        super().__init__()
        self.convolution = nn.Conv2d(channels, maps, tuple(kernel), padding="same")
        self.norm = nn.BatchNorm2d(maps)
        self.pool = nn.MaxPool2d((pool, 1))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(self.pool(torch.relu(self.norm(self.convolution(x)))))


class RecurrentLayer(nn.Module):
    """GRU whose dropout is constant along a sequence (Gal and Ghahramani 2016).

    The mask over the inputs is drawn for each clip; the one over the recurrent state enters by the
    weights that multiply it, so it is one for the whole batch.
    """

    def __init__(self, channels: int, units: int, dropout: float):
        super().__init__()
        self.gru = nn.GRU(channels, units, batch_first=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, T, C) -> (N, T, U)."""
        if not self.dropout.training:
            # Zeros, as by default, but a tracer sees that there is a row for each of the clips.
            start = x[:, 0, :1].clamp(0, 0).expand(-1, self.gru.hidden_size)
            return self.gru(x, start[None].contiguous())[0]
        x = x * self.dropout(x.new_ones(len(x), 1, x.shape[2]))
        state = self.dropout(x.new_ones(self.gru.hidden_size))
        weights = {"weight_hh_l0": self.gru.weight_hh_l0 * state}
        return functional_call(self.gru, weights, (x,))[0]


class ConnectedLayer(nn.Module):
    """The same fully connected layer at every frame: (N, T, C) -> (N, T, units)."""

    def __init__(self, channels: int, units: int, maxout: int, dropout: float, norm: bool = False):
        """
        Args:
            maxout: linear units that have their maximum as one unit; 1 takes ReLU instead.
            norm: batch norm behind the linear units.
        """
        super().__init__()
        self.linear = nn.Linear(channels, units * maxout)
        self.norm = nn.BatchNorm1d(units * maxout) if norm else None
        self.maxout = maxout
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = self.linear(x)
        if self.norm is not None:
            x = self.norm(x.transpose(1, 2)).transpose(1, 2)  # over clips and frames
        x = torch.relu(x) if self.maxout == 1 else x.reshape(*x.shape[:2], -1, self.maxout).amax(-1)
        return self.dropout(x)


def initialize(module: nn.Module) -> None:
    """He's initialisation (He et al. 2015); of a GRU, as in Keras, that of its input weights.

    A GRU's recurrent weights start orthogonal, gate by gate; all biases at 0.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.GRU):
        for name, weights in module.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.kaiming_normal_(weights, nonlinearity="relu")
            elif name.startswith("weight_hh"):
                for gate in weights.chunk(3):
                    nn.init.orthogonal_(gate)
            else:
                nn.init.zeros_(weights)


@BACKBONE_REGISTRY.register()
def build_frame_stack_backbone(cfg, input_shape: ShapeSpec) -> FrameStack:
    """From ``INPUT.SPECTROGRAM.N_MELS``, ``MODEL.FRAME_STACK`` and ``MODEL.BACKBONE.PRECISION``."""
    layers = {key.lower(): value for key, value in cfg.MODEL.FRAME_STACK.items()}
    return FrameStack(
        cfg.INPUT.SPECTROGRAM.N_MELS, precision=cfg.MODEL.BACKBONE.PRECISION, **layers
    )
