"""Command line -> checked configuration, the same in every process of a training."""

import difflib
import os

import torch
import yaml
from detectron2.engine import default_setup
from detectron2.utils import comm
from detectron2.utils.logger import setup_logger

import audiodet.modeling  # noqa: F401  fills the registries
from audiodet.config import get_cfg
from audiodet.data.datasets import setup_datasets
from audiodet.engine.hooks import watched_metrics
from audiodet.errors import ConfigError


def load_config(config_file: str = "", opts=()):
    """Defaults, then a YAML with its ``_BASE_``, then ``KEY VALUE`` pairs -> frozen config.

    Raises:
        ConfigError: unknown key (the nearest known one is named), a file that is no plain YAML, or
            keys that cannot work.
    """
    cfg, opts, where = get_cfg(), list(opts), config_file
    try:
        if config_file:
            cfg.merge_from_file(config_file, allow_unsafe=False)
        where, known = "command line", _all_keys(cfg)
        for key in opts[0::2]:
            if key not in known:
                raise KeyError(key)
        cfg.merge_from_list(opts)
    except KeyError as error:
        key = str(error.args[0]).rsplit(" ", 1)[-1]
        near = difflib.get_close_matches(key, _all_keys(cfg), n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise ConfigError(f"{where}: unknown key {key}{hint}") from error
    except (AssertionError, ValueError, OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from error
    except (AttributeError, TypeError) as error:
        raise ConfigError(f"{where}: no configuration, expected KEY: value lines") from error
    check_config(cfg)
    cfg.freeze()
    return cfg


def _all_keys(node, prefix=""):
    keys = []
    for key, value in node.items():
        keys.append(prefix + key)
        if isinstance(value, dict):
            keys += _all_keys(value, f"{prefix}{key}.")
    return keys


def check_config(cfg) -> None:
    """Fill in what follows from other keys, and refuse combinations that cannot work."""
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = len(cfg.DATASETS.LABELS)
    if not torch.cuda.is_available() and cfg.MODEL.DEVICE == "cuda":
        cfg.MODEL.DEVICE = "cpu"
    if cfg.SOLVER.AMP.ENABLED and cfg.MODEL.DEVICE == "cpu":
        raise ConfigError(
            "SOLVER.AMP.ENABLED is True on a CPU, expected a GPU; on a CPU set "
            "MODEL.BACKBONE.PRECISION bfloat16 instead"
        )
    if len(cfg.TEST.THRESHOLDS) not in (1, len(cfg.DATASETS.LABELS)):
        raise ConfigError(
            f"TEST.THRESHOLDS has {len(cfg.TEST.THRESHOLDS)} values, expected 1 or one for each "
            f"of DATASETS.LABELS {list(cfg.DATASETS.LABELS)}"
        )
    if cfg.INPUT.SEQUENCE.FRAMES and cfg.INPUT.CROP_AUDIO.SECONDS:
        raise ConfigError(
            f"INPUT.SEQUENCE.FRAMES is {cfg.INPUT.SEQUENCE.FRAMES} and INPUT.CROP_AUDIO.SECONDS "
            f"{cfg.INPUT.CROP_AUDIO.SECONDS}, expected one of them to be 0"
        )
    _check_watched_metrics(cfg)
    _check_splits(cfg)
    if cfg.INPUT.SPECTROGRAM.NORMALIZE_CLIPS < 1:
        raise ConfigError(
            f"INPUT.SPECTROGRAM.NORMALIZE_CLIPS is {cfg.INPUT.SPECTROGRAM.NORMALIZE_CLIPS}, "
            "expected at least 1"
        )


def _check_splits(cfg) -> None:
    """Thresholds are never tuned on what is then scored."""
    shared = set(cfg.DATASETS.VAL) & set(cfg.DATASETS.TEST)
    if cfg.TEST.TUNE_THRESHOLDS and (shared or (cfg.DATASETS.TEST and not cfg.DATASETS.VAL)):
        raise ConfigError(
            f"TEST.TUNE_THRESHOLDS is True with DATASETS.VAL {list(cfg.DATASETS.VAL)} and "
            f"DATASETS.TEST {list(cfg.DATASETS.TEST)}, expected a validation set of its own"
        )


def _check_watched_metrics(cfg) -> None:
    """Refuse to watch a metric that is never measured."""
    for key in ("EARLY_STOP", "BEST", "TOP"):
        if cfg.SOLVER[key].MODE not in ("min", "max"):
            raise ConfigError(
                f"SOLVER.{key}.MODE is {cfg.SOLVER[key].MODE!r}, expected 'min' or 'max'"
            )
    for metric, period in watched_metrics(cfg).items():
        if not (period and cfg.DATASETS.VAL):
            key = "SOLVER.VAL_PERIOD" if metric.startswith("val/") else "TEST.EVAL_PERIOD"
            raise ConfigError(
                f"SOLVER.BEST, SOLVER.EARLY_STOP or SOLVER.TOP watches {metric!r}, which is "
                f"measured on DATASETS.VAL, but {key} is {period} and DATASETS.VAL is "
                f"{list(cfg.DATASETS.VAL)}: set both"
            )


def setup(args):
    """Configuration of a tool's command line; also logging, seeds and datasets of this process.

    Raises:
        ConfigError: as :func:`load_config`, or the output folder cannot be written.
    """
    cfg = load_config(args.config_file, args.opts)
    if comm.is_main_process():
        try:
            os.makedirs(cfg.OUTPUT_DIR, exist_ok=True)
            probe = os.path.join(cfg.OUTPUT_DIR, f".write-test-{os.getpid()}")
            open(probe, "w").close()
            os.unlink(probe)
        except OSError as error:
            raise ConfigError(
                f"OUTPUT_DIR {cfg.OUTPUT_DIR}: cannot be written ({error.strerror})"
            ) from error
    default_setup(cfg, args)
    setup_logger(cfg.OUTPUT_DIR, comm.get_rank(), name="audiodet")
    setup_datasets(cfg)
    return cfg
