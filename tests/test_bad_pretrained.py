"""Bad input about pretrained networks and ensembles: one line, value found and value expected."""

import pytest
import torch

from audiodet.data.spectrogram import LogMel
from audiodet.engine.checkpoint import init_backbone
from audiodet.engine.ensemble import build_ensemble
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
from audiodet.errors import AudiodetError, ConfigError, WeightsError
from audiodet.events import thresholds_by_label
from audiodet.model_zoo import get_config_file
from audiodet.weights import SHIPPED
from tests.systems import SMALL, build, save


def config(name, *opts):
    return load_config(f"configs/{name}.yaml", ["MODEL.DEVICE", "cpu", *map(str, opts)])


def one_line(error) -> str:
    said = str(error.value)
    assert "\n" not in said and len(said) < 400
    return said


@pytest.mark.parametrize(
    "name, file, expected",
    [
        ("pretrained/mn04_rcrnn", "other.pt", "other.pt: has sha256 4bf5122f.*, expected 899a8c62"),
        ("pretrained/mn04_rcrnn", "other.tflite", "has sha256 4bf5122f.*, expected 899a8c62"),
        ("pretrained/yamnet_rcrnn", "other.tflite", "has sha256 4bf5122f.*, expected 687f226c"),
        ("pretrained/yamnet_rcrnn", "none.tflite", "none.tflite: no such file, expected the publ"),
        (
            "rcrnn/rare",
            "other.tflite",
            "a TensorFlow Lite file, expected a checkpoint: MODEL.BACKB",
        ),
    ],
)
def test_weights_of_another_sum_or_architecture(name, file, expected, tmp_path):
    (tmp_path / "other.pt").write_bytes(b"\x01")
    (tmp_path / "other.tflite").write_bytes(b"\x01")
    cfg = config(name, "MODEL.BACKBONE.INIT_WEIGHTS", tmp_path / file)
    with pytest.raises(WeightsError, match=expected) as error:
        init_backbone(Trainer.build_model(cfg), cfg)
    one_line(error)


@pytest.mark.parametrize(
    "name, shipped, expected",
    [
        ("mn04_rcrnn", "rcrnn_rare", "made with INPUT.AUDIO.SAMPLE_RATE 44100, expected 32000"),
        (
            "yamnet_rcrnn",
            "audiodet_rare",
            "made with INPUT.AUDIO.SAMPLE_RATE 32000, expected 16000",
        ),
    ],
)
def test_a_checkpoint_of_another_front_end(name, shipped, expected):
    path = SHIPPED / f"{shipped}.safetensors"
    cfg = config(f"pretrained/{name}", "MODEL.BACKBONE.INIT_WEIGHTS", path)
    with pytest.raises(WeightsError, match=f"{shipped}.safetensors: {expected}") as error:
        init_backbone(Trainer.build_model(cfg), cfg)
    one_line(error)


@pytest.mark.parametrize(
    "opts, expected",
    [
        (("INPUT.SPECTROGRAM.N_MELS", 128), "N_MELS is 128, expected 64 of the front end 'yamnet'"),
        (("INPUT.AUDIO.SAMPLE_RATE", 8000), "SAMPLE_RATE is 8000, expected 16000 of the front"),
        (("INPUT.FRONT_END", "log_mel"), "'log_mel', build_yamnet_backbone expects 'yamnet'"),
        (("MODEL.PRETRAINED.STRIDE", 10), r"STRIDE 10: expected .* a stride among \[8, 16, 32\]"),
    ],
)
def test_another_mel_count_rate_or_stride_than_the_backbones(opts, expected):
    cfg = config("pretrained/yamnet_rcrnn", *opts)
    with pytest.raises(ConfigError, match=expected) as error:
        Trainer.build_model(cfg)
        LogMel.from_config(cfg)
    one_line(error)


def test_an_average_of_checkpoints_of_another_front_end(tmp_path):
    low = ("INPUT.SPECTROGRAM.F_MAX", 4000.0)
    path = save(build("rcrnn/frame_control", *low), tmp_path, "low")
    cfg = load_config("configs/rcrnn/frame_control.yaml", [str(x) for x in SMALL])
    cfg.defrost()
    cfg.TEST.ENSEMBLE = (path,)
    with pytest.raises(WeightsError, match=r"F_MAX 4000.0, expected 0.0 of this config") as error:
        build_ensemble(cfg)
    one_line(error)


def test_an_ensemble_of_a_file_that_is_no_checkpoint(tmp_path):
    path = tmp_path / "plain.pth"
    torch.save({"weight": torch.zeros(1)}, path)
    cfg = load_config("configs/rcrnn/rare.yaml", [str(x) for x in SMALL])
    cfg.defrost()
    cfg.TEST.ENSEMBLE = (str(path),)
    with pytest.raises(AudiodetError, match="plain.pth: carries no configuration") as error:
        build_ensemble(cfg)
    one_line(error)


def test_a_class_that_audioset_does_not_have():
    labels = load_config(get_config_file("pretrained/audioset.yaml")).DATASETS.LABELS
    given = {**dict.fromkeys(labels, 0.2), "Gunfire": 0.5}
    with pytest.raises(ConfigError, match=r"given for \['Gunfire'\], expected some of .* 527") as e:
        thresholds_by_label(given, labels)
    assert "Gunshot, gunfire" in one_line(e) or "Fire" in one_line(e)
    cfg = config("pretrained/audioset", "DATASETS.LABELS", '("Dog", "Unicorn")')
    with pytest.raises(ConfigError, match="has 2 labels, AudioSetTagger expects the 527") as error:
        Trainer.build_model(cfg)
    one_line(error)
