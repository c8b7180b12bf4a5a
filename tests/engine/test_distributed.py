"""Two processes train one model through detectron2's launcher (gloo, CPU)."""

import argparse
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.tiny import ROOT, tiny_opts, write_tiny_data  # before detectron2, in a new process

from detectron2.engine import HookBase, launch
from detectron2.utils import comm

from audiodet.engine.setup import setup
from audiodet.engine.trainer import Trainer


class KeepWeights(HookBase):
    """The model's parameters after every step."""

    def __init__(self):
        self.steps = []

    def after_step(self):
        model = self.trainer.model.module
        self.steps.append({name: p.detach().clone() for name, p in model.named_parameters()})


def train_and_tell(args, folder):
    """What tools/train_net.py runs in every process, and what each process saw of it."""
    torch.set_num_threads(1)
    trainer, kept = Trainer(setup(args)), KeepWeights()
    trainer.register_hooks([kept])
    trainer.resume_or_load(resume=args.resume)
    result = trainer.train()
    told = {
        "steps": kept.steps,
        "end": trainer.model.module.state_dict(),
        "validation": trainer.storage.history("val/total_loss").values(),
        "scored": bool(result),
    }
    torch.save(told, Path(folder) / f"rank{comm.get_rank()}.pth")


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    """Three iterations; one validation clip, so that the second process has none to validate."""
    folder = tmp_path_factory.mktemp("two_ranks")
    data = write_tiny_data(folder / "tiny_ranks", {"train": 6, "val": 1, "test": 3})
    opts = tiny_opts(
        data,
        folder / "out",
        "SOLVER.MAX_ITER",
        3,
        "SOLVER.VAL_PERIOD",
        2,
        "SOLVER.BEST.METRIC",
        "val/total_loss",
        "SOLVER.EARLY_STOP.PATIENCE",
        5,
        "SOLVER.CHECKPOINT_PERIOD",
        2,
        "TEST.TUNE_THRESHOLDS",
        True,
        test=["test"],
    )
    args = argparse.Namespace(config_file=data.yaml, opts=opts, resume=False, eval_only=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setenv("PYTHONPATH", str(ROOT))
        launch(train_and_tell, 2, dist_url="auto", args=(args, str(folder)))
    ranks = [torch.load(folder / f"rank{i}.pth", weights_only=False) for i in range(2)]
    return folder / "out", ranks, f"{data.name}_test"


def test_both_learn_the_same(two_ranks):
    """Each sees other clips, but their gradients are averaged."""
    _, (first, second), _ = two_ranks
    assert len(first["steps"]) == len(second["steps"]) == 3
    for ours, theirs in zip(first["steps"], second["steps"]):
        for name, x in ours.items():
            assert torch.equal(x, theirs[name]), name
    weights = [step["backbone.cnn.stem.weight"] for step in first["steps"]]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])


def test_both_end_with_the_best(two_ranks):
    """Its batch-norm statistics, too, which are each process's own while it trains."""
    _, (first, second), _ = two_ranks
    for name, x in first["end"].items():
        assert torch.equal(x, second["end"][name]), name


def test_validation_loss_is_the_same_for_both(two_ranks):
    _, (first, second), _ = two_ranks
    assert first["validation"] == second["validation"]
    assert [iteration for _, iteration in first["validation"]] == [1, 2]


def test_one_set_of_files(two_ranks):
    out, (first, second), name = two_ranks
    metrics = json.loads((out / "inference" / name / "metrics.json").read_text())
    assert metrics["clips"] == 3  # gathered from both
    assert metrics["thresholds"] == json.loads((out / "thresholds.json").read_text())
    assert first["scored"] and not second["scored"]
    steps = [json.loads(line) for line in (out / "metrics.json").read_text().splitlines()]
    assert [step["iteration"] for step in steps if "total_loss" in step] == [2]
    assert {"model_0000001.pth", "model_best.pth", "model_final.pth"} == {
        path.name for path in out.glob("*.pth")
    }
    assert {"log.txt", "log.txt.rank1"} <= set(os.listdir(out))


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.parametrize("machines", [1, 2])
def test_train_net_as_a_program(tmp_path, machines):
    """Two processes of one machine, or two machines of one process; without GPUs on the CPU.

    The second machine is this one, too, and both write into a folder that they share.
    """
    data = write_tiny_data(tmp_path / f"tiny_program{machines}", {"train": 4, "val": 1, "test": 2})
    command = [sys.executable, ROOT / "tools" / "train_net.py", "--config-file", data.yaml]
    url = "auto" if machines == 1 else f"tcp://127.0.0.1:{free_port()}"
    command += [
        "--num-gpus",
        str(2 // machines),
        "--num-machines",
        str(machines),
        "--dist-url",
        url,
    ]
    opts = tiny_opts(data, tmp_path / "out", "SOLVER.MAX_ITER", 2, test=["test"])
    programs = [
        subprocess.Popen(
            [*command, "--machine-rank", str(rank), *opts],
            text=True,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        )
        for rank in range(machines)
    ]
    try:
        for program in programs:
            _, said = program.communicate(timeout=300)
            assert program.returncode == 0, said
    finally:
        for program in programs:
            program.kill()
    assert torch.load(tmp_path / "out" / "model_final.pth", weights_only=True)["iteration"] == 1
    scored = tmp_path / "out" / "inference" / f"{data.name}_test" / "metrics.json"
    assert json.loads(scored.read_text())["clips"] == 2
    assert (tmp_path / "out" / "log.txt.rank1").is_file()
