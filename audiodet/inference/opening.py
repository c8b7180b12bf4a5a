"""A model by its name, run by onnxruntime where an exported file is there, else by torch."""

import ctypes
import hashlib
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from audiodet import weights as files
from audiodet.errors import AudiodetError, ConfigError, WeightsError
from audiodet.inference.decisions import final_decisions
from audiodet.inference.on_onnx import OnnxModel
from audiodet.inference.voting_on_onnx import OnnxVoting
from audiodet.voting import Voting
from audiodet.weights import (
    MODEL_FILE,
    ensemble_names,
    find_ensemble,
    find_weights,
    read_ensemble,
    shipped_names,
)

ENGINES = ("auto", "onnxruntime", "torch")
SUFFIX = ".onnx"


def open_model(
    name: str = "",
    config_file: str = "",
    weights: str = "",
    device: str = "auto",
    engine: str = "auto",
):
    """A model for a :class:`~audiodet.inference.detector.Detector`.

    Args:
        name, config_file, weights, device: of :func:`~audiodet.inference.loading.load_model`; a
            name may also be a file of ``audiodet export``.
        engine: "torch", "onnxruntime", "torch first" (the other where torch is missing), or
            "auto": onnxruntime where an exported file gives the same and no GPU is meant.

    Raises:
        WeightsError: no such model, or no exported file of it.
        ConfigError: no such device, or a configuration that cannot work.
        AudiodetError: torch is needed and missing.
    """
    if find_ensemble(name):
        return _open_ensemble(name, device, engine)
    described = config_file or (name or weights).endswith((".yaml", ".yml"))
    path = None if described else find_exported(name or weights)
    lacks_torch = engine != "torch" and not _has_torch()
    must = path and (path == name or lacks_torch or engine == "onnxruntime")
    if path == name and engine == "torch":
        raise ConfigError(f"{name}: runs on onnxruntime, expected --engine auto or onnxruntime")
    if must or (path and engine == "auto" and _may_serve(device)):
        _refuse_other(device, path)
        model = OnnxModel(path)
        if must or not model.card["rounded"]:
            return _with_decisions(model, path)
    if engine == "onnxruntime":
        raise WeightsError(
            f"{name or config_file}: no exported file, expected one that `audiodet export` wrote"
        )
    if not _has_torch() and not described:
        find_weights(name or weights)  # a name that is wrong is said before
    return _load(name, config_file, weights, device, "a file of `audiodet export`")


def _open_ensemble(name: str, device: str, engine: str):
    """An ensemble that ships; :func:`open_model` says which engine runs it."""
    must = engine == "onnxruntime" or (engine != "torch" and not _has_torch())
    if must or (engine == "auto" and _may_serve(device)):
        _refuse_other(device, name)
        spec = read_ensemble(name)
        members = [OnnxModel(find_exported(member)) for member in spec["TEST"]["ENSEMBLE"]]
        voting = Voting(spec["TEST"]["VOTING"]["WEIGHTS"])
        system = spec["MODEL"]["META_ARCHITECTURE"]
        model = OnnxVoting(members, voting, spec["TEST"]["THRESHOLDS"], system)
        if must or not model.rounded:
            return model
    return _load(name, "", "", device, "--engine auto")


def _refuse_other(device: str, path: str) -> None:
    """ConfigError for another device than the one that onnxruntime has here."""
    if device not in ("auto", "cpu"):
        raise ConfigError(f"device {device!r}: {path} runs on the CPU, expected cpu or auto")


def _load(name: str, config_file: str, weights: str, device: str, instead: str):
    """A model that torch runs; AudiodetError where it is not installed, ``instead`` would do."""
    if not _has_torch():
        raise AudiodetError(
            f"{name or config_file}: needs torch, which is not installed, expected {instead}, or "
            "run: pip install 'audiodet[train]'"
        )
    from audiodet.inference.loading import load_model

    return load_model(name, config_file, weights, device)


def _has_torch() -> bool:
    return find_spec("torch") is not None


def runner_of(model):
    """What runs a model: an exported one itself, torch for any other."""
    if isinstance(model, (OnnxModel, OnnxVoting)):
        return model
    from audiodet.inference.on_torch import TorchRunner

    return TorchRunner(model)


def find_exported(name: str) -> str | None:
    """The exported file that a name means: it is one, one that ships, or one in a folder.

    Beside a checkpoint that a user trained it counts only if it was made of that very file.
    """
    if name.endswith(SUFFIX):
        if not Path(name).is_file():
            raise WeightsError(f"{name}: no such file; models that ship: {_known()}")
        return name
    shipped = files.SHIPPED / f"{name}{SUFFIX}"
    if shipped.is_file():
        return str(shipped)
    path = Path(name)
    path = path / MODEL_FILE if path.is_dir() else path
    exported = path.with_suffix(SUFFIX)
    if not exported.is_file():
        return None
    return str(exported) if not path.is_file() or _made_of(exported, path) else None


def _known() -> str:
    return ", ".join([*shipped_names(), *ensemble_names()])


def _made_of(exported: Path, checkpoint: Path) -> bool:
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    return OnnxModel(str(exported)).card.get("checkpoint_sha256") == digest


def _may_serve(device: str) -> bool:
    """Whether onnxruntime is here and no GPU is meant."""
    if find_spec("onnxruntime") is None:
        return False
    return device == "cpu" or (device == "auto" and not _has_gpu())


def _has_gpu() -> bool:
    """Whether CUDA's driver sees a GPU; asking torch takes seconds."""
    with suppress(OSError, AttributeError):
        driver = ctypes.CDLL("libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value > 0
    return False


def _with_decisions(model: OnnxModel, path: str) -> OnnxModel:
    thresholds, min_lengths = final_decisions(model.cfg, path)
    model.cfg.TEST.THRESHOLDS = list(thresholds.values())
    model.cfg.TEST.MIN_LENGTHS = list(min_lengths.values())
    return model
