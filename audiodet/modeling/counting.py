"""Parameter counts by the rule of the papers' framework (Keras)."""

from detectron2.layers import FrozenBatchNorm2d
from torch import nn


def keras_count(model: nn.Module) -> int:
    """Parameters of ``model`` as Keras 2 counts them.

    All weights and biases, four numbers per batch-normalised channel (running mean and variance
    included), and one bias per recurrent gate where torch keeps two. Normalisation constants
    of the front end are no parameters.
    """
    total = 0
    for name, parameter in model.named_parameters():
        if "bias_hh" not in name:
            total += parameter.numel()
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            total += 4 * module.num_features
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            total += module.running_mean.numel() + module.running_var.numel()
    return total
