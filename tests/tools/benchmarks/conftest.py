"""Fixtures of the benchmarks' tests."""

import pytest

from tests.tiny import TinyData, write_tiny_data


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> TinyData:
    return write_tiny_data(tmp_path_factory.mktemp("benchmarks") / "tiny_benchmarks")
