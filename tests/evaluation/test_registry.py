"""Evaluators are chosen by name, and a user's own is one of them."""

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator

from audiodet import get_cfg
from audiodet.errors import ConfigError
from audiodet.evaluation import EVALUATOR_REGISTRY, build_sed_evaluators


@pytest.fixture
def dataset():
    DatasetCatalog.register("toy_registry", lambda: [])
    MetadataCatalog.get("toy_registry").set(thing_classes=["a"])
    yield "toy_registry"
    DatasetCatalog.remove("toy_registry")
    MetadataCatalog.remove("toy_registry")


@pytest.fixture
def registered():
    """Entries of the test are gone afterwards."""
    before = dict(EVALUATOR_REGISTRY)
    yield EVALUATOR_REGISTRY
    EVALUATOR_REGISTRY._obj_map.clear()
    EVALUATOR_REGISTRY._obj_map.update(before)


def test_the_shipped_ones_share_one_signature(dataset, tmp_path):
    names = [name for name, _ in EVALUATOR_REGISTRY]
    assert sorted(names) == ["events", "frames", "masks", "scores", "tags"]
    for name in names:
        evaluator = EVALUATOR_REGISTRY.get(name)(dataset, get_cfg())
        assert isinstance(evaluator, DatasetEvaluator)
        named = EVALUATOR_REGISTRY.get(name)(
            dataset_name=dataset, cfg=get_cfg(), output_dir=str(tmp_path), thresholds={"a": 0.5}
        )
        assert isinstance(named, DatasetEvaluator)


def test_an_evaluator_of_a_user(dataset, registered, tmp_path):
    @registered.register()
    class LoudestClip(DatasetEvaluator):
        def __init__(self, dataset_name, cfg, output_dir=None, thresholds=None):
            self.arguments = [dataset_name, cfg, output_dir, thresholds]

        def evaluate(self):
            return {"loudest": {"clip": 3.0}}

    registered.register(LoudestClip, name="loudest")
    cfg = get_cfg()
    for name in ("LoudestClip", "loudest"):
        cfg.TEST.EVALUATORS = (name,)
        evaluators = build_sed_evaluators(cfg, dataset, str(tmp_path), {"a": 0.3})
        assert evaluators.evaluate() == {"loudest": {"clip": 3.0}}
        (evaluator,) = evaluators._evaluators
        assert evaluator.arguments == [dataset, cfg, str(tmp_path), {"a": 0.3}]


def test_unknown_names_are_refused_with_the_known_ones(dataset):
    cfg = get_cfg()
    cfg.TEST.EVALUATORS = ("events", "tag")
    with pytest.raises(ConfigError, match="'tag', expected some of .*events.*tags"):
        build_sed_evaluators(cfg, dataset)
