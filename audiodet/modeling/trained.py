"""A trained model from its own file, which carries its configuration."""

import contextvars
import os

import torch
import yaml
from detectron2.config import CfgNode

from audiodet import __version__
from audiodet.config import get_cfg
from audiodet.config.node import value_of
from audiodet.errors import WeightsError
from audiodet.modeling.backbones.precision import multiplies_bfloat16
from audiodet.modeling.stock import build_model
from audiodet.weights import CARD, read_described

# What a damaged configuration, and keys and values of another version, may raise.
BAD_CONFIG = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    KeyError,
    MemoryError,
    RuntimeError,  # of torch, at sizes that cannot be; and too deep a recursion
    TypeError,
    ValueError,
    yaml.YAMLError,
)
LONGEST_CONFIG = 1 << 20  # characters
LIMITS = {  # of what a front end makes tables of: least and most
    "INPUT.AUDIO.SAMPLE_RATE": (1000, 1_000_000),
    "INPUT.SPECTROGRAM.N_FFT": (2, 1 << 18),
    "INPUT.SPECTROGRAM.HOP": (1, 1 << 18),
    "INPUT.SPECTROGRAM.N_MELS": (1, 4096),
}
MANY = 100_000  # nodes of a YAML once its aliases are written out
SPARE = 1_000_000  # numbers that a network may have beside those of its file
_loading = contextvars.ContextVar("loading", default=())  # files, from the outermost on


def load_trained(path: str, device: str = "cpu"):
    """The model of a checkpoint that audiodet wrote, in eval mode; its ``cfg`` says what it is.

    Args:
        path: ``.safetensors`` or ``.pth``.
        device: "cpu", "cuda", ...

    Raises:
        WeightsError: the file carries no configuration or one that this version does not know, or
            its tensors are not the model's.
    """
    place = os.path.realpath(path)
    if place in _loading.get():
        raise WeightsError(f"{path}: names itself as its verifier, expected another file")
    data = read_described(path)
    token = _loading.set((*_loading.get(), place))
    try:
        _expect_size_of(data["model"], data[CARD]["config"])
        model = build_described(data[CARD]["config"], device)
    except WeightsError:  # of another file that the configuration names
        raise
    except BAD_CONFIG as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())[:200]
        raise WeightsError(
            f"{path}: its configuration cannot be used ({reason}), expected one of audiodet "
            f"{__version__} or before{_hint(data[CARD]['config'])}"
        ) from error
    finally:
        _loading.reset(token)
    _load(model, data["model"], path)
    return model.eval()


def build_described(config: str, device: str):
    """A model with random weights from its configuration, a YAML."""
    cfg = _read_config(config)
    cfg.MODEL.DEVICE = device
    if not multiplies_bfloat16(torch.device(device).type):
        cfg.MODEL.BACKBONE.PRECISION = "float32"  # bfloat16 would be emulated, slowly
    cfg.freeze()
    model = build_model(cfg)
    model.cfg = cfg
    return model


def _read_config(config: str) -> CfgNode:
    """The configuration of a description; ValueError where it could only take memory."""
    if len(config) > LONGEST_CONFIG:
        raise ValueError(f"{len(config)} characters, expected at most {LONGEST_CONFIG}")
    if "*" in config and _written_out(yaml.compose(config, yaml.SafeLoader), {}) > MANY:
        raise ValueError("aliases of aliases")
    cfg = get_cfg()
    cfg.merge_from_other_cfg(CfgNode.load_cfg(config))
    for key, (least, most) in LIMITS.items():
        value = value_of(cfg, key)
        if not least <= value <= most:
            raise ValueError(f"{key} is {value}, expected {least} to {most}")
    return cfg


def _written_out(node, known: dict) -> int:
    """Nodes of a YAML if its aliases were copies."""
    if id(node) not in known:
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in parts for part in pair]
        known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(node)]


def _expect_size_of(tensors: dict, config: str) -> None:
    """Raise ValueError, before memory is taken, for a network far larger than its file."""
    cfg = _read_config(config)
    cfg.MODEL.DEVICE = "meta"
    cfg.MODEL.POSTPROCESSORS = ()
    cfg.freeze()
    try:
        with torch.device("meta"):
            planned = build_model(cfg).state_dict()
    except (NotImplementedError, TypeError):  # a system that computes while it is made
        return
    expected = sum(tensor.numel() for tensor in planned.values())
    held = sum(tensor.numel() for tensor in tensors.values())
    if expected > 2 * held + SPARE:
        raise ValueError(f"a network of {expected} numbers, of which the file has {held}")


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
