"""Checkpoints that are whole or absent, tell what they are, and never run a stranger's code."""
import os
import pickle
from pathlib import Path

import numpy as np
import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.utils import comm

from audiodet.errors import WeightsError
from audiodet.files import atomic_path, write_text

CARD = "audiodet"  # key of a checkpoint's description


def describe(cfg) -> dict:
    """What a checkpoint must carry so that it cannot be run with a wrong front end or labels."""
    return {
        "architecture": cfg.MODEL.META_ARCHITECTURE,
        "labels": list(cfg.DATASETS.LABELS),
        "config": cfg.dump(),
    }


def read_weights(path: str, trust_pickle: bool = False) -> dict:
    """A checkpoint file -> {"model": tensors by name, CARD: description, ...}, on the CPU.

    ``.safetensors`` and tensor-only ``.pth`` files execute nothing. Half-precision tensors of a
    shipped model become float32.

    Raises:
        WeightsError: missing, not a checkpoint, or a pickle that could execute code.
    """
    if not os.path.isfile(path):
        raise WeightsError(f"{path}: no such file, expected a checkpoint")
    if path.endswith(".safetensors"):
        return _read_safetensors(path)
    try:
        data = _unpickle(path, trust_pickle)
    except Exception as error:  # there is no telling what a damaged pickle raises
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if isinstance(error, pickle.UnpicklingError) and not trust_pickle:
            raise WeightsError(
                f"{path}: refused, it is a pickle that could run code or no checkpoint at all "
                f"({reason}); expected tensors only. If you made the file yourself, set "
                "MODEL.TRUST_PICKLE True"
            ) from error
        raise WeightsError(f"{path}: not a whole checkpoint ({reason})") from error
    model = data.get("model", data) if isinstance(data, dict) else data
    arrays = (torch.Tensor, np.ndarray)
    if not isinstance(model, dict) or not all(isinstance(x, arrays) for x in model.values()):
        raise WeightsError(f"{path}: holds a {type(model).__name__}, expected tensors by name")
    return data if "model" in data else {"model": data}


def _unpickle(path: str, trust_pickle: bool):
    """torch's pickles and, when trusted, plain ones such as detectron2's model zoo has."""
    if not trust_pickle and path.endswith(".pkl"):
        raise pickle.UnpicklingError("a .pkl file")
    if path.endswith(".pkl"):
        with open(path, "rb") as file:
            return pickle.load(file, encoding="latin1")
    return torch.load(path, map_location="cpu", weights_only=not trust_pickle)


def _read_safetensors(path: str) -> dict:
    import json

    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {}).get(CARD, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error})") from error
    tensors = {k: t.float() if t.dtype == torch.float16 else t for k, t in tensors.items()}
    return {"model": tensors, **({CARD: card} if card else {})}


class SEDCheckpointer(DetectionCheckpointer):
    """detectron2's checkpointer with atomic writes, a description and safe reading."""

    def __init__(self, model, save_dir="", *, cfg, **kwargs):
        super().__init__(model, save_dir, **kwargs)
        self.cfg = cfg

    def save(self, name: str, **kwargs) -> None:
        """Write ``name``.pth; all but "model_best" become the one that ``--resume`` continues."""
        if not self.save_dir or not self.save_to_disk:
            return
        data = {"model": self.model.state_dict(), CARD: describe(self.cfg)}
        data.update({key: part.state_dict() for key, part in self.checkpointables.items()})
        data.update(kwargs)
        path = Path(self.save_dir) / f"{name}.pth"
        self.logger.info(f"Saving checkpoint to {path}")
        with atomic_path(path) as temporary:
            torch.save(data, temporary)
        if name != "model_best":
            write_text(Path(self.save_dir) / "last_checkpoint", path.name)

    def load(self, path: str, *args, **kwargs) -> dict:
        """See :meth:`DetectionCheckpointer.load`.

        Raises:
            WeightsError: no such file, or it does not belong to the model or is not safe.
        """
        if path and "://" not in path and comm.is_main_process() and not os.path.isfile(path):
            raise WeightsError(f"{path}: no such file, expected a checkpoint")
        return super().load(path, *args, **kwargs)

    def _load_file(self, filename: str) -> dict:
        data = read_weights(filename, self.cfg.MODEL.TRUST_PICKLE)
        check_card(data.get(CARD), self.cfg, filename)
        return data

    def _load_model(self, checkpoint):
        incompatible = super()._load_model(checkpoint)
        wrong = incompatible.missing_keys or incompatible.incorrect_shapes
        if wrong and not checkpoint.get("matching_heuristics"):
            raise WeightsError(
                f"the checkpoint does not fit {self.cfg.MODEL.META_ARCHITECTURE}: "
                f"missing {incompatible.missing_keys[:3]}, "
                f"other shapes (name, found, expected) {incompatible.incorrect_shapes[:3]}"
            )
        return incompatible


def check_card(card, cfg, filename: str) -> None:
    """Refuse a checkpoint of another architecture, label set or front end.

    Raises:
        WeightsError: with the value found and the value expected.
    """
    if card is None:
        return
    pairs = [
        ("MODEL.META_ARCHITECTURE", card["architecture"], cfg.MODEL.META_ARCHITECTURE),
        ("DATASETS.LABELS", card["labels"], list(cfg.DATASETS.LABELS)),
    ]
    _refuse_differences(pairs + _front_ends(card, cfg), filename)


def _front_ends(card, cfg) -> list:
    """(key, value in the checkpoint, value in ``cfg``) of all that shapes a spectrogram."""
    from detectron2.config import CfgNode

    theirs, pairs = CfgNode.load_cfg(card["config"]), []
    for section in ("AUDIO", "SPECTROGRAM"):
        for key, expected in cfg.INPUT[section].items():
            found = theirs.INPUT[section].get(key, expected)
            if key != "NORMALIZE_CLIPS":
                pairs.append((f"INPUT.{section}.{key}", found, expected))
    return pairs


def _refuse_differences(pairs, filename: str) -> None:
    for key, found, expected in pairs:
        if found != expected:
            raise WeightsError(
                f"{filename}: made with {key} {found!r}, expected {expected!r} of this config"
            )


def init_backbone(model, cfg) -> None:
    """Start ``model.backbone`` and the normalisation from MODEL.BACKBONE.INIT_WEIGHTS.

    Raises:
        WeightsError: that checkpoint's front end or the tensors of its backbone are others.
    """
    path = cfg.MODEL.BACKBONE.INIT_WEIGHTS
    data = read_weights(path, cfg.MODEL.TRUST_PICKLE)
    if CARD in data:
        _refuse_differences(_front_ends(data[CARD], cfg), path)
    wanted = ("backbone.", "clip_input.")
    own = {k: v for k, v in model.state_dict().items() if k.startswith(wanted)}
    found = {k: v for k, v in data["model"].items() if k in own and v.shape == own[k].shape}
    missing = sorted(set(own) - set(found))
    if missing:
        raise WeightsError(
            f"{path}: its backbone does not fit: {len(missing)} of {len(own)} tensors missing or "
            f"of another shape, first {missing[0]} {tuple(own[missing[0]].shape)} expected"
        )
    model.load_state_dict(found, strict=False)
