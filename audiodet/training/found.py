"""What a trained network finds in a split, beside the truth."""

from detectron2.data import DatasetCatalog
from detectron2.evaluation import DatasetEvaluator, inference_on_dataset

from audiodet.data.loader import build_test_loader, dataset_view
from audiodet.engine.validation import validation_clips
from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event


def clips_found(cfg, model, name: str, kind: str) -> list[ClipResult]:
    """Candidates and truth of each clip of the dataset ``name``.

    With ``kind`` "weak" a clip's labels are events as long as the clip, true ones and, with the
    clip's score, candidates: an event is a hit where the clip has the label.
    """
    model.eval()
    if kind == "strong":
        cfg = cfg.clone()
        cfg.defrost()
        cfg.DATASETS.VAL = (name,)
        return validation_clips(cfg, model)
    tags = _Tags(dataset_view(name, cfg.DATASETS.LABELS), list(cfg.DATASETS.LABELS))
    inference_on_dataset(model, build_test_loader(cfg, name), tags)
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
