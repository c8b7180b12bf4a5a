"""Region detectors, fused or not, and frame-level systems run through the same Detector."""

import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.evaluation.registry import build_sed_evaluators
from audiodet.inference.loading import identity
from audiodet.inference.detector import Detector
from tests.systems import RATE, SYSTEMS, build, save_verifier


@pytest.fixture
def verifier(tmp_path):
    return save_verifier(tmp_path)


@pytest.mark.parametrize("name, opts", SYSTEMS)
def test_short_and_long_recordings(name, opts, verifier):
    """Windows begin on whole steps of any network; events lie inside the recording."""
    model = build(name, *[str(x).replace("{verifier}", verifier) for x in opts])
    detector = Detector(model, window=6.0, overlap=2.5)
    sound = np.random.default_rng(0).normal(0, 0.1, 14 * RATE).astype(np.float32)
    for seconds in (5, 14):
        events = detector.detect(sound[: seconds * RATE], RATE)
        assert events and all(0 <= e.onset < e.offset <= seconds for e in events)
        assert {e.label for e in events} <= set(model.cfg.DATASETS.LABELS)
    if not (name.endswith(("frame_control", "verifier_rare", "poly_mini")) or "tfseg" in name):
        assert detector.grid.cell % 256 == 0 and detector.grid.cell > 256
    assert detector.grid.advance % detector.grid.cell == 0


@pytest.fixture
def dataset():
    """A clip of 5 s with an event of the first label from 1 to 2 s."""
    event = {"bbox": [1.0, 0.0, 2.0, 1.0], "bbox_mode": 0, "category_id": 0, "iscrowd": 0}
    records = [
        {"file_name": "0.wav", "image_id": 0, "width": 5.0, "height": 1, "annotations": [event]}
    ]
    DatasetCatalog.register("toy_any", lambda: records)
    yield "toy_any"
    DatasetCatalog.remove("toy_any")
    MetadataCatalog.remove("toy_any")


@pytest.mark.parametrize("name, opts", SYSTEMS)
def test_every_score_of_every_system(name, opts, verifier, dataset, tmp_path):
    """Events of frame-level systems, frames of region detectors: all are scored in all ways."""
    opts = [str(x).replace("{verifier}", verifier) for x in opts]
    scores = [
        "TEST.EVALUATORS",
        "['events', 'tags', 'frames', 'scores']",
        "TEST.MICRO_SECONDS",
        "[1.0]",
    ]
    model = build(name, *opts, *scores, "TEST.BOOTSTRAP", 0)
    MetadataCatalog.get(dataset).set(
        thing_classes=list(model.cfg.DATASETS.LABELS), evaluator_type="sed"
    )
    sound = np.random.default_rng(0).normal(0, 0.1, 5 * RATE).astype(np.float32)
    clip = {"image_id": 0, **Detector(model).features(sound)}
    evaluators = build_sed_evaluators(model.cfg, dataset, str(tmp_path))
    evaluators.reset()
    with torch.inference_mode():
        evaluators.process([clip], model([clip]))
    found = evaluators.evaluate()
    tasks = {"sed", "segment", "micro_events", "micro_1s", "bbox", "tagging", "frames", "scores"}
    assert tasks <= set(found)
    label = model.cfg.DATASETS.LABELS[0]
    assert 0 <= found["frames"][f"AUC-{label}"] <= 100
    assert 0 <= found["scores"]["PSDS1"] <= 1 and 0 <= found["scores"][f"F1-best-{label}"] <= 100


def test_another_verifier_is_another_model(verifier):
    """A run that is resumed must not go on with other weights behind the same path."""
    fused = build("audiomask/R_18_fused", "MODEL.FUSION.VERIFIER", verifier)
    before = identity(fused)
    assert before == identity(fused)
    with torch.no_grad():
        fused.postprocessors[-1].verifier.classifier.bias += 1
    assert identity(fused)["weights_hash"] != before["weights_hash"]
