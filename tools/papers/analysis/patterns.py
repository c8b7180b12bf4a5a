"""Input that excites a neuron the most, by gradient ascent (Çakır et al. 2017, Fig. 7).

Shape shorthand: H mel bands, T frames.
"""

import numpy as np
import torch

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.crnn import FrameStack


def exciting_pattern(
    network, layer: int, feature_map: int, frames: int = 50, steps: int = 100, seed: int = 0
) -> np.ndarray:
    """Ascend from Gaussian noise of deviation one to an input that a neuron answers to.

    The neuron is the one in the middle of a map of a convolution. Each step adds the gradient of
    its activation, scaled to a norm of one.

    Returns:
        (H, T) in units of the normalised spectrogram.
    """
    if not 0 <= layer < len(network.convolutions):
        raise ConfigError(f"layer {layer}, expected 0 to {len(network.convolutions) - 1}")
    maps = network.convolutions[layer].convolution.out_channels
    if not 0 <= feature_map < maps:
        raise ConfigError(f"feature map {feature_map}, expected 0 to {maps - 1}")
    stack = network.convolutions[: layer + 1]
    training = network.training
    network.eval()
    noise = torch.randn(1, 1, network.n_mels, frames, generator=torch.Generator().manual_seed(seed))
    x = noise.to(next(network.parameters()).device).requires_grad_()
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(_activation(stack, x, feature_map), x)
        with torch.no_grad():
            x += gradient / (gradient.norm() + 1e-12)
    network.train(training)
    return x.detach()[0, 0].cpu().numpy()


def _activation(stack, x, feature_map: int) -> torch.Tensor:
    """Of the neuron, before its ReLU: one that is off would have no gradient."""
    for layer in stack[:-1]:
        x = layer(x)
    answers = stack[-1].norm(stack[-1].convolution(x))[0, feature_map]
    return answers[answers.shape[0] // 2, answers.shape[1] // 2]


def frame_stack(model) -> FrameStack:
    """The backbone of a frame-level system of Çakır et al."""
    network = model.backbone if model.has_backbone else None
    if not (isinstance(network, FrameStack) and len(network.convolutions)):
        raise ConfigError(f"{type(model).__name__} has no convolutions, expected a FrameStack's")
    return network
