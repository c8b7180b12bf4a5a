"""Sound event detection on detectron2: which sounds occur in a recording, from when to when."""

# first: they make `import detectron2` and `import pkg_resources` work
from . import _detectron2, _pkg_resources  # noqa: F401

__version__ = "0.1.0"


def __getattr__(name: str):
    """``audiodet.modeling``, ``.model_zoo`` and ``.Detector`` are imported when first used."""
    import importlib

    if name == "Detector":
        return importlib.import_module("audiodet.inference.detector").Detector
    if name in ("modeling", "model_zoo"):
        return importlib.import_module(f"audiodet.{name}")
    raise AttributeError(f"module 'audiodet' has no attribute {name!r}")


def get_cfg():
    """detectron2's default configuration plus audiodet's keys (:mod:`audiodet.config`)."""
    from audiodet.config import get_cfg

    return get_cfg()
