"""Models that ship with audiodet, by name.

Each is a ``weights/<name>.safetensors`` with its configuration, labels, front end and per-class
thresholds inside, and a model card ``<name>.md`` beside it.
"""
import json
from pathlib import Path

from audiodet.errors import WeightsError

WEIGHTS = Path(__file__).parent / "weights"


def names() -> list:
    """Names that :func:`get` knows."""
    return sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))


def get(name: str, device: str = "cpu"):
    """A trained model, ready for inference.

    Args:
        name: one of :func:`names`, or the path of a checkpoint that audiodet wrote.
        device: "cpu", "cuda", ...

    Returns:
        the ``nn.Module`` in eval mode; its ``cfg`` has the labels (``DATASETS.LABELS``), the front
        end (``INPUT``) and the tuned thresholds (``TEST.THRESHOLDS``).

    Raises:
        WeightsError: no such name or file, or a file without a description.
    """
    import torch
    from detectron2.config import CfgNode
    from detectron2.modeling import build_model

    import audiodet.modeling  # noqa: F401  fills the registries
    from audiodet.config import get_cfg
    from audiodet.engine.checkpoint import CARD, SEDCheckpointer, read_weights

    path = WEIGHTS / f"{name}.safetensors"
    path = str(path) if path.is_file() else str(name)
    if not Path(path).is_file():
        raise WeightsError(f"{name}: no such model or file; models that ship: {', '.join(names())}")
    card = read_weights(path).get(CARD)
    if card is None:
        raise WeightsError(f"{path}: carries no configuration, expected a checkpoint of audiodet")
    cfg = get_cfg()
    cfg.merge_from_other_cfg(CfgNode.load_cfg(card["config"]))
    cfg.MODEL.DEVICE = device
    if device == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        cfg.MODEL.BACKBONE.PRECISION = "float32"  # bfloat16 would be emulated, slowly
    cfg.freeze()
    model = build_model(cfg)
    SEDCheckpointer(model, cfg=cfg).load(path)
    model.cfg = cfg
    return model.eval()


def export(checkpoint: str, thresholds: dict, path: str, half: bool = True) -> None:
    """Write a training's checkpoint as a small file that ships.

    Args:
        checkpoint: a ``.pth`` of audiodet.
        thresholds: final threshold of each label; becomes ``TEST.THRESHOLDS``. The protocol of
            one event a clip is not kept: a recording may hold many.
        path: ``.safetensors`` to write.
        half: store weights in half precision; they are read back as float32.
    """
    from detectron2.config import CfgNode
    from safetensors.torch import save_file

    from audiodet.engine.checkpoint import CARD, read_weights
    from audiodet.files import atomic_path

    data = read_weights(checkpoint)
    card = data[CARD]
    cfg = CfgNode.load_cfg(card["config"])
    cfg.TEST.THRESHOLDS = [float(thresholds[label]) for label in card["labels"]]
    cfg.TEST.TUNE_THRESHOLDS, cfg.TEST.BEST_EVENT_PER_CLIP = False, False
    cfg.MODEL.WEIGHTS, cfg.MODEL.BACKBONE.INIT_WEIGHTS, cfg.INPUT.CACHE_DIR = "", "", ""
    cfg.DATASETS.SOUNDBANK, cfg.DATASETS.CUSTOM, cfg.OUTPUT_DIR = "", [], "output"
    card = {**card, "config": cfg.dump()}
    tensors = {
        name: (t.half() if half and t.is_floating_point() else t).contiguous()
        for name, t in data["model"].items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, str(temporary), {CARD: json.dumps(card)})
