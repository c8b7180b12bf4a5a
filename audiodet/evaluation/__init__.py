"""Scores of sound events: sed_eval counts, audiodet adds up, bootstraps and reports."""

from audiodet.evaluation.bootstrap import bootstrap, paired_bootstrap
from audiodet.evaluation.clips import ClipResult, load_clips, save_clips, write_events
from audiodet.evaluation.counts import (
    Matching,
    SEDScores,
    pool_scores,
    score_clips,
    score_segments,
)
from audiodet.evaluation.frames import FrameEvaluator
from audiodet.evaluation.masks import MaskEvaluator
from audiodet.evaluation.registry import EVALUATOR_REGISTRY, build_sed_evaluators
from audiodet.evaluation.report import results, table
from audiodet.evaluation.sed import SEDEvaluator
from audiodet.evaluation.tagging import TaggingEvaluator
from audiodet.evaluation.temporal_ap import TemporalAPEvaluator
from audiodet.evaluation.threshold_free import ScoreEvaluator
from audiodet.evaluation.thresholds import sweep_thresholds, tune_thresholds

__all__ = [
    "EVALUATOR_REGISTRY",
    "FrameEvaluator",
    "MaskEvaluator",
    "ScoreEvaluator",
    "TaggingEvaluator",
    "ClipResult",
    "Matching",
    "SEDEvaluator",
    "SEDScores",
    "TemporalAPEvaluator",
    "bootstrap",
    "build_sed_evaluators",
    "load_clips",
    "paired_bootstrap",
    "pool_scores",
    "results",
    "save_clips",
    "score_clips",
    "score_segments",
    "sweep_thresholds",
    "table",
    "tune_thresholds",
    "write_events",
]
