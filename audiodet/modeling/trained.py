"""A trained model from its own file, which carries its configuration."""

import torch
import yaml
from detectron2.config import CfgNode

from audiodet import __version__
from audiodet.config import get_cfg
from audiodet.errors import WeightsError
from audiodet.modeling.backbones.precision import multiplies_bfloat16
from audiodet.modeling.stock import build_model
from audiodet.weights import CARD, read_described

# What a damaged configuration, and keys and values of another version, may raise.
BAD_CONFIG = (AssertionError, AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError)


def load_trained(path: str, device: str = "cpu"):
    """The model of a checkpoint that audiodet wrote, in eval mode; its ``cfg`` says what it is.

    Args:
        path: ``.safetensors`` or ``.pth``.
        device: "cpu", "cuda", ...

    Raises:
        WeightsError: the file carries no configuration or one that this version does not know, or
            its tensors are not the model's.
    """
    data = read_described(path)
    try:
        model = build_described(data[CARD]["config"], device)
    except WeightsError:  # of another file that the configuration names
        raise
    except BAD_CONFIG as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())[:200]
        raise WeightsError(
            f"{path}: its configuration cannot be used ({reason}), expected one of audiodet "
            f"{__version__} or before{_hint(data[CARD]['config'])}"
        ) from error
    _load(model, data["model"], path)
    return model.eval()


def build_described(config: str, device: str):
    """A model with random weights from its configuration, a YAML."""
    cfg = get_cfg()
    cfg.merge_from_other_cfg(CfgNode.load_cfg(config))
    cfg.MODEL.DEVICE = device
    if not multiplies_bfloat16(torch.device(device).type):
        cfg.MODEL.BACKBONE.PRECISION = "float32"  # bfloat16 would be emulated, slowly
    cfg.freeze()
    model = build_model(cfg)
    model.cfg = cfg
    return model


def _hint(config: str) -> str:
    """What to do about a user's own modules: a checkpoint, maybe a stranger's, never runs code."""
    try:
        modules = CfgNode.load_cfg(config).get("MODULES")
    except BAD_CONFIG:
        return ""
    if not modules:
        return ""
    return (
        f". It was trained with MODULES {list(modules)}, which are not imported because a "
        "checkpoint says so: import them first, or give its config.yaml (--config-file, --weights)"
    )


def _load(model, tensors: dict, path: str) -> None:
    """``load_state_dict`` that forgives only the counters that a frozen batch norm lacks."""
    try:
        keys = model.load_state_dict(tensors, strict=False)
        wrong = keys.missing_keys + keys.unexpected_keys
        wrong = [name for name in wrong if not name.endswith("num_batches_tracked")]
    except RuntimeError as error:
        wrong = [" ".join(str(error).split())]
    if wrong:
        raise WeightsError(
            f"{path}: its tensors are not those of its own configuration: {wrong[:3]}"
        )
