"""Checkpoints of a training -> an ensemble that is weighted on validation clips."""

import glob
import logging

import numpy as np
import torch
from detectron2.utils import comm

from audiodet.engine.checkpoint import SEDCheckpointer
from audiodet.engine.validation import validation_clips
from audiodet.errors import ConfigError
from audiodet.evaluation.counts import Matching, score_clips
from audiodet.events import thresholds_by_label
from audiodet.modeling.ensemble import FrameEnsemble
from audiodet.modeling.stock import build_model

logger = logging.getLogger(__name__)


def build_ensemble(cfg) -> FrameEnsemble:
    """The checkpoints of ``TEST.ENSEMBLE``, weighted by class-wise F1 on ``DATASETS.VAL``.

    Raises:
        ConfigError: a pattern matches no file, there are no validation clips, or the system is not
            frame-level.
        WeightsError: a checkpoint does not belong to ``cfg``.
    """
    if not cfg.DATASETS.VAL:
        raise ConfigError("TEST.ENSEMBLE needs DATASETS.VAL, on which its members are weighted")
    members = []
    for path in checkpoint_paths(cfg.TEST.ENSEMBLE):
        member = build_model(cfg)
        SEDCheckpointer(member, cfg=cfg).load(path)
        members.append(member.eval())
    FrameEnsemble(members, torch.ones(len(members), len(cfg.DATASETS.LABELS)))  # refuses others
    weights = torch.tensor([class_f1(cfg, member) for member in members])
    logger.info(f"ensemble of {len(members)}, F1 by class:\n{weights.round(decimals=1)}")
    return FrameEnsemble(members, weights).eval().to(members[0].device)


def checkpoint_paths(patterns) -> list[str]:
    """Files that the patterns match, sorted, each once.

    Raises:
        ConfigError: a pattern matches none.
    """
    paths = set()
    for pattern in patterns:
        matches = glob.glob(pattern)
        if not matches:
            raise ConfigError(f"TEST.ENSEMBLE: no file matches {pattern!r}, expected checkpoints")
        paths.update(matches)
    return sorted(paths)


def class_f1(cfg, model) -> list[float]:
    """Event-based F1 of each label on ``DATASETS.VAL`` in percent, 0 where it has no true event."""
    clips = validation_clips(cfg, model)
    labels = cfg.DATASETS.LABELS
    scores = []
    if comm.is_main_process():
        thresholds = thresholds_by_label(cfg.TEST.THRESHOLDS, labels)
        decision = (thresholds, cfg.TEST.BEST_EVENT_PER_CLIP, Matching.from_config(cfg))
        per_label = score_clips(clips, labels, *decision).per_label
        scores = [float(np.nan_to_num(per_label[label]["F1"])) for label in labels]
    return comm.all_gather(scores)[0]
