"""What a trained network finds in the validation set, and in clips with weak labels."""

from detectron2.data import DatasetCatalog
from detectron2.evaluation import DatasetEvaluator, inference_on_dataset

from audiodet.data.loader import build_test_loader, dataset_view
from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event

OWN = "own_"  # the datasets of a training are registered as own_train, own_val, own_test


def tags_found(cfg, model, split: str) -> list[ClipResult]:
    """Clip scores and clip labels of a split with weak labels, as events as long as the clip.

    A candidate is then a hit where the clip has the label.
    """
    name = OWN + split
    tags = _Tags(dataset_view(name, cfg.DATASETS.LABELS), list(cfg.DATASETS.LABELS))
    inference_on_dataset(model.eval(), build_test_loader(cfg, name), tags)
    return tags.clips


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
