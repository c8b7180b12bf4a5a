"""Checkpoints that are whole or absent, tell what they are, and never run a stranger's code."""

import errno
import os
from pathlib import Path

import torch
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import CfgNode
from detectron2.utils import comm
from detectron2.utils.file_io import PathManager

from audiodet.engine.faults import LAST, LossNormalizers, last_checkpoint
from audiodet.engine.image_models import init_from_image_model
from audiodet.errors import WeightsError
from audiodet.files import atomic_path, write_text
from audiodet.modeling.model import SEDModel
from audiodet.weights import CARD, find_weights, read_weights, shipped_names


def describe(cfg) -> dict:
    """What a checkpoint must carry so that it cannot be run with a wrong front end or labels."""
    return {
        "architecture": cfg.MODEL.META_ARCHITECTURE,
        "labels": list(cfg.DATASETS.LABELS),
        "config": cfg.dump(),
    }


class SEDCheckpointer(DetectionCheckpointer):
    """detectron2's checkpointer with atomic writes, a description and safe reading."""

    def __init__(self, model, save_dir="", *, cfg, **kwargs):
        super().__init__(model, save_dir, loss_normalizers=LossNormalizers(model), **kwargs)
        self.cfg = cfg

    def has_checkpoint(self) -> bool:
        """Whether there is one to continue, see :func:`last_checkpoint`."""
        return bool(self.get_checkpoint_file())

    def get_checkpoint_file(self) -> str:
        """The one to continue."""
        return last_checkpoint(self.save_dir)

    def save(self, name: str, **kwargs) -> None:
        """Write ``name``.pth; all but "model_best" and "model_top_..." become the one that
        ``--resume`` continues.

        Raises:
            OSError: it cannot be written; the one before is as it was.
        """
        if not self.save_dir or not self.save_to_disk:
            return
        data = {"model": self.model.state_dict(), CARD: describe(self.cfg)}
        for key, part in self.checkpointables.items():
            data[key] = part.state_dict()
        data.update(kwargs)
        path = Path(self.save_dir) / f"{name}.pth"
        self.logger.info(f"Saving checkpoint to {path}")
        try:
            with atomic_path(path) as temporary:
                torch.save(data, temporary)
        except RuntimeError as error:  # what torch's own writer raises on a full disk
            reason = " ".join(str(error).split())
            raise OSError(errno.EIO, reason, str(path)) from error
        if name != "model_best" and not name.startswith("model_top_"):
            write_text(Path(self.save_dir) / LAST, path.name)

    def load(self, path: str, *args, **kwargs) -> dict:
        """See :meth:`DetectionCheckpointer.load`.

        Raises:
            WeightsError: no such file, or it does not belong to the model or is not safe.
        """
        if path and "://" not in path and comm.is_main_process() and not os.path.isfile(path):
            raise WeightsError(f"{path}: no such file, expected a checkpoint")
        self.loading = path
        return super().load(path, *args, **kwargs)

    def _load_file(self, filename: str) -> dict:
        if isinstance(self.model, SEDModel) and filename.endswith((".pt", ".tflite")):
            published = self.model.published_tensors(filename)
            if published is not None:
                return {"model": published}
        data = read_weights(filename, self.cfg.MODEL.TRUST_PICKLE)
        check_card(data.get(CARD), self.cfg, filename)
        return data

    def _load_model(self, checkpoint):
        incompatible = super()._load_model(checkpoint)
        wrong = incompatible.missing_keys or incompatible.incorrect_shapes
        if wrong and not checkpoint.get("matching_heuristics"):
            raise WeightsError(
                f"{self.loading}: does not fit {self.cfg.MODEL.META_ARCHITECTURE}: "
                f"missing {incompatible.missing_keys[:3]}, "
                f"other shapes (name, found, expected) {incompatible.incorrect_shapes[:3]}"
            )
        return incompatible


def share_buffers(model) -> None:
    """Give every process the main one's batch-norm statistics, before models are compared."""
    if comm.get_world_size() > 1:
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, 0)


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
    theirs = CfgNode.load_cfg(card["config"])
    pairs = []
    for section in ("AUDIO", "SPECTROGRAM"):
        for key, expected in cfg.INPUT[section].items():
            if key != "NORMALIZE_CLIPS":
                value = theirs.INPUT[section].get(key, expected)
                pairs.append((f"INPUT.{section}.{key}", value, expected))
    for key, default in (("FRONT_END", "log_mel"), ("LEVEL", cfg.INPUT.LEVEL)):
        pairs.append((f"INPUT.{key}", theirs.INPUT.get(key, default), cfg.INPUT[key]))
    return pairs


def _refuse_differences(pairs, filename: str) -> None:
    for key, value, expected in pairs:
        if value != expected:
            raise WeightsError(
                f"{filename}: made with {key} {value!r}, expected {expected!r} of this config"
            )


def init_backbone(model, cfg) -> bool:
    """Start the model's backbone and normalisation from MODEL.BACKBONE.INIT_WEIGHTS.

    Returns:
        whether the file brought the constants of the normalisation; an image model has none.

    Raises:
        ConfigError: the model has no backbone.
        WeightsError: that checkpoint's front end or the tensors of its backbone are others.
    """
    name = cfg.MODEL.BACKBONE.INIT_WEIGHTS
    backbone = model.backbone_for("MODEL.BACKBONE.INIT_WEIGHTS")
    if name in shipped_names() and hasattr(backbone, "trunk"):  # its heads are of other classes
        path = find_weights(name)
        _load_part(backbone.trunk, "backbone.trunk.", read_weights(path)["model"], path)
        return False
    path = PathManager.get_local_path(name)  # a URL is downloaded
    published = [part for part in backbone.modules() if hasattr(part, "load_published")]
    if published and path.endswith((".pt", ".tflite")):
        published[0].load_published(path)
        return True
    if path.endswith(".tflite"):
        raise WeightsError(
            f"{path}: a TensorFlow Lite file, expected a checkpoint: MODEL.BACKBONE.NAME is "
            f"{cfg.MODEL.BACKBONE.NAME}, only build_yamnet_backbone starts from one"
        )
    data = read_weights(path, cfg.MODEL.TRUST_PICKLE)
    # detectron2's architectures are one level deeper, see StockDetector.
    tensors = {name.removeprefix("detector."): x for name, x in data["model"].items()}
    if CARD in data:
        _refuse_differences(_front_ends(data[CARD], cfg), path)
    elif any(name.endswith("stem.conv1.weight") for name in backbone.state_dict()):
        init_from_image_model(model, tensors, path)
        return False
    _load_part(backbone, "backbone.", tensors, path)
    _load_part(model.clip_input, "clip_input.", tensors, path)
    return True


def _load_part(part, prefix: str, tensors: dict, path: str) -> None:
    """Give a part of a model all of its tensors out of a checkpoint's."""
    fitting = {}
    missing = []
    expected = part.state_dict()
    for name, tensor in sorted(expected.items()):
        if prefix + name in tensors and tensors[prefix + name].shape == tensor.shape:
            fitting[name] = tensors[prefix + name]
        else:
            missing.append(name)
    if missing:
        raise WeightsError(
            f"{path}: its {prefix[:-1]} does not fit: {len(missing)} of {len(expected)} tensors "
            f"missing or of another shape, first {prefix}{missing[0]} "
            f"{tuple(expected[missing[0]].shape)} expected"
        )
    part.load_state_dict(fitting)
