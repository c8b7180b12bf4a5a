"""Fixtures of the data tests."""

import numpy as np
import pytest
import soundfile as sf
from detectron2.data import DatasetCatalog


@pytest.fixture
def write_tone():
    """Function that writes a tone of some seconds, with the folders above it."""

    def write(path, seconds, rate=8000, channels=1):
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = 0.1 * np.sin(np.arange(round(seconds * rate)) * 0.05)
        sf.write(path, np.repeat(tone[:, None], channels, axis=1), rate, subtype="PCM_24")

    return write


@pytest.fixture
def register_anew():
    """Function that registers built-in datasets from another root, until the test ends."""
    kept = {}

    def register(names, register_all, root):
        assert set(names) <= set(DatasetCatalog)  # registered when the package was imported
        kept.update({name: DatasetCatalog.pop(name) for name in names})
        register_all(str(root))

    yield register
    DatasetCatalog.data.update(kept)
