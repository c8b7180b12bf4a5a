"""Fixtures of the training tests."""

from typing import NamedTuple

import pytest
import torch

from tests.tiny import Losses, TinyData, tiny_config, train, write_tiny_data


class StraightRun(NamedTuple):
    """Ten iterations without an interruption; checkpoints after the 4th and the 8th."""

    folder: str
    losses: Losses
    final: dict


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The order of a sum must not depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> TinyData:
    return write_tiny_data(tmp_path_factory.mktemp("engine") / "tiny_engine")


@pytest.fixture(scope="session")
def straight(tiny_data, tmp_path_factory) -> StraightRun:
    folder = tmp_path_factory.mktemp("straight")
    _, losses = train(tiny_config(tiny_data, folder))
    return StraightRun(folder, losses, torch.load(folder / "model_final.pth", weights_only=True))
