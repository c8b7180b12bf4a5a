"""Sound event detection on detectron2: which sounds occur in a recording, from when to when."""

import importlib

from ._screen import silence_foreign_warnings

silence_foreign_warnings()
# They make `import detectron2` and `import pkg_resources` work.
from . import _detectron2, _pkg_resources  # noqa: E402, F401, I001

__version__ = "0.1.0"
# Imported when first used: `import audiodet` alone brings neither torch nor detectron2.
_LAZY = {
    "Detector": "audiodet.inference.detector",
    "add_audiodet_config": "audiodet.config",
    "build_model": "audiodet.modeling.stock",
    "get_cfg": "audiodet.config",
    "train": "audiodet.training.run",
}


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in ("modeling", "model_zoo"):
        return importlib.import_module(f"audiodet.{name}")
    raise AttributeError(f"module 'audiodet' has no attribute {name!r}")
