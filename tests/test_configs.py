"""Every YAML in the repository builds a model and takes a step."""

from pathlib import Path

import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from audiodet import model_zoo
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import WeightsError
from audiodet.inference.loading import load_model
from audiodet.modeling import keras_count
from audiodet.weights import find_weights

CONFIGS = sorted(p for p in Path("configs").rglob("*.yaml") if not p.name.startswith("Base-"))


def clip(cfg):
    """A training crop: a verifier's is 200 frames long."""
    n_mels, labels = cfg.INPUT.SPECTROGRAM.N_MELS, cfg.DATASETS.LABELS
    frames = 200 if cfg.MODEL.META_ARCHITECTURE == "FrameVerifier" else 300
    instances = Instances((n_mels, frames))
    instances.gt_boxes = Boxes(torch.tensor([[100.0, 0.0, 160.0, n_mels]]))
    instances.gt_classes = torch.tensor([len(labels) - 1])
    target = torch.zeros(len(labels))
    target[-1] = 1
    return {"image": torch.randn(1, n_mels, frames), "instances": instances, "clip_labels": target}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: str(p.relative_to("configs")))
def test_config_trains_a_step_and_infers(path):
    torch.manual_seed(0)
    cfg = load_config(str(path), ["MODEL.DEVICE", "cpu", "MODEL.POSTPROCESSORS", "[]"])
    model = build_model(cfg)
    batch = [clip(cfg) for _ in range(2)]
    with EventStorage():
        losses = model(batch)
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total) and total > 0
    without = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not without, f"parameters without a gradient: {without}"
    Trainer.build_optimizer(cfg, model).step()
    assert all(p.isfinite().all() for p in model.parameters())
    with torch.no_grad():
        (found,) = model.eval()([{k: v for k, v in batch[0].items() if k == "image"}])
    assert found["instances"].pred_boxes.tensor.isfinite().all()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: str(p.relative_to("configs")))
def test_labels_are_those_of_its_datasets(path):
    """Every dataset that a configuration names is registered, and has all of its labels."""
    cfg = load_config(str(path), [])
    for name in (*cfg.DATASETS.TRAIN, *cfg.DATASETS.VAL, *cfg.DATASETS.TEST):
        known = MetadataCatalog.get(name).get("thing_classes")
        assert name in DatasetCatalog and (
            known is None or set(cfg.DATASETS.LABELS) <= set(known)
        ), name


@pytest.mark.parametrize(
    "name",
    [
        "audiomask/R_18_fused",
        "audiomask/R_101_fused",
        "audiomask/R_101_fused_gunshot",
        "rcrnn/rare_fused",
    ],
)
def test_a_fused_config_asks_for_its_verifier(name):
    """The one that the verifier's own config writes, of the same front end and labels."""
    cfg = load_config(f"configs/{name}.yaml", ["MODEL.DEVICE", "cpu"])
    verifier = cfg.MODEL.FUSION.VERIFIER
    with pytest.raises(WeightsError, match=f"{verifier}: no such model or file"):
        build_model(cfg)
    configs = [load_config(str(path), []) for path in CONFIGS]
    folder, file = verifier.rsplit("/", 1)
    (made_by,) = [c for c in configs if c.OUTPUT_DIR == folder]
    # Where training keeps the best model, that is the one.
    assert file == ("model_best.pth" if made_by.SOLVER.BEST.METRIC else "model_final.pth")
    for key in ("HOP", "N_FFT", "N_MELS"):
        assert made_by.INPUT.SPECTROGRAM[key] == cfg.INPUT.SPECTROGRAM[key]
    assert made_by.DATASETS.LABELS == cfg.DATASETS.LABELS


def test_the_small_fused_config_is_the_model_that_ships():
    """No training is needed to evaluate it: detector and verifier ship."""
    shipped = model_zoo.get("audiomask_rare_mini")
    (verifier,) = shipped.verifiers
    assert keras_count(verifier) == 803_931
    assert list(verifier.cfg.DATASETS.TRAIN) == list(shipped.cfg.DATASETS.TRAIN)
    weights = find_weights("audiomask_rare_mini")
    model = load_model(config_file="configs/audiomask/R_18_small_fused.yaml", weights=weights)
    hooks, theirs = ([hook.numbers() for hook in x.postprocessors] for x in (model, shipped))
    assert hooks == theirs and hooks[1]["weight"] > 0
    for name, tensor in shipped.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
