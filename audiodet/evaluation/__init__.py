"""Scores of sound events: sed_eval counts, audiodet adds up, bootstraps and reports."""

from audiodet.evaluation.clips import ClipResult, load_clips, reference_clips, save_clips
from audiodet.evaluation.counts import Matching, Segments, score_clips
from audiodet.evaluation.evaluators import SEDEvaluator, TemporalAPEvaluator
from audiodet.evaluation.registry import EVALUATOR_REGISTRY, build_sed_evaluators
from audiodet.evaluation.scores import SEDScores, micro_results, results
from audiodet.evaluation.thresholds import sweep_thresholds, tune_thresholds
from audiodet.evaluation.unit_evaluators import FrameEvaluator, MaskEvaluator, TaggingEvaluator

__all__ = [
    "EVALUATOR_REGISTRY",
    "ClipResult",
    "FrameEvaluator",
    "MaskEvaluator",
    "Matching",
    "SEDEvaluator",
    "SEDScores",
    "Segments",
    "TaggingEvaluator",
    "TemporalAPEvaluator",
    "build_sed_evaluators",
    "load_clips",
    "micro_results",
    "reference_clips",
    "results",
    "save_clips",
    "score_clips",
    "sweep_thresholds",
    "tune_thresholds",
]
