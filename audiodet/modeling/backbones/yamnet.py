"""YAMNet: MobileNetV1 on log-mels, trained on AudioSet, convolutional over any length of time.

Howard et al. 2017 (MobileNets, Table 1) with the classifier of TensorFlow's model garden. Layer 6
has a time step of 8 frames, layer 12 of 16 and layer 14 of 32 (80, 160 and 320 ms at a 10-ms hop).
Batch norm is folded into the published weights, so there is none.

Shape shorthand: N clips, C channels, B bands, S time steps, T frames.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from audiodet.modeling.backbones.batches import zero_beyond
from audiodet.modeling.backbones.mn04 import halved, running_mean

N_MELS = 64
AUDIOSET_CLASSES = 521
# Layers whose maps are handed on: frames of a time step, which are also the mel bands of a row.
STRIDES = {6: 8, 12: 16, 14: 32}
STEM_CHANNELS = 32
# Stride and channels of the layers from the second on: depthwise and pointwise convolution each.
BLOCKS = (
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    *[(1, 512)] * 5,
    (2, 1024),
    (1, 1024),
)
SILENCE = math.log(0.001)  # what the front end makes of it
# Frames of silence before a clip: TensorFlow pads behind, so step i of a stride would be centred on
# frame (i + 1) * stride - 1. So many frames later, with (LEAD + 1) / stride - 1 steps left out,
# it is centred on frame i * stride, whatever the stride.
LEAD = max(STRIDES.values()) - 1


class Convolution(nn.Conv2d):
    """A 3x3 or 1x1 convolution padded as TensorFlow's SAME pads even sizes, and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, B, S) -> (N, C', B', S')."""
        if self.stride[0] == 2:
            x = F.pad(x, (0, 1, 0, 1))
        return super().forward(x).relu_()


class YAMNet(nn.Module):
    """(N, 1, 64, T) log-mels -> maps and AudioSet logits."""

    n_mels = N_MELS
    num_classes = AUDIOSET_CLASSES
    strides = STRIDES

    def __init__(self):
        super().__init__()
        layers = [nn.ModuleList([Convolution(1, STEM_CHANNELS, 3, 2)])]
        channels = STEM_CHANNELS
        for stride, outputs in BLOCKS:
            depthwise = Convolution(channels, channels, 3, stride, groups=channels)
            layers.append(nn.ModuleList([depthwise, Convolution(channels, outputs, 1)]))
            channels = outputs
        self.features = nn.ModuleList(layers)
        self.classifier = nn.Linear(channels, AUDIOSET_CLASSES)

    @property
    def numbered_layers(self) -> dict:
        """{number: layer}, from the first one on."""
        return dict(enumerate(self.features, 1))

    @property
    def map_sizes(self) -> dict:
        """Channels times bands of the map of each layer of STRIDES."""
        return {k: BLOCKS[k - 2][1] * N_MELS // stride for k, stride in STRIDES.items()}

    def maps(self, x: torch.Tensor, lengths=None) -> dict:
        """{layer: (N, C, B, S)} of STRIDES; step i is centred on frame i * stride."""
        lengths = lengths or [x.shape[-1]] * len(x)
        x = zero_beyond(lengths)(x)
        x = F.pad(x, (LEAD, 0), value=SILENCE)
        x = F.pad(x, (0, -x.shape[-1] % max(STRIDES.values())))
        found = self._maps(x, [length + LEAD for length in lengths])
        for number, stride in STRIDES.items():
            steps = [(length + stride - 1) // stride for length in lengths]
            late = (LEAD + 1) // stride - 1
            aligned = found[number][..., late : late + max(steps)]
            found[number] = zero_beyond(steps)(aligned)
        return found

    def _maps(self, x: torch.Tensor, sizes: list) -> dict:
        """{layer: (N, C, B, S)} of x as it is, zero beyond each clip's ``sizes`` frames."""
        found = {}
        for number, layer in self.numbered_layers.items():
            for convolution in layer:
                if convolution.stride[0] == 2:
                    sizes = halved(sizes)
                # Beyond a clip's end the next one must see zeros, as its own padding gives.
                x = zero_beyond(sizes)(convolution(x))
            if number in STRIDES:
                found[number] = x
        return found

    def step_scores(self, last: torch.Tensor, window: int, sizes=None) -> torch.Tensor:
        """AudioSet logits (N, 521, S) at each time step of the last map.

        Args:
            last: (N, C * B, S), the map of layer 14 with its bands flattened.
            window: time steps whose mean the classifier sees; as published, 3.
            sizes: steps of each clip where they differ.
        """
        bands = N_MELS // max(STRIDES.values())
        maps = last.reshape(len(last), self.classifier.in_features, bands, -1)
        rows = maps.mean(2).transpose(1, 2)
        return self.classifier(running_mean(rows, window, sizes)).transpose(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, 64, T) patches, as published of 96 frames -> logits (N, 521)."""
        last = self._maps(x, [x.shape[-1]] * len(x))[max(STRIDES)]
        return self.classifier(last.mean((2, 3)))
