"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest

import audiodet  # noqa: F401  makes detectron2 importable before any test module asks for it

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def soundbank() -> str:
    """Folder of real recordings; tests that need it are skipped where there is none."""
    folder = bank_folder()
    if folder is None:
        pytest.skip("no sound bank of real recordings: set AUDIODET_SOUNDBANK to its folder")
    return str(folder)


def bank_folder() -> Path | None:
    """Folder of real recordings, or None where there is none."""
    folder = Path(os.environ.get("AUDIODET_SOUNDBANK", ROOT.parent / "shared" / "soundbank"))
    return folder if (folder / "soundbank.csv").is_file() else None


@pytest.fixture(scope="session")
def synthetic_bank(tmp_path_factory) -> str:
    """Folder of a small procedural bank: three sources of each label in each fold."""
    from synthetic_bank import write_synthetic_bank

    return write_synthetic_bank(str(tmp_path_factory.mktemp("synthetic")), seed=0, backgrounds=12)
