"""Scores of sound events: sed_eval counts, audiodet adds up, bootstraps and reports."""

from audiodet.evaluation.clips import (
    ClipResult,
    load_clips,
    reference_clips,
    save_clips,
    write_events,
)
from audiodet.evaluation.counts import Matching, of_label, pool_scores, score_clips, score_segments
from audiodet.evaluation.evaluators import SEDEvaluator
from audiodet.evaluation.registry import EVALUATOR_REGISTRY, build_sed_evaluators
from audiodet.evaluation.report import label_results, micro_results, micro_table, results, table
from audiodet.evaluation.scores import SEDScores, mean_over_labels, rates
from audiodet.evaluation.statistics import bootstrap, micro_difference, paired_bootstrap
from audiodet.evaluation.temporal_ap import TemporalAPEvaluator
from audiodet.evaluation.thresholds import sweep_thresholds, tune_thresholds
from audiodet.evaluation.unit_evaluators import FrameEvaluator, MaskEvaluator, TaggingEvaluator

score_micro = score_segments  # the counts of all labels together are counted in one go

__all__ = [
    "EVALUATOR_REGISTRY",
    "ClipResult",
    "FrameEvaluator",
    "MaskEvaluator",
    "Matching",
    "SEDEvaluator",
    "SEDScores",
    "TaggingEvaluator",
    "TemporalAPEvaluator",
    "bootstrap",
    "build_sed_evaluators",
    "label_results",
    "load_clips",
    "mean_over_labels",
    "micro_difference",
    "micro_results",
    "micro_table",
    "of_label",
    "paired_bootstrap",
    "pool_scores",
    "rates",
    "reference_clips",
    "results",
    "save_clips",
    "score_clips",
    "score_micro",
    "score_segments",
    "sweep_thresholds",
    "table",
    "tune_thresholds",
    "write_events",
]
