"""Datasets: importing this package registers the built-in ones with detectron2.

A new one is a file with a pure ``load_*`` and a ``register_*``, and one line below.
"""
import os

from audiodet.data.datasets.rare_mini import register_rare_mini
from audiodet.data.datasets.tsv import load_tsv, register_custom, register_tsv
from audiodet.data.datasets.tut_rare import load_tut_rare, register_tut_rare

__all__ = ["load_tsv", "load_tut_rare", "register_custom", "register_tsv", "setup_datasets"]


def setup_datasets(cfg) -> None:
    """Make the datasets of a config known; call it in every process, as often as you like.

    DATASETS.SOUNDBANK (relative to the working directory), when given, wins over the environment
    variable AUDIODET_SOUNDBANK; DATASETS.CUSTOM is registered with DATASETS.LABELS.

    Raises:
        ConfigError: see :func:`register_custom`.
    """
    if cfg.DATASETS.SOUNDBANK:
        os.environ["AUDIODET_SOUNDBANK"] = os.path.abspath(cfg.DATASETS.SOUNDBANK)
    register_custom(cfg.DATASETS.CUSTOM, cfg.DATASETS.LABELS)


register_tut_rare(os.environ.get("DETECTRON2_DATASETS", "datasets"))
register_rare_mini()
