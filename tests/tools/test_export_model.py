"""A training becomes a file that ships and its model card."""

import json
import shutil

import pytest
import torch
import yaml

from audiodet import model_zoo, weights
from audiodet.data.datasets import rare_mini, standins
from papers.tables import load_tables
from audiodet.inference.detector import Detector
from tests.tiny import LABELS, run_tool, tiny_config, train, write_tiny_data

BIAS = "roi_heads.box_predictor.cls_score.bias"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder of a training of one step, with tuned thresholds and one scored test set."""
    folder = tmp_path_factory.mktemp("export")
    data = write_tiny_data(folder / "tiny_export")
    opts = ("SOLVER.MAX_ITER", 1, "TEST.TUNE_THRESHOLDS", True)
    cfg = tiny_config(data, folder / "out", *opts, test=["test"])
    train(cfg)
    (folder / "out" / "config.yaml").write_text(cfg.dump())
    as_in_fold(folder / "out", "fold0")
    return folder / "out"


def as_in_fold(run, fold: str) -> None:
    """Let the run's configuration say that it was trained on rare-mini."""
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["DATASETS"]["TRAIN"] = [f"rare_mini_{fold}_train"]
    path.write_text(yaml.safe_dump(config))


@pytest.fixture
def export(trained, synthetic_bank, tmp_path, monkeypatch):
    """Runs the tool on the training -> what it ends with; weights go to the test's folder."""
    monkeypatch.setenv("AUDIODET_SOUNDBANK", synthetic_bank)
    monkeypatch.setattr(rare_mini, "TRAIN_CLIPS", 2)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)

    def run(*arguments):
        fixed = ("--run", trained, "--name", "tiny", "--command", "make tiny")
        return run_tool(monkeypatch, *fixed, *arguments, tool="export_model")

    yield run
    standins._recipes.cache_clear()  # of few clips


def test_weights_and_card(export, trained, tmp_path):
    assert export() == ""
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.md", "tiny.safetensors"}
    thresholds = json.loads((trained / "thresholds.json").read_text())
    model = model_zoo.get("tiny")
    assert Detector(model).thresholds == thresholds and set(thresholds) == set(LABELS)
    final = torch.load(trained / "model_final.pth", weights_only=True)["model"]
    torch.testing.assert_close(model.state_dict()[BIAS], final[BIAS], rtol=1e-3, atol=1e-6)
    card = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert card.startswith("# tiny\n") and "`make tiny`" in card and ", ".join(LABELS) in card
    for label, value in thresholds.items():
        assert f"{label} {value:.3f}" in card
    assert rare_mini.rare_mini_hash("rare_mini_fold0_train") in card
    assert "those of folds [1, 2, 3], but for " in card and "`synthetic:events:" in card
    metrics = json.loads((trained / "inference/tiny_export_test/metrics.json").read_text())["sed"]
    assert f"tiny_export_test: sed F1 {metrics['F1']:.2f}, ER {metrics['ER']:.2f}" in card


def test_thresholds_across_folds_and_the_best_checkpoint(export, trained, tmp_path):
    """A report's thresholds win over the training's own, model_best.pth over model_final.pth."""
    best = torch.load(trained / "model_final.pth", weights_only=True)
    best["model"][BIAS].fill_(7.0)
    torch.save(best, trained / "model_best.pth")
    report = tmp_path / "report.json"
    found = {"all": {"burst": 0.25, "tone": 0.5}}
    row = "R-CRNN, thresholds across folds"
    assert row in load_tables()["rare-mini"]["rows"]
    report.write_text(json.dumps({"thresholds": {row: found}}))
    shutil.copytree(trained, tmp_path / "run")
    as_in_fold(tmp_path / "run", "all")
    assert export("--report", report, "--run", tmp_path / "run") == ""
    model = model_zoo.get("tiny")
    assert Detector(model).thresholds == found["all"]
    assert (model.state_dict()[BIAS] == 7.0).all()
    card = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert "burst 0.250, tone 0.500" in card and "mixtures of all folds" in card
    assert "tiny_export_test: ER " in card


def test_rules_that_were_found_go_into_the_file(export, trained, tmp_path):
    """decisions.yaml of TEST.TUNE_RULES goes before thresholds.json."""
    shutil.copytree(trained, tmp_path / "run")
    found = {"TEST": {"THRESHOLDS": [0.125, 0.75]}, "MODEL": {"TAGGER": {"JOIN_GAPS": [2, 3]}}}
    (tmp_path / "run" / "decisions.yaml").write_text(yaml.safe_dump(found))
    assert export("--run", tmp_path / "run", "--note", "Small.") == ""
    model = model_zoo.get("tiny")
    assert list(model.cfg.MODEL.TAGGER.JOIN_GAPS) == [2, 3]
    assert list(Detector(model).thresholds.values()) == [0.125, 0.75]
    assert "by the Keras rule. Small.\n" in (tmp_path / "tiny.md").read_text(encoding="utf-8")


def test_hooks_of_the_run_go_into_the_file(export, trained, tmp_path):
    """A run may have put something behind a network that was trained without."""
    shutil.copytree(trained, tmp_path / "run")
    config = yaml.safe_load((trained / "config.yaml").read_text())
    config["MODEL"].update(POSTPROCESSORS=["ConnectAndCut"])
    config["MODEL"]["FUSION"]["WEIGHT"] = 0.125
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config))
    assert export("--run", tmp_path / "run") == ""
    model = model_zoo.get("tiny")
    names = [type(hook).__name__ for hook in model.postprocessors]
    assert names == ["ConnectAndCut"] and model.cfg.MODEL.FUSION.WEIGHT == 0.125


def test_a_training_without_thresholds(export, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "thresholds.json").unlink()
    said = export("--run", tmp_path / "run")
    assert said.startswith(f"error: {tmp_path}/run/thresholds.json: cannot be read (")
    assert said.endswith("expected decisions.yaml or thresholds.json of tuning")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_path_of_the_users(export, tmp_path):
    path = tmp_path / "mine" / "model.safetensors"
    assert export("--output", path) == ""
    assert [x.name for x in tmp_path.iterdir()] == ["mine"]
    assert {x.name for x in path.parent.iterdir()} == {"model.md", "model.safetensors"}
    assert set(Detector(model_zoo.get(str(path))).thresholds) == set(LABELS)


def test_half_a_model_is_never_left(export, tmp_path, monkeypatch):
    """The card comes last and needs the sound bank: without it there are no weights either."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"of before")
    monkeypatch.setenv("AUDIODET_SOUNDBANK", str(tmp_path / "nowhere"))
    assert "nowhere" in export("--output", path)
    assert [x.name for x in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"of before"


def test_weights_that_ship_are_written_in_a_checkout_alone(export, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("audiodet.__file__", "/elsewhere/site-packages/audiodet/__init__.py")
    assert export() == "2"
    assert "--output FILE.safetensors is needed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert export("--output", "x.pth") == "2"
    assert "--output x.pth, expected a file FILE.safetensors" in capsys.readouterr().err
