"""Fixtures of the data tests."""
import pytest

from audiodet.data.synthetic_bank import write_synthetic_bank


@pytest.fixture(scope="session")
def synthetic_bank(tmp_path_factory) -> str:
    """Folder of a small procedural bank: three sources of each label in each fold."""
    return write_synthetic_bank(str(tmp_path_factory.mktemp("synthetic")), seed=0, backgrounds=12)
