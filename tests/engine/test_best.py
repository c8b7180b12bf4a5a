"""Which checkpoints are the best: by scores of several sets, of this training, by known names."""

import math

import pytest
import torch

from audiodet.engine.best import remove_earlier_best, with_means
from tests.tiny import run_tool, tiny_config, tiny_opts, train

pytestmark = pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step()`")


def test_means_by_hand():
    nan = math.nan
    results = {
        "a": {"sed": {"ER": 1.0, "F1": nan, "F1-dog": nan}, "tagging": {"EER": 3.0}},
        "b": {"sed": {"ER": 0.5, "F1": 20.0, "F1-dog": nan}},
    }
    found = with_means(results, ["a", "b"])
    assert found.pop("a") == results["a"] and found.pop("b") == results["b"]
    assert math.isnan(found.pop("sed/F1-dog"))
    assert found == {"sed/ER": 0.75, "sed/F1": 20.0}  # EER is not of both
    assert with_means({"sed": {"ER": 1.0}}, ["a"]) == {"sed": {"ER": 1.0}}
    assert with_means({"a": {}, "b": None}, ["a", "b"]) == {"a": {}, "b": None}  # a second process


def two_sets(data, *opts):
    """Keys of a training that is scored on two validation sets after its second iteration."""
    names = [f"{data.name}_val", f"{data.name}_test"]
    fixed = ("SOLVER.MAX_ITER", 4, "TEST.EVAL_PERIOD", 2, "SOLVER.CHECKPOINT_PERIOD", 9)
    return ("DATASETS.VAL", names, *fixed, *opts)


def test_a_score_of_two_validation_sets_chooses(tiny_data, tmp_path):
    keys = ("BEST.METRIC", "TOP.METRIC", "EARLY_STOP.METRIC")
    watch = [part for key in keys for part in (f"SOLVER.{key}", "sed/ER")]
    counts = ("SOLVER.TOP.COUNT", 1, "SOLVER.EARLY_STOP.PATIENCE", 1)
    opts = two_sets(tiny_data, *watch, *counts, "SOLVER.EARLY_STOP.MIN_DELTA", 99.0)
    opts += ("SOLVER.MAX_ITER", 9, "TEST.THRESHOLDS", "[0.1]")
    trainer, losses = train(tiny_config(tiny_data, tmp_path, *opts))
    latest = trainer.storage.latest()
    each = [latest[f"{tiny_data.name}_{split}/sed/ER"][0] for split in ("val", "test")]
    assert each[0] != each[1]
    mean, iteration = latest["sed/ER"]
    assert mean == pytest.approx(sum(each) / 2) and iteration == 3
    best = min(trainer.storage.history("sed/ER").values())[1]
    kept = torch.load(tmp_path / "model_best.pth", weights_only=True)
    assert kept["iteration"] == best and best in (1, 3)
    assert [path.name for path in tmp_path.glob("*_top_*")] == [f"model_top_{best:07d}.pth"]
    assert max(losses.total) == 3  # the second look was no improvement of 99


@pytest.mark.parametrize(
    "metric, near",
    [("val/totl_loss", "val/total_loss"), ("sed/Er", "sed/ER"), ("tiny_val/sed/ER", "sed/ER")],
)
@pytest.mark.parametrize("key", ["BEST.METRIC", "TOP.METRIC", "EARLY_STOP.METRIC"])
def test_misspelt_metric_ends_at_the_first_look(
    key, metric, near, tiny_data, tmp_path, monkeypatch
):
    more = {"TOP": ("SOLVER.TOP.COUNT", 1), "EARLY_STOP": ("SOLVER.EARLY_STOP.PATIENCE", 1)}
    opts = (f"SOLVER.{key}", metric, *more.get(key.split(".")[0], ()), "SOLVER.VAL_PERIOD", 2)
    opts = tiny_opts(tiny_data, tmp_path, *two_sets(tiny_data, *opts))
    said = run_tool(monkeypatch, "--config-file", tiny_data.yaml, *opts)
    assert said.startswith("error: SOLVER.BEST, ") and "\n" not in said
    assert f"watches {metric!r}, which is not measured" in said and near in said
    assert not list(tmp_path.glob("*.pth"))  # ended after the second of four iterations


def leave(folder, *names):
    """Checkpoints of an earlier training."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"of an earlier training")


def test_a_new_training_does_not_end_with_the_best_of_an_earlier_one(tiny_data, tmp_path):
    """No look at all: what is there at the end is not of this training."""
    leave(tmp_path, "model_best.pth", "model_top_0000099.pth", "model_topless.pth")
    watch = ("SOLVER.BEST.METRIC", "sed/ER", "TEST.EVAL_PERIOD", 9, "SOLVER.MAX_ITER", 1)
    train(tiny_config(tiny_data, tmp_path, *watch))
    names = sorted(path.name for path in tmp_path.glob("*.pth"))
    assert names == ["model_final.pth", "model_topless.pth"]


def test_the_best_that_a_training_starts_from_stays(tiny_data, straight, tmp_path):
    """It is not this training's best, so it is not loaded at the end."""
    path = tmp_path / "model_best.pth"
    path.write_bytes((straight.folder / "model_final.pth").read_bytes())
    watch = ("SOLVER.BEST.METRIC", "sed/ER", "TEST.EVAL_PERIOD", 9, "SOLVER.MAX_ITER", 1)
    trainer, _ = train(tiny_config(tiny_data, tmp_path, *watch, "MODEL.WEIGHTS", path))
    final = torch.load(tmp_path / "model_final.pth", weights_only=True)["model"]
    weights, stem = trainer.model.state_dict(), "backbone.cnn.stem.weight"
    assert path.is_file() and torch.equal(weights[stem], final[stem])
    assert not torch.equal(final[stem], straight.final["model"][stem])
    cfg = tiny_config(tiny_data, tmp_path, "MODEL.BACKBONE.INIT_WEIGHTS", path)
    remove_earlier_best(cfg)
    assert path.is_file()


def test_resuming_keeps_the_best(tiny_data, tmp_path):
    """The second part has no look of its own, and ends with the best of the first."""
    watch = ("SOLVER.BEST.METRIC", "sed/ER", "SOLVER.LR_SCHEDULER_NAME", "WarmupMultiStepLR")
    first = ("TEST.EVAL_PERIOD", 2, "SOLVER.MAX_ITER", 3)
    train(tiny_config(tiny_data, tmp_path, *watch, *first))
    before = (tmp_path / "model_best.pth").read_bytes()
    second = ("TEST.EVAL_PERIOD", 9, "SOLVER.MAX_ITER", 5)
    trainer, losses = train(tiny_config(tiny_data, tmp_path, *watch, *second), resume=True)
    assert sorted(losses.total) == [3, 4] and (tmp_path / "model_best.pth").read_bytes() == before
    best = torch.load(tmp_path / "model_best.pth", weights_only=True)
    stem, weights = "backbone.cnn.stem.weight", trainer.model.state_dict()
    assert best["iteration"] == 1 and torch.equal(weights[stem], best["model"][stem])
