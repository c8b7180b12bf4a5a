"""A model's own thresholds: configured, or tuned by its training."""

import pytest

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.errors import ConfigError
from audiodet.inference.detector import Detector
from audiodet.inference.decisions import TUNED
from audiodet.inference.loading import load_model


@pytest.fixture(params=["name", "configuration"])
def load(request, model, tmp_path):
    """Writes a training's folder -> keyword arguments of ``load_model``, by both ways."""

    def write(tune: bool, tuned: str = '{"tone": 0.25, "burst": 0.5}') -> dict:
        cfg = model.cfg.clone()
        cfg.defrost()
        cfg.TEST.TUNE_THRESHOLDS, cfg.TEST.THRESHOLDS = tune, [0.125]
        cfg.DATASETS.VAL = ("some",)
        SEDCheckpointer(model, str(tmp_path), cfg=cfg).save("model_final")
        (tmp_path / TUNED).write_text(tuned)
        (tmp_path / "config.yaml").write_text(cfg.dump())
        weights = str(tmp_path / "model_final.pth")
        if request.param == "name":
            return {"name": weights}
        return {"config_file": str(tmp_path / "config.yaml"), "weights": weights}

    return write


def test_tuned_thresholds_beside_a_checkpoint_are_its_own(load):
    model = load_model(**load(tune=True), device="cpu")
    assert Detector(model).thresholds == {"burst": 0.5, "tone": 0.25}
    assert Detector(model, 0.75).thresholds == {"burst": 0.75, "tone": 0.75}
    assert Detector(model, {"tone": 0.75}).thresholds == {"burst": 0.5, "tone": 0.75}


def test_thresholds_that_the_configuration_does_not_tune_stay(load, tmp_path):
    assert Detector(load_model(**load(tune=False))).thresholds == {"burst": 0.125, "tone": 0.125}
    options = load(tune=True)
    (tmp_path / TUNED).unlink()
    assert Detector(load_model(**options)).thresholds == {"burst": 0.125, "tone": 0.125}


@pytest.mark.parametrize("text", ["", "[0.5]", "7", '{"tone": 0.5}', '{"tone": 1, "burst": "x"}'])
def test_damaged_tuned_thresholds(text, load):
    with pytest.raises(ConfigError, match="thresholds.json: .*expected .*'burst', 'tone'"):
        load_model(**load(tune=True, tuned=text))
