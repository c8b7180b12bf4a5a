"""Checkpoints that are whole or absent, tell what they are, and never run a stranger's code."""
import os
import pickle
from pathlib import Path

import torch
from detectron2.checkpoint import DetectionCheckpointer

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
    try:
        if path.endswith(".safetensors"):
            return _read_safetensors(path)
        if path.endswith(".pkl"):
            raise pickle.UnpicklingError("a .pkl file")
        data = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not trust_pickle:
            reason = str(error).splitlines()[0]
            raise WeightsError(
                f"{path}: refused, it is a pickle that could run code or no checkpoint at all "
                f"({reason}); expected tensors only. If you made the file yourself, set "
                "MODEL.TRUST_PICKLE True"
            ) from error
        data = torch.load(path, map_location="cpu", weights_only=False)
    except (RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: not a whole checkpoint ({reason})") from error
    return data if "model" in data else {"model": data}


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
    from detectron2.config import CfgNode

    theirs = CfgNode.load_cfg(card["config"])
    pairs = [
        ("MODEL.META_ARCHITECTURE", card["architecture"], cfg.MODEL.META_ARCHITECTURE),
        ("DATASETS.LABELS", card["labels"], list(cfg.DATASETS.LABELS)),
    ]
    for section in ("AUDIO", "SPECTROGRAM"):
        for key, expected in cfg.INPUT[section].items():
            found = theirs.INPUT[section].get(key, expected)
            if key != "NORMALIZE_CLIPS":
                pairs.append((f"INPUT.{section}.{key}", found, expected))
    for key, found, expected in pairs:
        if found != expected:
            raise WeightsError(
                f"{filename}: made with {key} {found!r}, expected {expected!r} of this config"
            )


def init_backbone(model, path: str, trust_pickle: bool = False) -> None:
    """Start ``model.backbone`` and the normalisation from a checkpoint's (clip pre-training).

    Raises:
        WeightsError: the checkpoint's backbone has other tensors.
    """
    weights = read_weights(path, trust_pickle)["model"]
    wanted = ("backbone.", "clip_input.")
    own = {k: v for k, v in model.state_dict().items() if k.startswith(wanted)}
    found = {k: v for k, v in weights.items() if k in own and v.shape == own[k].shape}
    missing = sorted(set(own) - set(found))
    if missing:
        raise WeightsError(
            f"{path}: its backbone does not fit: {len(missing)} of {len(own)} tensors missing or "
            f"of another shape, first {missing[0]} {tuple(own[missing[0]].shape)} expected"
        )
    model.load_state_dict(found, strict=False)
