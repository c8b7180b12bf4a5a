"""Where every model is opened: name -> file -> description -> configuration -> model -> thresholds.

:func:`load_model` is the way of the command line, of :class:`~audiodet.inference.detector.Detector`
and of :func:`audiodet.model_zoo.get`; :func:`load_configured` is its second half for a
configuration that is read already.
"""

import hashlib
import json
from pathlib import Path

import torch

from audiodet.config.node import to_detect_with
from audiodet.errors import ConfigError
from audiodet.files import atomic_path, write_text
from audiodet.inference.decisions import TUNED, final_decisions
from audiodet.modeling.trained import load_trained
from audiodet.weights import CARD, MODEL_FILE, find_ensemble, find_weights


def load_model(name: str = "", config_file: str = "", weights: str = "", device: str = "auto"):
    """A model ready for inference, with its configuration in ``cfg``.

    Its ``TEST.THRESHOLDS`` and ``TEST.MIN_LENGTHS`` are those of :func:`final_decisions`.

    Args:
        name: a model that ships or the path of a checkpoint, which carry their configuration; or a
            YAML whose ``TEST.ENSEMBLE`` names several of them, or the name of one that ships.
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
    name = find_ensemble(name) or name
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
    thresholds, min_lengths = final_decisions(model.cfg, weights)
    model.cfg.defrost()
    model.cfg.TEST.THRESHOLDS = list(thresholds.values())
    model.cfg.TEST.MIN_LENGTHS = list(min_lengths.values())
    model.cfg.freeze()
    return model


def with_decisions(model, cfg, thresholds: dict, min_lengths: dict):
    """A trained model with the configuration to detect with: its thresholds, no paths of its home.

    Args:
        thresholds, min_lengths: lowest score and shortest length in seconds, by label.
    """
    cfg = to_detect_with(cfg, thresholds)
    if "MIN_LENGTHS" in cfg.TEST:
        cfg.TEST.MIN_LENGTHS = [float(min_lengths[label]) for label in cfg.DATASETS.LABELS]
    cfg.DATASETS.CUSTOM = cfg.DATASETS.TRAIN = cfg.DATASETS.VAL = cfg.DATASETS.TEST = ()
    cfg.freeze()
    model.cfg = cfg
    return model.eval()


def save_model(model, thresholds: dict, folder) -> None:
    """Write the folder of a detector, the weights last; ``--model FOLDER`` opens it anywhere.

    Raises:
        AudiodetError: the folder cannot be written.
    """
    from safetensors.torch import save_file

    from audiodet.engine.checkpoint import describe

    folder = Path(folder)
    cfg = model.cfg.clone()
    cfg.defrost()
    cfg.TEST.THRESHOLDS = list(thresholds.values())
    cfg.MODEL.DEVICE = "cpu"
    write_text(folder / "config.yaml", cfg.dump())
    write_text(folder / "labels.txt", "\n".join(cfg.DATASETS.LABELS) + "\n")
    write_text(folder / TUNED, json.dumps(thresholds, indent=1, ensure_ascii=False))
    tensors = {name: x.detach().cpu().contiguous() for name, x in model.state_dict().items()}
    with atomic_path(folder / MODEL_FILE) as temporary:
        save_file(tensors, str(temporary), {CARD: json.dumps(describe(cfg))})


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
