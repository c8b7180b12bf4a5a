"""The names that others rely on, reached as they would reach them."""

import subprocess
import sys
from pathlib import Path

import pytest

from audiodet import model_zoo
from audiodet.engine.setup import load_config
from audiodet.errors import ConfigError
from audiodet.names import unique_names

ROOT = Path(__file__).resolve().parents[1]


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_import_audiodet_is_enough():
    code = """
import audiodet
cfg = audiodet.get_cfg()
cfg.merge_from_file("configs/rcrnn/glassbreak.yaml")
cfg.MODEL.DEVICE = "cpu"
audiodet.modeling
from detectron2.modeling import build_model
print(audiodet.modeling.keras_count(build_model(cfg)), callable(audiodet.model_zoo.get))
"""
    assert run_python(code) == "1250394 True"


@pytest.mark.parametrize(
    "make",
    [
        "import audiodet; cfg = audiodet.get_cfg()",
        "from audiodet.config import add_audiodet_config as add; "
        "from detectron2.config import get_cfg; cfg = get_cfg(); add(cfg)",
    ],
)
def test_a_configuration_brings_the_architectures(make):
    """And the classes of its labels, for detectron2's own build_model."""
    code = f"""
{make}
cfg.merge_from_file("configs/rcrnn/glassbreak.yaml")
cfg.DATASETS.LABELS = ["a", "b", "c", "d"]
cfg.MODEL.DEVICE = "cpu"
from detectron2.modeling import build_model
print(build_model(cfg).roi_heads.num_classes)
"""
    assert run_python(code) == "4"


def test_keras_count_of_a_frozen_backbone_is_that_of_a_free_one():
    code = """
import audiodet
from audiodet.engine.setup import load_config
from audiodet.engine.trainer import Trainer
counts = [audiodet.modeling.keras_count(Trainer.build_model(load_config(
    "configs/rcrnn/babycry.yaml", ["MODEL.BACKBONE.FREEZE", freeze, "MODEL.DEVICE", "cpu"])))
    for freeze in ("True", "False")]
print(counts)
"""
    assert run_python(code) == "[1110874, 1110874]"


def test_every_configuration_is_known_by_name_and_another_is_refused(tmp_path, monkeypatch):
    files = {str(p.relative_to(ROOT / "configs")) for p in (ROOT / "configs").rglob("*.yaml")}
    monkeypatch.chdir(tmp_path)
    assert set(model_zoo.config_names()) == files and len(files) > 50
    cfg = load_config(model_zoo.get_config_file("rcrnn/rare.yaml"))
    assert cfg.INPUT.SPECTROGRAM.HOP == 1014  # of its _BASE_
    for name in ("rcrnn/rear.yaml", "rcrnn/rare", "../setup.py"):
        with pytest.raises(
            ConfigError, match=f"^{name}: no such .*expected one of .*rcrnn/rare.yaml"
        ):
            model_zoo.get_config_file(name)


def test_names_of_a_hundred_thousand_equal_files():
    """And numbers that a file's own name has already."""
    names = unique_names([f"{number}/a.wav" for number in range(100_000)])
    assert len(set(names.values())) == 100_000 and names["99999/a.wav"] == "a_100000"
    assert list(unique_names(["a_2.wav", "x/a.wav", "y/a.wav"]).values()) == ["a_2", "a", "a_3"]
