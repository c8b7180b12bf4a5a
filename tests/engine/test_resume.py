"""A training that was stopped or killed continues as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from audiodet.engine.checkpoint import SEDCheckpointer, read_weights
from audiodet.engine.trainer import Trainer
from tests.tiny import ROOT, StopAt, tiny_config, tiny_opts, train

DRIVER = Path(__file__).with_name("train_and_die.py")


def run_driver(data, folder, log, kill_at, *arguments) -> int:
    command = [sys.executable, str(DRIVER), str(log), str(kill_at), "--config-file", data.yaml]
    command += [*arguments, *tiny_opts(data, folder, "DATALOADER.NUM_WORKERS", 1)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    assert result.returncode in (0, -9), result.stderr
    return result.returncode


def assert_same_end(folder, straight):
    """Weights, batch-norm statistics, optimizer, schedule and iteration of the last checkpoint."""
    final = torch.load(Path(folder) / "model_final.pth", weights_only=True)
    assert final["iteration"] == straight.final["iteration"] == 9
    for name, expected in straight.final["model"].items():
        torch.testing.assert_close(final["model"][name], expected, rtol=0, atol=1e-6, msg=name)
    found, expected = (c["trainer"]["_trainer"]["optimizer"] for c in (final, straight.final))
    assert found["param_groups"] == expected["param_groups"]
    assert found["state"].keys() == expected["state"].keys()
    for key, moments in expected["state"].items():
        assert moments["step"] == 10
        torch.testing.assert_close(found["state"][key], moments, rtol=1e-4, atol=1e-7)
    assert final["trainer"]["hooks"] == straight.final["trainer"]["hooks"]


def test_kill_9_while_a_checkpoint_is_written(tiny_data, straight, tmp_path):
    """The half checkpoint of iteration 7 is not used; iterations 4 to 9 are those of one run."""
    log = tmp_path / "losses.jsonl"
    assert run_driver(tiny_data, tmp_path, log, 7) == -9
    assert (tmp_path / "last_checkpoint").read_text() == "model_0000003.pth"
    assert not (tmp_path / "model_0000007.pth").exists()
    assert [path.name for path in tmp_path.glob(".*.tmp.*")]  # the half one is left over
    assert run_driver(tiny_data, tmp_path, log, -1, "--resume") == 0
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    assert [iteration for iteration, _ in steps] == [*range(8), *range(4, 10)]
    for iteration, loss in steps:
        assert loss == pytest.approx(straight.losses.total[iteration], abs=1e-6), iteration
    assert_same_end(tmp_path, straight)


def test_resume_in_one_process(tiny_data, straight, tmp_path):
    cfg = tiny_config(tiny_data, tmp_path)
    with pytest.raises(InterruptedError):
        train(cfg, StopAt(6))
    trainer, losses = train(cfg, resume=True)
    assert trainer.start_iter == 4 and sorted(losses.total) == list(range(4, 10))
    for iteration, loss in losses.total.items():
        assert loss == pytest.approx(straight.losses.total[iteration], abs=1e-6), iteration
        assert losses.rate[iteration] == straight.losses.rate[iteration]
    assert_same_end(tmp_path, straight)


def test_resume_without_a_checkpoint_starts_at_0(tiny_data, straight, tmp_path):
    _, losses = train(tiny_config(tiny_data, tmp_path, "SOLVER.MAX_ITER", 2), resume=True)
    assert losses.total[0] == pytest.approx(straight.losses.total[0], abs=1e-6)


def test_losses_of_the_iterations_differ(straight):
    """Otherwise the comparisons above would say nothing."""
    assert len(set(straight.losses.total.values())) == 10
    assert len(set(straight.losses.rate.values())) == 10


@pytest.mark.parametrize("broken", ["torch.save", "os.replace"])
def test_failure_while_writing_keeps_the_previous_checkpoint(
    broken, tiny_data, tmp_path, monkeypatch
):
    cfg = tiny_config(tiny_data, tmp_path)
    checkpointer = SEDCheckpointer(Trainer.build_model(cfg), str(tmp_path), cfg=cfg)
    checkpointer.save("model_last", iteration=3)
    before = (tmp_path / "model_last.pth").read_bytes()

    def fail(source, target):
        Path(target).write_bytes(b"half") if broken == "torch.save" else None
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(broken, fail)
        with pytest.raises(OSError):
            checkpointer.save("model_last", iteration=7)
    assert (tmp_path / "model_last.pth").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["last_checkpoint", "model_last.pth"]
    assert read_weights(checkpointer.get_checkpoint_file())["iteration"] == 3
