"""What ships with audiodet, by name: trained models, and configurations to train with.

A model is a ``weights/<name>.safetensors`` with its configuration, labels, front end and per-class
thresholds inside, and a model card ``<name>.md`` beside it; an ensemble of such a ``<name>.yaml``.
A configuration is a YAML, named as under the repository's ``configs/``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from audiodet.errors import ConfigError
from audiodet.events import thresholds_by_label
from audiodet.weights import (
    CARD,
    ensemble_names,
    find_card,
    find_weights,
    read_card,
    read_described,
    read_ensemble,
    shipped_names,
)

if TYPE_CHECKING:
    import torch


def config_names() -> list[str]:
    """Names that :func:`get_config_file` knows."""
    folder = _config_folder()
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml"))


def get_config_file(name: str) -> str:
    """Path of a configuration that ships, from a checkout as from a wheel.

    Args:
        name: such as "rcrnn/rare.yaml"; its ``_BASE_`` lies beside it.

    Raises:
        ConfigError: no such name.
    """
    known = config_names()
    if name not in known:
        raise ConfigError(f"{name}: no such configuration, expected one of {', '.join(known)}")
    return str(_config_folder() / name)


def _config_folder() -> Path:
    """Beside this module, where setup.py puts it in a wheel; at the root of a checkout."""
    packed = Path(__file__).parent / "configs"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "configs"


def names(exported: bool = False) -> list[str]:
    """Names that :func:`get` knows; with ``exported`` those that run without torch."""
    single = shipped_names(".onnx" if exported else ".safetensors")
    return sorted([*single, *ensemble_names()])


def without_torch() -> bool:
    """Whether torch is not installed, so that only exported models run."""
    return find_spec("torch") is None


@dataclass(frozen=True)
class About:
    """What is known of a model that ships without loading it.

    Attributes:
        name, system: its own, and the architecture's.
        thresholds: lowest score of a reported event, by label.
        bytes: size of its file, or of those of its members.
        licence: for whom the weights are, in words.
        card: path of the model card.
    """

    name: str
    system: str
    thresholds: Mapping[str, float]
    bytes: int
    licence: str
    card: str


def about(name: str) -> About:
    """What is known of a model that ships; WeightsError if there is no such."""
    card = find_card(name)
    members = [name]
    if name in ensemble_names():
        spec = read_ensemble(name)
        members = spec["TEST"]["ENSEMBLE"]
        system, labels = spec["MODEL"]["META_ARCHITECTURE"], spec["DATASETS"]["LABELS"]
        thresholds = spec["TEST"]["THRESHOLDS"]
    elif without_torch():
        from audiodet.inference.opening import open_model

        cfg = open_model(name).cfg
        system, labels = cfg.MODEL.META_ARCHITECTURE, cfg.DATASETS.LABELS
        thresholds = cfg.TEST.THRESHOLDS
    else:
        import yaml

        described = read_card(find_weights(name))
        system, labels = described["architecture"], described["labels"]
        thresholds = yaml.safe_load(described["config"])["TEST"]["THRESHOLDS"]
    by_label = thresholds_by_label(thresholds, labels)
    restricted = "non-commercial" in card.read_text(encoding="utf-8")
    licence = "non-commercial use only" if restricted else "see the card"
    size = sum(Path(find_weights(member)).stat().st_size for member in members)
    return About(name, system, by_label, size, licence, str(card))


def get(name: str, device: str = "cpu") -> "torch.nn.Module":
    """A trained model, ready for inference.

    Args:
        name: one of :func:`names`, or the path of a checkpoint that audiodet wrote.
        device: "cpu", "cuda", ...

    Returns:
        the ``nn.Module`` in eval mode; its ``cfg`` has the labels (``DATASETS.LABELS``), the front
        end (``INPUT``) and the tuned thresholds (``TEST.THRESHOLDS``).

    Raises:
        WeightsError: no such name or file, or one without a description that this version knows.
    """
    from audiodet.inference.loading import load_model

    return load_model(name, device=device)


def export(
    checkpoint: str,
    thresholds: dict,
    path: str,
    half: bool = True,
    shared: tuple = (),
    settings: Mapping = MappingProxyType({}),
) -> None:
    """Write a training's checkpoint as a small file that ships.

    Args:
        checkpoint: a ``.pth`` of audiodet.
        thresholds: final threshold of each label; becomes ``TEST.THRESHOLDS``.
        path: ``.safetensors`` to write.
        half: store weights in half precision; they are read back as float32.
        shared: (name of another shipped model, prefix of tensors that are left to it).
        settings: {key: value} of the configuration that was found after training.

    Raises:
        WeightsError: no checkpoint of audiodet.
    """
    from detectron2.config import CfgNode
    from safetensors.torch import save_file

    from audiodet.config.node import to_detect_with
    from audiodet.files import atomic_path

    data = read_described(checkpoint)
    card = data[CARD]
    cfg = CfgNode.load_cfg(card["config"])
    for key, value in settings.items():
        cfg.merge_from_list([key, value])
    cfg = to_detect_with(cfg, thresholds)
    cfg.TEST.TUNE_RULES = False
    card = {**card, "config": cfg.dump()}
    if shared:
        card["shared"] = list(shared)
    tensors = _tensors_that_ship(data["model"], half, shared[1] if shared else None)
    with atomic_path(path) as temporary:
        save_file(tensors, str(temporary), {CARD: json.dumps(card)})


def _tensors_that_ship(tensors: dict, half: bool, left_out: str | None) -> dict:
    """Contiguous ones, in half precision if wanted, without those of a prefix."""
    kept = {}
    for name, tensor in tensors.items():
        if left_out and name.startswith(left_out):
            continue
        if half and tensor.is_floating_point():
            tensor = tensor.half()
        kept[name] = tensor.contiguous()
    return kept
