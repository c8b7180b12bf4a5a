"""EfficientAT's mn04: MobileNetV3 of width 0.4 with squeeze-excitation, trained on AudioSet.

Howard et al. 2019 (MobileNetV3-Large, Table 1) with the widths of Schmid et al. 2023. Layer 6 has
a time step of 8 frames, layer 12 of 16 and layer 16 of 32 (80, 160 and 320 ms at a 10-ms hop).

Shape shorthand: N clips, C channels, B bands, S time steps, T frames.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from audiodet.modeling.backbones.batches import zero_beyond

WIDTH = 0.4
N_MELS = 128
AUDIOSET_CLASSES = 527
# Layers whose maps are handed on: frames of a time step, which are also the mel bands of a row.
STRIDES = {6: 8, 12: 16, 16: 32}


class Block(NamedTuple):
    """A row of MobileNetV3-Large's table, at width 1."""

    kernel: int
    expanded: int
    channels: int
    squeezes: bool
    hard_swish: bool
    stride: int = 1


STEM_CHANNELS = 16
BLOCKS = (
    Block(3, 16, 16, False, False),
    Block(3, 64, 24, False, False, 2),
    Block(3, 72, 24, False, False),
    Block(5, 72, 40, True, False, 2),
    Block(5, 120, 40, True, False),
    Block(5, 120, 40, True, False),
    Block(3, 240, 80, False, True, 2),
    Block(3, 200, 80, False, True),
    Block(3, 184, 80, False, True),
    Block(3, 184, 80, False, True),
    Block(3, 480, 112, True, True),
    Block(3, 672, 112, True, True),
    Block(5, 672, 160, True, True, 2),
    Block(5, 960, 160, True, True),
    Block(5, 960, 160, True, True),
)
LAST_CHANNELS, HIDDEN_UNITS = 960, 1280


def scaled(channels: float) -> int:
    """Nearest multiple of 8, at least 8, never more than 10 % below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def at_width(channels: int) -> int:
    """Channels of a table row at this network's width."""
    return scaled(channels * WIDTH)


def halved(sizes: list) -> list:
    """Steps of clips after a layer of stride 2."""
    return [(size + 1) // 2 for size in sizes]


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch norm, and an activation unless that is None."""

    def __init__(self, inputs: int, outputs: int, kernel=1, stride=1, groups=1, activation=None):
        convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False
        )
        norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        super().__init__(convolution, norm, *([] if activation is None else [activation()]))


class SqueezeExcitation(nn.Module):
    """Weighs channels by what the surroundings hold on average.

    The published network averages over the whole input, so the weights of a moment depend on how
    long the clip is. With ``window`` each time step has a mean of its own, over the steps up to
    half a window away that the clip has. (The AudioSet logits of two seconds heard in 30 s and in
    9 s differ by 6.0 on average as published, by 0.6 with windows of 10 s.)
    """

    def __init__(self, channels: int, window: int = 0):
        """
        Args:
            window: in time steps of this layer; 0 for the whole clip.
        """
        super().__init__()
        squeezed = scaled(channels / 4)
        self.fc1, self.fc2 = nn.Linear(channels, squeezed), nn.Linear(squeezed, channels)
        self.window = window

    def forward(self, x: torch.Tensor, sizes=None) -> torch.Tensor:
        """(N, C, B, S), zero beyond each clip's ``sizes`` steps -> the same shape."""
        rows = x.mean(2).transpose(1, 2)  # (N, S, C)
        means = running_mean(rows, self.window, sizes)
        weights = torch.sigmoid(self.fc2(torch.relu(self.fc1(means))))
        return x * weights.transpose(1, 2).unsqueeze(2)


def running_mean(x: torch.Tensor, window: int, sizes=None) -> torch.Tensor:
    """Mean around every time step, over what the clip has of it.

    Args:
        x: (N, S, C), zero beyond each clip's end.
        window: steps; the mean is over ``window // 2`` to either side. 0 for all steps.
        sizes: steps of each clip where they differ.

    Returns:
        (N, S, C); with window 0 (N, 1, C).
    """
    steps = x.shape[1]
    each = sizes or [1] * len(x)
    ends = torch.as_tensor(each, device=x.device)[:, None] * (1 if sizes else steps)  # traceable
    if not window:
        return x.sum(1, keepdim=True) / ends[..., None].to(x)
    half = window // 2
    places = torch.arange(steps, device=x.device)
    first = (places - half).clamp(min=0).expand(len(x), -1)
    end = torch.minimum(places + half + 1, ends).clamp(min=1)
    first = torch.minimum(first, end - 1)
    sums = F.pad(x.double().cumsum(1), (0, 0, 1, 0))
    index = torch.stack([first, end])[..., None].expand(-1, -1, -1, x.shape[2])
    total = sums.gather(1, index[1]) - sums.gather(1, index[0])
    return (total / (end - first)[..., None]).to(x.dtype)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, squeeze-excitation, projection; added to its input."""

    def __init__(self, inputs: int, row: Block, window: int):
        super().__init__()
        expanded, outputs = at_width(row.expanded), at_width(row.channels)
        activation = nn.Hardswish if row.hard_swish else nn.ReLU
        layers = []
        if expanded != inputs:
            layers.append(ConvNorm(inputs, expanded, activation=activation))
        layers.append(
            ConvNorm(expanded, expanded, row.kernel, row.stride, expanded, activation=activation)
        )
        if row.squeezes:
            layers.append(SqueezeExcitation(expanded, window))
        layers.append(ConvNorm(expanded, outputs))
        self.block = nn.ModuleList(layers)
        self.adds = row.stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor, sizes=None) -> torch.Tensor:
        """(N, C, B, S) -> (N, C', B', S'); zero beyond each clip's ``sizes`` steps, those of x."""
        result, inside = x, sizes
        for layer in self.block:
            if isinstance(layer, SqueezeExcitation):
                result = layer(result, inside)
                continue
            if inside and layer[0].stride[0] == 2:
                inside = halved(inside)
            # Beyond a clip's end the next convolution must see zeros, as its own padding gives.
            result = zero_beyond(inside)(layer(result))
        return result + x if self.adds else result


class MN04(nn.Module):
    """The published network: (N, 1, 128, T) normalised log-mels -> maps and AudioSet logits."""

    n_mels = N_MELS
    num_classes = AUDIOSET_CLASSES
    strides = STRIDES

    def __init__(self, window_frames: int = 0):
        """
        Args:
            window_frames: of the squeeze-excitation's means; 0 for the whole clip, as published.
        """
        super().__init__()
        channels = at_width(STEM_CHANNELS)
        layers = [ConvNorm(1, channels, 3, 2, activation=nn.Hardswish)]
        stride = 2
        for row in BLOCKS:
            stride *= row.stride
            layers.append(InvertedResidual(channels, row, window_frames // stride))
            channels = at_width(row.channels)
        self.channels = at_width(LAST_CHANNELS)
        layers.append(ConvNorm(channels, self.channels, activation=nn.Hardswish))
        self.features = nn.ModuleList(layers)
        hidden = at_width(HIDDEN_UNITS)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(self.channels, hidden),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(hidden, AUDIOSET_CLASSES),
        )

    @property
    def numbered_layers(self) -> dict:
        """{number: layer}; the stem is 0."""
        return dict(enumerate(self.features))

    def maps(self, x: torch.Tensor, lengths=None) -> dict:
        """{layer: (N, C, B, S)} of STRIDES.

        Args:
            lengths: frames of each clip where they differ; a clip's maps are then the same as if
                it came alone, and zero beyond its end.
        """
        sizes, found = lengths and halved(lengths), {}
        x = zero_beyond(sizes)(self.features[0](x))
        for number, layer in enumerate(self.features[1:-1], 1):
            x = layer(x, sizes)
            if sizes and BLOCKS[number - 1].stride == 2:
                sizes = halved(sizes)
            if number in STRIDES:
                found[number] = x
        found[len(self.features) - 1] = zero_beyond(sizes)(self.features[-1](x))
        return found

    @property
    def map_sizes(self) -> dict:
        """Channels times bands of the map of each layer of STRIDES."""
        rows = {number: at_width(BLOCKS[number - 1].channels) for number in STRIDES if number < 16}
        return {k: c * N_MELS // STRIDES[k] for k, c in {**rows, 16: self.channels}.items()}

    def step_scores(self, last: torch.Tensor, window: int, sizes=None) -> torch.Tensor:
        """AudioSet logits (N, 527, S) at each time step of the last map.

        Args:
            last: (N, C * B, S), the map of layer 16 with its bands flattened.
            window: time steps whose mean the classifier sees.
            sizes: steps of each clip where they differ.
        """
        bands = N_MELS // STRIDES[16]
        rows = last.reshape(len(last), self.channels, bands, -1).mean(2).transpose(1, 2)
        means = running_mean(rows, window, sizes)
        return self.classifier[2:](means).transpose(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, 1, 128, T) -> logits (N, 527) of whole clips."""
        return self.classifier(self.maps(x)[len(BLOCKS) + 1])
