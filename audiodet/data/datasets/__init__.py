"""Datasets: importing this package registers the built-in ones with detectron2.

A new corpus is a file with a pure ``load_*`` and a ``register_*``, a new stand-in a file with a
:class:`~audiodet.data.datasets.standins.StandIn`; either is registered by one line below.
"""

import os

from audiodet.data.datasets.chime_home import load_chime_home, register_chime_home
from audiodet.data.datasets.custom import load_tsv, parse_spec, register_custom, register_tsv
from audiodet.data.datasets.dcase2018_remix import register_dcase2018_remix
from audiodet.data.datasets.desed import load_desed, register_desed
from audiodet.data.datasets.poly_mini import POLY_MINI
from audiodet.data.datasets.rare_mini import RARE_MINI, RARE_QUICK
from audiodet.data.datasets.rare_varied import RARE_VARIED
from audiodet.data.datasets.remix_mini import REMIX_MINI
from audiodet.data.datasets.tut_rare import load_tut_rare, register_tut_rare
from audiodet.data.datasets.tut_sed import load_tut_sed, register_tut_sed
from audiodet.data.datasets.tut_sed_synthetic import (
    load_tut_sed_synthetic,
    register_tut_sed_synthetic,
)
from audiodet.data.datasets.weak_mini import WEAK_MINI

__all__ = [
    "load_chime_home",
    "load_desed",
    "load_tsv",
    "load_tut_rare",
    "load_tut_sed",
    "load_tut_sed_synthetic",
    "parse_spec",
    "register_custom",
    "register_tsv",
    "setup_datasets",
]

ROOT = os.environ.get("DETECTRON2_DATASETS", "datasets")


def setup_datasets(cfg) -> None:
    """Make the datasets of a config known; call it in every process, as often as you like.

    DATASETS.SOUNDBANK (relative to the working directory), when given, wins over the environment
    variable AUDIODET_SOUNDBANK; DATASETS.CUSTOM is registered with DATASETS.LABELS.

    Raises:
        ConfigError: see :func:`register_custom`.
    """
    if cfg.DATASETS.SOUNDBANK:
        os.environ["AUDIODET_SOUNDBANK"] = os.path.abspath(cfg.DATASETS.SOUNDBANK)
    register_custom(cfg.DATASETS.CUSTOM, cfg.DATASETS.LABELS, cfg.DATASETS.MERGE_OVERLAPS)


register_tut_rare(ROOT)
register_tut_sed(ROOT)
register_tut_sed_synthetic(ROOT)
register_chime_home(ROOT)
register_dcase2018_remix(ROOT)
register_desed(ROOT)
RARE_MINI.register()
RARE_QUICK.register()
RARE_VARIED.register()
POLY_MINI.register()
REMIX_MINI.register()
WEAK_MINI.register()
