"""Where every model is opened: name -> file -> description -> configuration -> model -> thresholds.

:func:`load_model` is the way of the command line, of :class:`~audiodet.inference.detector.Detector`
and of :func:`audiodet.model_zoo.get`; :func:`load_configured` is its second half for a
configuration that is read already.
"""

import hashlib
import json
from pathlib import Path

import torch

from audiodet.errors import ConfigError
from audiodet.events import thresholds_by_label
from audiodet.modeling.trained import load_trained
from audiodet.weights import find_weights

TUNED = "thresholds.json"  # what a training with TEST.TUNE_THRESHOLDS leaves beside its checkpoints


def load_model(name: str = "", config_file: str = "", weights: str = "", device: str = "auto"):
    """A model ready for inference, with its configuration in ``cfg``.

    Its ``TEST.THRESHOLDS`` are those of :func:`final_thresholds`.

    Args:
        name: a model that ships or the path of a checkpoint, which carry their configuration; or a
            YAML whose ``TEST.ENSEMBLE`` names several of them.
        config_file, weights: instead of a name, a YAML and a checkpoint that belongs to it.
        device: "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1", ...

    Raises:
        WeightsError: no such model, or weights of another one.
        ConfigError: no such device, a configuration that cannot work, or a damaged file of
            tuned thresholds.
    """
    device = _usable_device(device)
    if config_file:
        from audiodet.engine.setup import load_config

        return load_configured(
            load_config(config_file, ["MODEL.WEIGHTS", weights, "MODEL.DEVICE", device])
        )
    if name.endswith((".yaml", ".yml")):
        from audiodet.engine.ensemble import open_ensemble

        return _with_final_thresholds(open_ensemble(name, device), name)
    path = find_weights(name or weights)
    return _with_final_thresholds(load_trained(path, device), path)


def load_configured(cfg):
    """:func:`load_model` of a configuration whose MODEL.WEIGHTS names a checkpoint."""
    from audiodet.engine.checkpoint import SEDCheckpointer
    from audiodet.engine.trainer import Trainer

    model = Trainer.build_model(cfg)
    SEDCheckpointer(model, cfg=cfg).load(cfg.MODEL.WEIGHTS)
    model.cfg = cfg.clone()
    return _with_final_thresholds(model.eval(), cfg.MODEL.WEIGHTS)


def _with_final_thresholds(model, weights: str):
    thresholds = final_thresholds(model.cfg, weights)
    model.cfg.defrost()
    model.cfg.TEST.THRESHOLDS = list(thresholds.values())
    model.cfg.freeze()
    return model


def final_thresholds(cfg, weights: str) -> dict[str, float]:
    """Thresholds of a checkpoint, by label in the configuration's order.

    With TEST.TUNE_THRESHOLDS those that training left in ``thresholds.json`` beside the file
    ``weights``; TEST.THRESHOLDS where there are none.

    Raises:
        ConfigError: a damaged ``thresholds.json``, or one of other labels.
    """
    labels = cfg.DATASETS.LABELS
    path = Path(weights).with_name(TUNED)
    if not (cfg.TEST.TUNE_THRESHOLDS and path.is_file()):
        return thresholds_by_label(cfg.TEST.THRESHOLDS, labels)
    try:
        return thresholds_by_label(dict(json.loads(path.read_text(encoding="utf-8"))), labels)
    except (ValueError, TypeError) as error:  # ConfigError, JSONDecodeError, UnicodeDecodeError
        raise ConfigError(
            f"{path}: {error}; expected an object with a number for each of {list(labels)}"
        ) from error


def identity(model) -> dict:
    """Hashes of what makes a model's answers: its configuration and its weights."""
    cfg = model.cfg.clone()
    cfg.defrost()
    cfg.MODEL.DEVICE = ""
    text = "\n".join(f"{key}: {cfg[key].dump()}" for key in ("INPUT", "MODEL"))
    digest = hashlib.sha256()
    tensors = dict(model.state_dict())
    for verifier in model.verifiers:
        tensors |= {f"verifier {k}": x for k, x in verifier.state_dict().items()}
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return {
        "architecture": cfg.MODEL.META_ARCHITECTURE,
        "config_hash": hashlib.sha256(text.encode()).hexdigest()[:16],
        "weights_hash": digest.hexdigest()[:16],
    }


def _usable_device(name: str) -> str:
    """The name of a device that is here."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"device {name!r} does not work ({reason}), expected cpu or cuda"
        ) from None
    return name
