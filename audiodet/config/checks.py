"""What a configuration must hold before anything is built from it."""

import torch

from audiodet.config.node import follow_labels
from audiodet.config.unused import keys_not_done
from audiodet.errors import ConfigError


def check_config(cfg) -> None:
    """Fill in what follows from other keys, and refuse combinations that cannot work.

    Raises:
        ConfigError: with the keys, their values and what is expected.
    """
    follow_labels(cfg)
    if not torch.cuda.is_available() and cfg.MODEL.DEVICE == "cuda":
        cfg.MODEL.DEVICE = "cpu"
    for key, reason in keys_not_done(cfg).items():
        raise ConfigError(f"{key} is set, but {reason}: leave it at detectron2's default")
    _check_values(cfg)
    _check_watched_metrics(cfg)
    _check_splits(cfg)


def watched_metrics(cfg) -> dict[str, int]:
    """Metric that SOLVER.BEST, EARLY_STOP or TOP watches -> iterations between two looks at it."""
    solver = cfg.SOLVER
    watched = [solver.BEST.METRIC]
    if solver.EARLY_STOP.PATIENCE:
        watched.append(solver.EARLY_STOP.METRIC)
    if solver.TOP.COUNT:
        watched.append(solver.TOP.METRIC)
    periods = {}
    for metric in filter(None, watched):
        is_loss = metric.startswith("val/")
        periods[metric] = solver.VAL_PERIOD if is_loss else cfg.TEST.EVAL_PERIOD
    return periods


def _check_values(cfg) -> None:
    if cfg.MODEL.WEIGHTS.startswith(("detectron2://", "catalog://")):
        raise ConfigError(
            f"MODEL.WEIGHTS is {cfg.MODEL.WEIGHTS!r}, a model of images, expected a checkpoint of "
            "audiodet or ''; MODEL.BACKBONE.INIT_WEIGHTS may name it, with MODEL.TRUST_PICKLE True"
        )
    if cfg.SOLVER.AMP.ENABLED and cfg.MODEL.DEVICE == "cpu":
        raise ConfigError(
            "SOLVER.AMP.ENABLED is True on a CPU, expected a GPU; on a CPU set "
            "MODEL.BACKBONE.PRECISION auto instead"
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
