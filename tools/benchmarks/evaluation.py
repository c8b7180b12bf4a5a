"""Evaluating 500 clips, as a share of the time that sed_eval alone takes for them."""

import logging
import statistics

import numpy as np
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import Boxes, BoxMode, Instances
from sed_eval.sound_event import EventBasedMetrics, SegmentBasedMetrics

from audiodet import get_cfg
from audiodet.evaluation import SEDEvaluator
from audiodet.evaluation.counts import sed_eval_list
from benchmarks.timing import measure, print_times

CLIPS = 500
SECONDS = 30.0
DATASET = "benchmark_evaluation"


def run(args, folder) -> dict:
    """Medians in milliseconds of sed_eval's passes and of the evaluator with all that it gives.

    sed_eval: events and segments of all labels, one pass of each over the clips. The evaluator:
    the same figures, overall ones, 1000 bootstrap samples of both (twice: by clip and by source),
    the tables for people, and the files. The ratio of their medians is printed.
    """
    logging.disable(logging.INFO)
    figures = {}
    for labels in (3, 10):
        figures[f"{labels} labels"] = _measure(labels, args.rounds, folder)
    return figures


def _measure(count: int, rounds: int, folder) -> dict:
    labels = [f"label {k}" for k in range(count)]
    evaluators = _evaluators(labels, folder)
    evaluator = evaluators["audiodet, 1000 samples, files"]
    evaluator.evaluate()
    decided = [
        (clip.reference, clip.decided(evaluator.thresholds, False)) for clip in evaluator.clips
    ]

    def sed_eval():
        events = EventBasedMetrics(labels, evaluate_offset=False, t_collar=0.5)
        segments = SegmentBasedMetrics(labels, time_resolution=1.0)
        for true, reported in decided:
            lists = sed_eval_list(true), sed_eval_list(reported)
            events.evaluate(*lists)
            segments.evaluate(*lists, SECONDS)
        return events.results(), segments.results()

    items = {"sed_eval": sed_eval, **{name: x.evaluate for name, x in evaluators.items()}}
    times = measure(items, rounds)
    unit = f"{CLIPS} clips, {count} labels"
    medians = print_times(times, {}, dict.fromkeys(items, unit))
    for name in evaluators:
        ratios = [ours / theirs for ours, theirs in zip(times[name], times["sed_eval"])]
        medians[f"{name}, ratio"] = statistics.median(ratios)
        print(f"{name}: {medians[f'{name}, ratio']:.2f} of sed_eval's time")
    return medians


def _evaluators(labels, folder) -> dict:
    """Evaluators that have seen the outputs of a model for every clip."""
    rng = np.random.default_rng(0)
    records = [_record(number, rng, len(labels)) for number in range(CLIPS)]
    if DATASET in DatasetCatalog.list():
        DatasetCatalog.remove(DATASET)
        MetadataCatalog.remove(DATASET)
    DatasetCatalog.register(DATASET, lambda: records)
    MetadataCatalog.get(DATASET).set(thing_classes=labels)
    outputs = [_output(record, rng, len(labels)) for record in records]
    evaluators = {}
    for name, samples, written in (
        ("audiodet, no samples", 0, None),
        ("audiodet, 1000 samples, files", 1000, str(folder)),
    ):
        cfg = get_cfg()
        cfg.TEST.BOOTSTRAP = samples
        evaluators[name] = SEDEvaluator(DATASET, cfg, written)
        evaluators[name].process(records, outputs)
    return evaluators


def _record(number: int, rng, labels: int) -> dict:
    """A clip with two to six events."""
    annotations = []
    for onset in rng.uniform(0, SECONDS - 2, rng.integers(2, 7)):
        box = [onset, 0.0, onset + rng.uniform(0.2, 2.0), 1.0]
        label = int(rng.integers(labels))
        annotations.append({"bbox": box, "bbox_mode": BoxMode.XYXY_ABS, "category_id": label})
    return {
        "file_name": f"{number}.wav",
        "image_id": number,
        "height": 1,
        "width": SECONDS,
        "annotations": annotations,
        "source_group": f"group {number % 80}",
    }


def _output(record: dict, rng, labels: int) -> dict:
    """Most of the clip's events, some tenths of a second off, and two that are not there."""
    boxes, classes = [], []
    for annotation in record["annotations"]:
        if rng.random() < 0.8:
            onset, _, offset, _ = annotation["bbox"]
            boxes.append([max(0.0, onset + rng.normal(0, 0.3)), 0.0, offset + 0.1, 1.0])
            classes.append(annotation["category_id"])
    for onset in rng.uniform(0, SECONDS - 1, 2):
        boxes.append([onset, 0.0, onset + 1.0, 1.0])
        classes.append(int(rng.integers(labels)))
    instances = Instances((1, int(SECONDS)))
    instances.pred_boxes = Boxes(torch.tensor(boxes))
    instances.pred_classes = torch.tensor(classes)
    instances.scores = torch.full((len(boxes),), 0.9)
    return {"instances": instances}
