"""What a trained network finds in a split, beside the truth."""

import os
from pathlib import Path

from detectron2.data import DatasetCatalog
from detectron2.evaluation import DatasetEvaluator, inference_on_dataset

from audiodet.data.labels.table import read_table
from audiodet.data.loader import build_test_loader, dataset_view
from audiodet.engine.validation import validation_clips
from audiodet.errors import AudioError
from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event
from audiodet.inference.detector import Detector

OWN = "own_"  # the datasets of a training are registered as own_train, own_val, own_test


def clips_found(cfg, model, split: str) -> list[ClipResult]:
    """Candidates and true events of each clip of a split."""
    cfg = cfg.clone()
    cfg.defrost()
    cfg.DATASETS.VAL = (OWN + split,)
    return validation_clips(cfg, model.eval())


def tags_found(cfg, model, split: str) -> list[ClipResult]:
    """Clip scores and clip labels of a split with weak labels, as events as long as the clip.

    A candidate is then a hit where the clip has the label.
    """
    name = OWN + split
    tags = _Tags(dataset_view(name, cfg.DATASETS.LABELS), list(cfg.DATASETS.LABELS))
    inference_on_dataset(model.eval(), build_test_loader(cfg, name), tags)
    return tags.clips


def detected(detector: Detector, folder: Path, plan: dict) -> list[ClipResult]:
    """What the detector finds in whole test recordings, as ``audiodet detect`` would.

    Args:
        folder: of the detector, with ``data/test.tsv``.
    """
    truth = read_table(folder / "data" / "test.tsv").events()
    paths = {os.path.join(plan["audio"], name): name for name in truth}
    clips = []
    for detection in detector.detect_many(paths):
        if detection.error:
            raise AudioError(str(detection.error))
        name = paths[detection.source]
        clips.append(ClipResult(name, detection.duration, truth[name], detection.candidates))
    return clips


class _Tags(DatasetEvaluator):
    """Keeps clip labels and clip scores."""

    def __init__(self, view: str, labels: list[str]):
        self.labels = labels
        self.records = {record["image_id"]: record for record in DatasetCatalog.get(view)}
        self.clips = []

    def process(self, inputs, outputs):
        for clip, output in zip(inputs, outputs):
            record = self.records[clip["image_id"]]
            seconds = record["width"]
            true = [Event(0.0, seconds, self.labels[k]) for k in record["clip_labels"]]
            scored = zip(self.labels, output["clip_scores"].tolist())
            candidates = [Event(0.0, seconds, label, score) for label, score in scored]
            self.clips.append(ClipResult(record["file_name"], seconds, true, candidates))
