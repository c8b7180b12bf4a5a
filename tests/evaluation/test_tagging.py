"""Clip-level scores by hand."""

import json

import numpy as np
import pytest
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import Instances

from audiodet.config import get_cfg
from audiodet.errors import ConfigError
from audiodet.evaluation.registry import build_sed_evaluators
from audiodet.evaluation.unit_evaluators import TaggingEvaluator, clip_scores


@pytest.fixture
def dataset():
    """Four weak clips: "a" in the first two, "b" in all."""
    records = [
        {
            "file_name": f"{i}.wav",
            "image_id": i,
            "width": 4.0,
            "label_kind": "weak",
            "clip_labels": [0, 1] if i < 2 else [1],
        }
        for i in range(4)
    ]
    DatasetCatalog.register("toy_tags", lambda: records)
    MetadataCatalog.get("toy_tags").set(thing_classes=["a", "b"], evaluator_type="sed")
    yield "toy_tags"
    DatasetCatalog.remove("toy_tags")
    MetadataCatalog.remove("toy_tags")


def config(**test):
    cfg = get_cfg()
    for key, value in {"BOOTSTRAP": 0, **test}.items():
        cfg.TEST[key] = value
    return cfg


def evaluate(evaluator, scores):
    evaluator.reset()
    inputs = [{"image_id": i} for i in range(len(scores))]
    evaluator.process(inputs, [{"clip_scores": torch.tensor([s, 0.5])} for s in scores])
    return evaluator.evaluate()["tagging"]


@pytest.mark.parametrize(
    "scores, eer",
    [((0.9, 0.8, 0.2, 0.1), 0.0), ((0.9, 0.3, 0.4, 0.1), 50.0), ((0.1, 0.2, 0.8, 0.9), 100.0)],
)
def test_equal_error_rate(dataset, scores, eer, tmp_path):
    found = evaluate(TaggingEvaluator(dataset, config(), str(tmp_path)), scores)
    assert found["EER"] == found["EER-a"] == pytest.approx(eer)
    assert np.isnan(found["EER-b"])  # no clip is without it
    tags = json.loads((tmp_path / "tags.json").read_text())
    assert tags["1.wav"] == {"a": pytest.approx(scores[1]), "b": 0.5}


def test_figures_of_one_label_by_hand(dataset):
    """Of four clips the first two hold "a"; scores rank them first and third."""
    evaluator = TaggingEvaluator(dataset, config(TAG_THRESHOLD=0.35, BOOTSTRAP=200))
    found = evaluate(evaluator, (0.9, 0.3, 0.4, 0.1))
    assert found["F1-a"] == pytest.approx(50.0)  # one hit, one false, one missed
    assert found["AUC"] == found["AUC-a"] == pytest.approx(75.0)  # three of four pairs in order
    assert found["mAP"] == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert found["F1"] == pytest.approx((50.0 + 100.0) / 2)  # "b" is in all clips, and found
    for name in ("F1", "AUC", "mAP"):
        assert found[f"{name}-low"] <= found[name] <= found[f"{name}-high"]


def test_events_give_clip_scores():
    found = Instances(
        (1, 4), scores=torch.tensor([0.7, 0.2, 0.6]), pred_classes=torch.tensor([1, 1, 0])
    )
    assert clip_scores({"instances": found}, 3) == pytest.approx([0.6, 0.7, 0.0])


def test_evaluators_are_chosen_by_the_configuration(dataset, tmp_path):
    cfg = get_cfg()
    cfg.TEST.EVALUATORS = ("tags",)
    (chosen,) = build_sed_evaluators(cfg, dataset, str(tmp_path))._evaluators
    assert isinstance(chosen, TaggingEvaluator)
    cfg.TEST.EVALUATORS = ("tag",)
    with pytest.raises(ConfigError, match="names 'tag', expected some of .*tags"):
        build_sed_evaluators(cfg, dataset, str(tmp_path))
