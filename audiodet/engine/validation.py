"""What a model detects in the validation sets, and the thresholds that are tuned on it."""

import json
import os

from detectron2.evaluation import inference_on_dataset, verify_results
from detectron2.utils import comm

from audiodet.data.loader import build_test_loader, dataset_view
from audiodet.evaluation import SEDEvaluator
from audiodet.evaluation.clips import ClipResult, save_clips
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.thresholds import tune_thresholds
from audiodet.files import write_text


def validation_clips(cfg, model) -> list[ClipResult]:
    """What the model detects in ``DATASETS.VAL``; empty on all but the main process."""
    quick = cfg.clone()
    quick.merge_from_list(["TEST.BOOTSTRAP", 0, "TEST.MICRO_SECONDS", ()])
    clips = []
    for name in cfg.DATASETS.VAL:
        evaluator = SEDEvaluator(dataset_view(name, cfg.DATASETS.LABELS), quick)
        inference_on_dataset(model, build_test_loader(cfg, name), evaluator)
        clips += evaluator.clips
    return clips


def tune(cfg, model) -> dict[str, float]:
    """The final threshold of each label with the lowest ER on ``DATASETS.VAL``.

    Writes OUTPUT_DIR/thresholds.json and OUTPUT_DIR/inference/validation.jsonl.
    """
    clips = validation_clips(cfg, model)
    thresholds = tune_thresholds(
        clips,
        cfg.DATASETS.LABELS,
        cfg.TEST.BEST_EVENT_PER_CLIP,
        Matching.from_config(cfg),
        smoothing=cfg.TEST.TUNE_SMOOTHING,
        common=cfg.TEST.TUNE_COMMON,
    )
    thresholds = comm.all_gather(thresholds)[0]  # the main process has the clips
    if comm.is_main_process():
        save_clips(clips, os.path.join(cfg.OUTPUT_DIR, "inference", "validation.jsonl"))
        write_text(os.path.join(cfg.OUTPUT_DIR, "thresholds.json"), json.dumps(thresholds))
    return thresholds


def verify(cfg, results: dict) -> None:
    """Exit with 1 where results are not TEST.EXPECTED_RESULTS, as detectron2's trainer does."""
    if cfg.TEST.EXPECTED_RESULTS and comm.is_main_process():
        verify_results(cfg, results)
