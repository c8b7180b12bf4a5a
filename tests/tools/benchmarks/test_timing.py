"""What the benchmarks measure with."""

import importlib
import runpy

import pytest
import torch
from detectron2.modeling import build_model

from benchmarks.systems import System
from benchmarks.timing import measure, peak_memory, training_step
from audiodet.engine.trainer import Trainer
from tests.tiny import ROOT, tiny_config


def test_memory_is_that_of_the_process_alone():
    """Not that of the process that starts it, which holds torch and half a gigabyte besides."""
    held = torch.ones(512 << 18)
    little, much = peak_memory("pass"), peak_memory("x = bytearray(200 << 20)")
    assert little < 100 and 190 < much - little < 210 and held.any()


def test_items_are_measured_in_turn_and_the_first_round_is_left_out():
    called = []
    items = {name: lambda name=name: called.append(name) for name in "ab"}
    times = measure(items, rounds=3)
    assert called == list("ab" * 4)
    assert [len(found) for found in times.values()] == [3, 3]


def test_a_training_step_changes_the_model(tiny_data):
    cfg = tiny_config(tiny_data)
    model = build_model(cfg)
    before = [p.detach().clone() for p in model.parameters()]
    step = training_step(model, Trainer.build_optimizer(cfg, model), 64, 90, 2, labels=2)
    step()
    assert any((a != b).any() for a, b in zip(before, model.parameters()))
    assert not model.training


@pytest.mark.parametrize(
    "name",
    [
        *("rcrnn/rare", "crnn/poly_mini", "audiomask/verifier_rare"),
        *("self_mask/weak_mini", "tfseg/remix_mini"),
    ],
)
def test_a_system_is_measured_whole(name):
    system = System(name)
    before = [p.detach().clone() for p in system.model.parameters()]
    assert system.macs() > 1e8
    assert set(system.detect()[0]) >= {"instances"}
    system.step()
    assert any((a != b).any() for a, b in zip(before, system.model.parameters()))


def test_every_module_is_a_subject_that_can_be_run():
    subjects = runpy.run_path(str(ROOT / "tools" / "benchmark.py"), run_name="tool")["subjects"]()
    assert set(subjects) >= {"systems", "rcrnn", "audiomask", "detect", "tfseg"}
    assert "timing" not in subjects
    for name in subjects:
        assert callable(importlib.import_module(f"benchmarks.{name}").run)
