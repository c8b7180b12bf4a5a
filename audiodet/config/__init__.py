"""audiodet's configuration: detectron2's keys and those of :mod:`audiodet.config.keys`."""

import importlib

from detectron2.config import CfgNode

from audiodet.config.keys import add_keys
from audiodet.config.model_keys import add_model_keys
from audiodet.config.node import ConfigNode, follow_labels, with_class_counts

__all__ = [
    "ConfigNode",
    "add_audiodet_config",
    "follow_labels",
    "get_cfg",
    "with_class_counts",
]


def add_audiodet_config(cfg: CfgNode) -> None:
    """Add audiodet's keys to a detectron2 configuration, in place, and register its systems.

    ``audiodet.build_model(cfg)`` then builds any architecture with the classes of DATASETS.LABELS.
    What :class:`ConfigNode` does beyond detectron2's node, only :func:`get_cfg` gives.
    """
    add_keys(cfg)
    add_model_keys(cfg)
    # By name: the configuration stands below the systems and needs nothing of them, but whoever
    # has a configuration expects its architectures in detectron2's registry.
    importlib.import_module("audiodet.modeling")


def get_cfg() -> ConfigNode:
    """detectron2's defaults with audiodet's keys added; the systems are registered."""
    from detectron2.config import get_cfg as detectron2_cfg

    cfg = ConfigNode()
    cfg.update(detectron2_cfg())  # the parts stay detectron2's nodes, whose type yacs compares
    add_audiodet_config(cfg)
    return cfg
