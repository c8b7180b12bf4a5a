"""Models that ship with audiodet, by name.

Each is a ``weights/<name>.safetensors`` with its configuration, labels, front end and per-class
thresholds inside, and a model card ``<name>.md`` beside it.
"""

import json

from audiodet.weights import CARD, find_weights, read_described, shipped_names


def names() -> list:
    """Names that :func:`get` knows."""
    return shipped_names()


def get(name: str, device: str = "cpu"):
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
    from audiodet.modeling.trained import load_trained

    return load_trained(find_weights(name), device)


def export(
    checkpoint: str, thresholds: dict, path: str, half: bool = True, shared: tuple = ()
) -> None:
    """Write a training's checkpoint as a small file that ships.

    Args:
        checkpoint: a ``.pth`` of audiodet.
        thresholds: final threshold of each label; becomes ``TEST.THRESHOLDS``. The protocol of
            one event a clip is not kept: a recording may hold many.
        path: ``.safetensors`` to write.
        half: store weights in half precision; they are read back as float32.
        shared: (name of another shipped model, prefix of tensors that are left to it).

    Raises:
        WeightsError: no checkpoint of audiodet.
    """
    from detectron2.config import CfgNode
    from safetensors.torch import save_file

    from audiodet.files import atomic_path

    data = read_described(checkpoint)
    card = data[CARD]
    cfg = CfgNode.load_cfg(card["config"])
    cfg.TEST.THRESHOLDS = [float(thresholds[label]) for label in card["labels"]]
    cfg.TEST.TUNE_THRESHOLDS, cfg.TEST.BEST_EVENT_PER_CLIP = False, False
    cfg.MODEL.WEIGHTS, cfg.MODEL.BACKBONE.INIT_WEIGHTS, cfg.INPUT.CACHE_DIR = "", "", ""
    if "PRETRAINED" in cfg.MODEL:
        cfg.MODEL.PRETRAINED.CACHE_DIR = ""
    cfg.DATASETS.SOUNDBANK, cfg.DATASETS.CUSTOM, cfg.OUTPUT_DIR = "", [], "output"
    card = {**card, "config": cfg.dump(), **({"shared": list(shared)} if shared else {})}
    left_out = shared[1] if shared else "\0"
    tensors = {
        name: (t.half() if half and t.is_floating_point() else t).contiguous()
        for name, t in data["model"].items()
        if not name.startswith(left_out)
    }
    with atomic_path(path) as temporary:
        save_file(tensors, str(temporary), {CARD: json.dumps(card)})
