"""Every YAML in the repository builds a model and takes a step."""
from pathlib import Path

import pytest
import torch
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from audiodet.engine.setup import load_config

CONFIGS = sorted(p for p in Path("configs").rglob("*.yaml") if not p.name.startswith("Base-"))


def clip(n_mels, labels):
    instances = Instances((n_mels, 300))
    instances.gt_boxes = Boxes(torch.tensor([[100.0, 0.0, 160.0, n_mels]]))
    instances.gt_classes = torch.tensor([len(labels) - 1])
    target = torch.zeros(len(labels))
    target[-1] = 1
    return {"image": torch.randn(1, n_mels, 300), "instances": instances, "clip_labels": target}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: str(p.relative_to("configs")))
def test_config_trains_a_step_and_infers(path):
    torch.manual_seed(0)
    cfg = load_config(str(path), ["MODEL.DEVICE", "cpu"])
    model = build_model(cfg)
    batch = [clip(cfg.INPUT.SPECTROGRAM.N_MELS, cfg.DATASETS.LABELS) for _ in range(2)]
    with EventStorage():
        losses = model(batch)
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total) and total > 0
    without = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not without, f"parameters without a gradient: {without}"
    with torch.no_grad():
        (found,) = model.eval()([{k: v for k, v in batch[0].items() if k == "image"}])
    assert found["instances"].pred_boxes.tensor.isfinite().all()
