"""Shipped models: what goes in comes out, with labels, thresholds and front end."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from audiodet import model_zoo, weights
from audiodet.engine.checkpoint import CARD, SEDCheckpointer, read_weights
from audiodet.engine.trainer import Trainer
from audiodet.errors import WeightsError
from audiodet.inference.loading import load_model
from audiodet.audio.io import read_audio
from audiodet.inference.detector import Detector
from tests.tiny import LABELS, tiny_config, write_tiny_data

THRESHOLDS = {"tone": 0.125, "burst": 0.25}


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory):
    return write_tiny_data(tmp_path_factory.mktemp("zoo") / "tiny_zoo")


def save(data, folder, *opts):
    """An untrained model with odd batch-norm statistics, saved as a training does."""
    torch.manual_seed(0)
    cfg = tiny_config(data, folder, *opts)
    model = Trainer.build_model(cfg)
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var", "normalizer.mean", "normalizer.std")):
            buffer.uniform_(0.5, 1.5)
    SEDCheckpointer(model, str(folder), cfg=cfg).save("model_final")
    return str(folder / "model_final.pth"), model.eval()


@pytest.fixture(scope="module")
def trained(tiny_data, tmp_path_factory):
    return save(tiny_data, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def detections(tiny_data):
    """Raw detections of a model on one clip."""

    def detect(model):
        cfg = getattr(model, "cfg", None) or tiny_config(tiny_data)
        model.cfg = cfg
        detector = Detector(model, 0.0)
        clip = detector.features(read_audio(tiny_data.audio("test", 1), 16000))
        with torch.no_grad():
            found = model([clip])[0]["instances"]
        return found.pred_boxes.tensor.numpy(), found.scores.numpy(), found.pred_classes.numpy()

    return detect


def test_checkpoint_of_a_training_by_its_path(trained, detections):
    path, model = trained
    for found, expected in zip(detections(model_zoo.get(path)), detections(model)):
        np.testing.assert_array_equal(found, expected)


def test_exported_whole_is_exactly_the_model(trained, detections, tmp_path):
    path, model = trained
    shipped = str(tmp_path / "small.safetensors")
    model_zoo.export(path, THRESHOLDS, shipped, half=False)
    loaded = model_zoo.get(shipped)
    assert not loaded.training
    for found, expected in zip(detections(loaded), detections(model)):
        np.testing.assert_array_equal(found, expected)
    assert list(loaded.cfg.DATASETS.LABELS) == LABELS
    assert list(loaded.cfg.TEST.THRESHOLDS) == [0.25, 0.125]  # in the order of the labels
    assert Detector(loaded).thresholds == THRESHOLDS
    assert not loaded.cfg.TEST.BEST_EVENT_PER_CLIP and not loaded.cfg.TEST.TUNE_THRESHOLDS
    assert loaded.cfg.INPUT.SPECTROGRAM.HOP == 256 and loaded.cfg.INPUT.AUDIO.SAMPLE_RATE == 16000


def test_exported_in_half_precision_is_close(trained, detections, tmp_path):
    path, model = trained
    sizes = {}
    for half in (False, True):
        shipped = tmp_path / f"half{half}.safetensors"
        model_zoo.export(path, THRESHOLDS, str(shipped), half=half)
        sizes[half] = shipped.stat().st_size
    assert sizes[True] < 0.55 * sizes[False]
    loaded = model_zoo.get(str(shipped))
    assert {x.dtype for x in loaded.parameters()} == {torch.float32}
    state = model.state_dict()
    for name, x in loaded.state_dict().items():
        torch.testing.assert_close(x, state[name], rtol=1e-3, atol=1e-6, msg=name)
    found, expected = detections(loaded), detections(model)
    np.testing.assert_allclose(np.sort(found[1])[-5:], np.sort(expected[1])[-5:], atol=5e-3)


def test_nothing_of_this_machine_is_shipped(trained, tiny_data, tmp_path):
    """Paths of the training are of no use elsewhere."""
    shipped = str(tmp_path / "small.safetensors")
    model_zoo.export(trained[0], THRESHOLDS, shipped)
    text = read_weights(shipped)[CARD]["config"]
    assert str(tiny_data.folder) not in text and str(tmp_path.parent) not in text


def test_names(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    assert model_zoo.names() == []
    for name in ("rare", "other"):
        model_zoo.export(trained[0], THRESHOLDS, str(tmp_path / f"{name}.safetensors"))
    assert model_zoo.names() == ["other", "rare"]
    assert list(model_zoo.get("rare").cfg.DATASETS.LABELS) == LABELS
    with pytest.raises(WeightsError, match="^rear: no such model or file.*: other, rare$"):
        model_zoo.get("rear")


def test_weights_without_a_description(trained, tmp_path):
    path = str(tmp_path / "bare.safetensors")
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match="bare.safetensors: carries no configuration"):
        model_zoo.get(path)


@pytest.mark.parametrize(
    "card, words",
    [
        ("{", r"its description is no JSON \(.*\), expected"),
        ('["config"]', r"its description is \['config'\], expected an object"),
        ("3", "its description is 3, expected an object"),
        ("{}", "its description has architecture None, expected a str"),
        ({"config": {"MODEL": 1}}, "its description has config {'MODEL': 1}, expected a str"),
        ({"labels": "tone"}, "its description has labels 'tone', expected a list"),
        ({"config": "MODEL: [1"}, "its configuration cannot be used"),
        ({"config": "3"}, "its configuration cannot be used"),
        ({"config": "MODEL: {NEW_KEY: 1}"}, r"Non-existent config key: MODEL.NEW_KEY\), expected"),
        ({"config": "MODEL: {CRNN: {UNITS: four}}"}, "its configuration cannot be used .Type"),
        (
            {"config": "MODEL: {META_ARCHITECTURE: Newer}"},
            "used .MODEL.META_ARCHITECTURE is 'Newer'",
        ),
    ],
)
def test_damaged_and_newer_descriptions(card, words, trained, tmp_path):
    """One line with the file, what was found and what was expected, not a traceback."""
    data = read_weights(trained[0])
    text = card if isinstance(card, str) else json.dumps({**data[CARD], **card})
    path = str(tmp_path / "odd.safetensors")
    save_file({name: x.contiguous() for name, x in data["model"].items()}, path, {CARD: text})
    with pytest.raises(WeightsError, match=f"odd.safetensors: .*{words}.*") as error:
        model_zoo.get(path)
    assert "expected" in str(error.value) and "\n" not in str(error.value)


def test_a_pth_whose_description_is_none(trained, tmp_path):
    data = torch.load(trained[0], weights_only=True)
    torch.save({**data, CARD: ["config"]}, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match="odd.pth: its description is .*expected an object"):
        model_zoo.get(str(tmp_path / "odd.pth"))


def test_a_refused_pickle_says_how_it_can_be_used(trained, tiny_data, tmp_path):
    data = torch.load(trained[0], weights_only=True)
    path = str(tmp_path / "own.pth")
    cfg = tiny_config(tiny_data, "output", "MODEL.TRUST_PICKLE", True)
    torch.save({**data, "made by": Path("me")}, path)
    words = "MODEL.TRUST_PICKLE True in .*--config-file and --weights"
    with pytest.raises(WeightsError, match=words):
        model_zoo.get(path)
    (tmp_path / "own.yaml").write_text(cfg.dump())
    model = load_model(config_file=str(tmp_path / "own.yaml"), weights=path, device="cpu")
    assert set(model.state_dict()) == set(data["model"])


def test_model_with_a_frozen_backbone(tiny_data, detections, tmp_path):
    """Its batch norms are of another class in training, and ordinary ones when it is used."""
    path, model = save(tiny_data, tmp_path, "MODEL.BACKBONE.FREEZE", True)
    shipped = str(tmp_path / "small.safetensors")
    model_zoo.export(path, THRESHOLDS, shipped, half=False)
    for loaded in (model_zoo.get(path), model_zoo.get(shipped)):
        for found, expected in zip(detections(loaded), detections(model)):
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_every_model_that_ships():
    """Loads by name, has a card beside it, and all are at most 33 MB."""
    for name in model_zoo.names():
        cfg = model_zoo.get(name).cfg
        assert len(cfg.TEST.THRESHOLDS) == len(cfg.DATASETS.LABELS)
        card = (weights.SHIPPED / f"{name}.md").read_text(encoding="utf-8")
        assert name in card
    sizes = [path.stat().st_size for path in weights.SHIPPED.glob("*.safetensors")]
    assert sum(sizes) <= 33e6
