"""Self-mask networks that are small enough for tests, and clips for them."""

import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances

from audiodet.engine.setup import load_config

NARROW = [
    "MODEL.DEVICE",
    "cpu",
    "MODEL.SELF_MASK.STEM",
    4,
    "MODEL.SELF_MASK.WIDTHS",
    "(4, 4, 6, 8)",
    "DATASETS.LABELS",
    "('a', 'b', 'c')",
    "DATASETS.TRAIN",
    "()",
]


def build(*opts):
    torch.manual_seed(0)
    opts = [str(x) for x in (*NARROW, *opts)]
    return build_model(load_config("configs/self_mask/desed.yaml", opts))


def truth(*events, frames=1024):
    instances = Instances((128, frames))
    instances.gt_boxes = Boxes(
        torch.tensor([[a, 0.0, b, 128.0] for a, b, _ in events]).reshape(-1, 4)
    )
    instances.gt_classes = torch.tensor([k for *_, k in events], dtype=torch.int64)
    return instances


def clip(kind="strong", events=(), labels=(), frames=1024, seed=0):
    image = torch.randn(1, 128, frames, generator=torch.Generator().manual_seed(seed))
    target = torch.zeros(3)
    target[list(labels)] = 1.0
    return {
        "image": image,
        "label_kind": kind,
        "instances": truth(*events, frames=frames),
        "clip_labels": target,
    }
