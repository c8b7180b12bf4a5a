"""Files of weights: where those that ship lie, and how any is read without running its code."""

import json
import os
import pickle
import zipfile
from pathlib import Path

from audiodet.errors import WeightsError

CARD = "audiodet"  # key of a checkpoint's description
SHIPPED = Path(__file__).parent / "model_zoo" / "weights"
MODEL_FILE = "model.safetensors"  # in the folder of a detector that a user trained


def shipped_names(suffix: str = ".safetensors") -> list[str]:
    """Names of the models that ship, or of those that have a file of another kind."""
    return sorted(path.stem for path in SHIPPED.glob(f"*{suffix}"))


def ensemble_names() -> list[str]:
    """Names of the ensembles of these models that ship: YAMLs as ``TEST.ENSEMBLE`` takes them.

    They are written as JSON, which every YAML reader takes and an installation without one too.
    """
    return shipped_names(".yaml")


def find_ensemble(name: str) -> str | None:
    """Path of an ensemble that ships; None where the name is another."""
    return str(SHIPPED / f"{name}.yaml") if name in ensemble_names() else None


def read_ensemble(name: str) -> dict:
    """What the file of an ensemble that ships says, sections as a configuration has them."""
    return json.loads(Path(find_ensemble(name)).read_text(encoding="utf-8"))


def find_card(name: str) -> Path:
    """The model card of a model that ships, a Markdown file; WeightsError if there is none."""
    if name not in [*shipped_names(), *ensemble_names()]:
        known = ", ".join(sorted([*shipped_names(), *ensemble_names()]))
        raise WeightsError(f"{name}: no model that ships, expected one of {known}")
    return SHIPPED / f"{name}.md"


def read_card(path: str | os.PathLike) -> dict:
    """The description inside a ``.safetensors`` file, without its tensors.

    Raises:
        WeightsError: not such a file, or one without a description.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return json.loads((file.metadata() or {})[CARD])
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: no description ({error}), expected a model of audiodet"
        ) from error


def find_weights(name: str) -> str:
    """Path of a model that ships, of a checkpoint, or of the one in a trained detector's folder.

    Raises:
        WeightsError: there is neither such a name nor such a file, or the folder holds no model;
            or the file is an exported one.
    """
    if name.endswith(".onnx"):
        raise WeightsError(
            f"{name}: an exported file, which detect, stream, separate and plot run; expected the "
            "model that it was made of"
        )
    if find_ensemble(name):
        members = " or ".join(read_ensemble(name)["TEST"]["ENSEMBLE"])
        raise WeightsError(f"{name}: an ensemble without weights of its own, expected {members}")
    path = SHIPPED / f"{name}.safetensors"
    path = path if path.is_file() else Path(name)
    if path.is_dir():
        if not (path / MODEL_FILE).is_file():
            raise WeightsError(
                f"{name}: a folder without {MODEL_FILE}, expected one that `audiodet train` has "
                "finished"
            )
        path = path / MODEL_FILE
    if not path.is_file():
        known = ", ".join(shipped_names())
        raise WeightsError(f"{name}: no such model or file; models that ship: {known}")
    return str(path)


def read_weights(path: str, trust_pickle: bool = False) -> dict:
    """A checkpoint file -> {"model": tensors by name, CARD: description, ...}, on the CPU.

    ``.safetensors`` and tensor-only ``.pth`` files execute nothing. Half-precision tensors of a
    shipped model become float32.

    Raises:
        WeightsError: missing, not a checkpoint, a damaged description, or a pickle that could
            execute code.
    """
    import numpy as np
    import torch

    if not os.path.isfile(path):
        raise WeightsError(f"{path}: no such file, expected a checkpoint")
    if path.endswith(".safetensors"):
        data = _with_shared(_with_whole_card(_read_safetensors(path), path), path)
        return _finite(data, path)
    try:
        data = _unpickle(path, trust_pickle)
    except Exception as error:  # there is no telling what a damaged pickle raises
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0]
        if isinstance(error, pickle.UnpicklingError) and not trust_pickle:
            raise WeightsError(
                f"{path}: refused, it is a pickle that could run code or no checkpoint at all "
                f"({reason}); expected tensors only. If you made the file yourself, set "
                "MODEL.TRUST_PICKLE True in the configuration file it is used with (audiodet "
                "detect: --config-file and --weights)"
            ) from error
        raise WeightsError(f"{path}: not a whole checkpoint ({reason})") from error
    model = data.get("model", data) if isinstance(data, dict) else data
    arrays = (torch.Tensor, np.ndarray)
    if not isinstance(model, dict) or not all(isinstance(x, arrays) for x in model.values()):
        raise WeightsError(f"{path}: holds a {type(model).__name__}, expected tensors by name")
    data = _with_whole_card(data if "model" in data else {"model": data}, path)
    return _finite(data, path)


def _finite(data: dict, path: str) -> dict:
    """The data of a checkpoint without NaN or infinity in its tensors."""
    import torch

    for name, tensor in data["model"].items():
        tensor = torch.as_tensor(tensor)
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise WeightsError(f"{path}: {name} holds NaN or infinity, expected finite numbers")
    return data


def read_described(path: str) -> dict:
    """:func:`read_weights` of a checkpoint that must have a description.

    Raises:
        WeightsError: as there, or without a description.
    """
    data = read_weights(path)
    if CARD not in data:
        raise WeightsError(f"{path}: carries no configuration, expected a checkpoint of audiodet")
    return data


def _with_shared(data: dict, path: str) -> dict:
    """Adds the tensors that a shipped file leaves to another, which its description names.

    Its "shared" is [name of that model, prefix of the tensors]: fold models have a frozen network
    in common.
    """
    if "shared" not in data.get(CARD, {}):
        return data
    name, prefix = data[CARD]["shared"]
    try:
        tensors = _read_safetensors(find_weights(name))["model"]
    except WeightsError as error:
        raise WeightsError(f"{path}: leaves {prefix}* to another model; {error}") from error
    shared = {key: x for key, x in tensors.items() if key.startswith(prefix)}
    return {**data, "model": {**data["model"], **shared}}


def _with_whole_card(data: dict, path: str) -> dict:
    """The data of a checkpoint whose description, if it has one, is whole."""
    card = data.get(CARD, {})
    kinds = {"architecture": str, "labels": list, "config": str}
    if not isinstance(card, dict):
        raise WeightsError(
            f"{path}: its description is {card!r:.60}, expected an object with {', '.join(kinds)}"
        )
    for key, kind in kinds.items() if CARD in data else ():
        if not isinstance(card.get(key), kind):
            raise WeightsError(
                f"{path}: its description has {key} {card.get(key)!r:.60}, expected a "
                f"{kind.__name__}"
            )
    return data


def _unpickle(path: str, trust_pickle: bool):
    """torch's pickles and, when trusted, plain ones such as detectron2's model zoo has."""
    if not trust_pickle and path.endswith(".pkl"):
        raise pickle.UnpicklingError("a .pkl file")
    if path.endswith(".pkl"):
        with open(path, "rb") as file:
            return pickle.load(file, encoding="latin1")
    _refuse_bomb(path)
    import torch

    return torch.load(path, map_location="cpu", weights_only=not trust_pickle)


def _refuse_bomb(path: str) -> None:
    """Raise ValueError where an archive is larger inside than outside; torch never packs."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        inside = sum(entry.file_size for entry in archive.infolist())
    if inside > os.path.getsize(path):
        raise ValueError(
            f"{inside} bytes packed into {os.path.getsize(path)}, expected an archive that is not "
            "packed, as torch writes it"
        )


def _read_safetensors(path: str) -> dict:
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(CARD)
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error})") from error
    tensors = {k: t.float() if t.dtype == torch.float16 else t for k, t in tensors.items()}
    if text is None:
        return {"model": tensors}
    try:
        return {"model": tensors, CARD: json.loads(text)}
    except (ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: its description is no JSON ({error}), expected one that audiodet wrote"
        ) from error
