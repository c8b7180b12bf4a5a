"""Validation loss, early stopping and the best checkpoint."""

import copy
import json
from pathlib import Path

import pytest
import torch
from detectron2.engine import HookBase, TrainerBase
from detectron2.utils.events import EventStorage
from torch import nn

from audiodet.data.loader import build_test_loader
from audiodet.engine.hooks import EarlyStop, ValidationLoss, computing_losses
from audiodet.engine.trainer import Trainer
from tests.tiny import StopAt, tiny_config, train

METRIC = "val/total_loss"
pytestmark = pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step()`")


class KeepMetrics(HookBase):
    """All logged values, (value, iteration) in order, by metric."""

    def __init__(self):
        self.seen = {}

    def after_train(self):
        histories = self.trainer.storage.histories()
        self.seen = {name: history.values() for name, history in histories.items()}


def validation_loss_by_hand(model, cfg, name) -> dict:
    """Mean over clips; batch norm as at inference, no dropout, regions drawn from seed 0."""
    model = copy.deepcopy(model).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    model.roi_heads.box_head.eval()
    torch.manual_seed(0)
    with torch.no_grad(), EventStorage():
        batches = [(model(batch), len(batch)) for batch in build_test_loader(cfg, name)]
    assert [clips for _, clips in batches] == [2, 1]
    return {key: sum(loss[key] * n for loss, n in batches).item() / 3 for key in batches[0][0]}


def test_validation_loss_by_hand_and_without_a_trace(tiny_data, straight, tmp_path):
    """The same training with and without it; its value is the mean loss over the clips."""
    cfg = tiny_config(tiny_data, tmp_path, "SOLVER.VAL_PERIOD", 4)
    kept = KeepMetrics()
    trainer, losses = train(cfg, kept)
    assert losses.total == straight.losses.total
    final = torch.load(tmp_path / "model_final.pth", weights_only=True)["model"]
    assert all(torch.equal(final[name], x) for name, x in straight.final["model"].items())
    # heads log, too: what they log while the validation loss is measured is not training's
    assert [iteration for _, iteration in kept.seen["fast_rcnn/cls_accuracy"]] == list(range(10))
    looks = [iteration for _, iteration in kept.seen[METRIC]]
    assert looks == [3, 7, 9]  # every 4 iterations, and the last
    by_hand = validation_loss_by_hand(trainer.model, cfg, f"{tiny_data.name}_val")
    by_hand["total_loss"] = sum(by_hand.values())
    for name, value in by_hand.items():
        assert kept.seen[f"val/{name}"][-1] == (pytest.approx(value, abs=1e-6), 9), name
    lines = [json.loads(line) for line in (tmp_path / "metrics.json").read_text().splitlines()]
    assert {line["iteration"] for line in lines if METRIC in line} >= {9}


def test_computing_losses_restores_every_module_after_an_error(tiny_data, tmp_path):
    model = Trainer.build_model(tiny_config(tiny_data, tmp_path))
    model.train()
    model.backbone.eval()
    before = {name: module.training for name, module in model.named_modules()}
    random = torch.get_rng_state()
    with pytest.raises(InterruptedError), computing_losses(model):
        assert not model.backbone.cnn.norm.training and model.proposal_generator.training
        raise InterruptedError
    assert before == {name: module.training for name, module in model.named_modules()}
    assert torch.equal(random, torch.get_rng_state())


class ScriptedTrainer(TrainerBase):
    """Logs a scripted metric after every iteration, and keeps where it was stopped."""

    def __init__(self, script):
        super().__init__()
        self.script, self.stopped = script, []

    def run_step(self):
        if self.script[self.iter] is not None:
            self.storage.put_scalar("metric", self.script[self.iter])

    def stop(self):
        self.stopped.append(self.iter)


@pytest.mark.parametrize(
    "script, settings, stops",
    [
        ([5, 4, 4, 4.5], {"patience": 2}, [3]),
        ([5, 4, 4, 3, 3, 3], {"patience": 2}, [5]),
        ([5, 4.8, 4.6, 4.4], {"patience": 2}, []),
        ([5, 4.8, 4.6, 4.4], {"patience": 2, "min_delta": 0.5}, [2]),
        ([1, 2, 3, 2, 3], {"patience": 2, "mode": "max"}, [4]),
        ([1, 2, 3, 4, 5], {"patience": 4, "mode": "min"}, [4]),
        ([1, 2, None, None, 2], {"patience": 2}, [4]),  # only new values are looks
        ([1, 2, 0, 2, 3, 2], {"patience": 2, "period": 2}, [5]),  # looks at 2, 2, 2
    ],
)
def test_early_stop_on_scripts_worked_by_hand(script, settings, stops):
    trainer = ScriptedTrainer(script)
    trainer.register_hooks([EarlyStop(**{"period": 1, "metric": "metric", **settings})])
    trainer.train(0, len(script))
    assert trainer.stopped == stops


@pytest.fixture
def scripted(monkeypatch):
    """Steps that write their iteration into one weight, and validation losses from a script.

    Looks come after iterations 1, 3, 5, ...: the best is 4.0 after iteration 3.
    """
    script = {1: 5.0, 3: 4.0, 5: 4.5, 7: 4.4, 9: 4.3, 11: 1.0, 13: 1.0}

    def measure(hook):
        hook.trainer.storage.put_scalar(METRIC, script[hook.trainer.iter], smoothing_hint=False)

    def run_step(trainer):
        weight(trainer.model).fill_(trainer.iter)
        trainer.storage.put_scalar("total_loss", 1.0)

    monkeypatch.setattr(ValidationLoss, "_measure", measure)
    monkeypatch.setattr(Trainer, "run_step", run_step)
    return ("SOLVER.VAL_PERIOD", 2, "SOLVER.MAX_ITER", 14, "SOLVER.CHECKPOINT_PERIOD", 2)


def weight(model) -> torch.Tensor:
    return model.roi_heads.box_predictor.cls_score.bias.data


def saved(path):
    """Iteration of a checkpoint, and what the scripted step wrote into its weights."""
    data = torch.load(path, weights_only=True)
    (mark,) = set(data["model"]["roi_heads.box_predictor.cls_score.bias"].tolist())
    return data["iteration"], mark


EARLY_STOP = ("SOLVER.EARLY_STOP.PATIENCE", 3)
BEST = ("SOLVER.BEST.METRIC", METRIC)


def test_early_stop_writes_the_final_checkpoint_and_evaluation(scripted, tiny_data, tmp_path):
    cfg = tiny_config(tiny_data, tmp_path, *scripted, *EARLY_STOP, test=["test"])
    trainer, losses = train(cfg)
    assert max(losses.total) == 9
    assert saved(tmp_path / "model_final.pth") == (9, 9.0)
    assert set(weight(trainer.model).tolist()) == {9.0}
    metrics = tmp_path / "inference" / f"{tiny_data.name}_test" / "metrics.json"
    assert json.loads(metrics.read_text())["clips"] == 3
    assert "sed" in trainer._last_eval_results


def test_best_checkpoint_ends_the_training(scripted, tiny_data, tmp_path):
    """Best after iteration 3; it is loaded at the end and scored, and no resume starts from it."""
    trainer, _ = train(tiny_config(tiny_data, tmp_path, *scripted, *EARLY_STOP, *BEST))
    assert saved(tmp_path / "model_best.pth") == (3, 3.0)
    assert saved(tmp_path / "model_final.pth") == (9, 9.0)
    assert set(weight(trainer.model).tolist()) == {3.0}
    last = (tmp_path / "last_checkpoint").read_text()
    assert last != "model_best.pth" and saved(tmp_path / last)[0] == 9


def test_later_best_replaces_the_earlier(scripted, tiny_data, tmp_path):
    trainer, losses = train(tiny_config(tiny_data, tmp_path, *scripted, *BEST))
    assert max(losses.total) == 13
    assert saved(tmp_path / "model_best.pth") == (11, 11.0)
    assert set(weight(trainer.model).tolist()) == {11.0}


def test_mode_max(scripted, tiny_data, tmp_path):
    train(tiny_config(tiny_data, tmp_path, *scripted, *BEST, "SOLVER.BEST.MODE", "max"))
    assert saved(tmp_path / "model_best.pth") == (1, 1.0)


def test_best_and_patience_survive_resume(scripted, tiny_data, tmp_path):
    """Interrupted between the looks 4.5 and 4.4: both would be a best if 4.0 were forgotten."""
    cfg = tiny_config(tiny_data, tmp_path, *scripted, *EARLY_STOP, *BEST)
    with pytest.raises(InterruptedError):
        train(cfg, StopAt(6))
    assert (tmp_path / "last_checkpoint").read_text() == "model_0000005.pth"
    trainer, losses = train(cfg, resume=True)
    assert (min(losses.total), max(losses.total)) == (6, 9)
    assert saved(tmp_path / "model_best.pth") == (3, 3.0)
    assert set(weight(trainer.model).tolist()) == {3.0}


def test_resume_does_not_start_from_the_best(scripted, tiny_data, tmp_path):
    """Interrupted between the best of iteration 3 and the checkpoint of iteration 5."""
    cfg = tiny_config(tiny_data, tmp_path, *scripted, *BEST, "SOLVER.CHECKPOINT_PERIOD", 3)
    with pytest.raises(InterruptedError):
        train(cfg, StopAt(4))
    assert saved(tmp_path / "model_best.pth") == (3, 3.0)
    assert (tmp_path / "last_checkpoint").read_text() == "model_0000002.pth"
    _, losses = train(cfg, resume=True)
    assert (min(losses.total), max(losses.total)) == (3, 13)


def test_resume_after_an_early_stop_only_evaluates(scripted, tiny_data, tmp_path):
    cfg = tiny_config(tiny_data, tmp_path, *scripted, *EARLY_STOP, *BEST, test=["test"])
    train(cfg)
    before = (tmp_path / "model_final.pth").read_bytes()
    metrics = tmp_path / "inference" / f"{tiny_data.name}_test" / "metrics.json"
    metrics.unlink()
    trainer, losses = train(cfg, resume=True)
    assert losses.total == {} and metrics.is_file()
    assert (tmp_path / "model_final.pth").read_bytes() == before
    assert set(weight(trainer.model).tolist()) == {3.0}


def test_old_checkpoints_go(scripted, tiny_data, tmp_path):
    train(tiny_config(tiny_data, tmp_path, *scripted, *BEST, "SOLVER.CHECKPOINTS_KEPT", 2))
    assert sorted(path.name for path in Path(tmp_path).glob("*.pth")) == [
        "model_0000011.pth",
        "model_0000013.pth",
        "model_best.pth",
        "model_final.pth",
    ]
