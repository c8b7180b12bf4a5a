"""detectron2's DatasetEvaluators for sound events."""

import logging
import tempfile
from collections import Counter, OrderedDict

import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import COCOEvaluator, DatasetEvaluators
from detectron2.structures import Boxes, BoxMode

from audiodet.errors import ConfigError
from audiodet.evaluation.registry import EVALUATOR_REGISTRY, Evaluator
from audiodet.evaluation.summary import summarize, write_summary
from audiodet.events import thresholds_by_label
from audiodet.modeling.instances import events_from_instances, inside

logger = logging.getLogger(__name__)
# Fields of Instances that audiodet.modeling.hooks.fusion leaves.
SCORE_PARTS = ("detector_scores", "segment_scores", "box_scores")
COCO_LIMIT = 100  # detections of a label in an image that COCO's own AP looks at


@EVALUATOR_REGISTRY.register()
def events(dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
    """Scores of events by their times (:class:`SEDEvaluator`), and temporal AP."""
    given = (dataset_name, cfg, output_dir, thresholds)
    return DatasetEvaluators([SEDEvaluator(*given), TemporalAPEvaluator(*given)])


@EVALUATOR_REGISTRY.register()
def scores(dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
    """Scores that no threshold takes part in, see :mod:`audiodet.evaluation.psds`.

    Raises:
        ConfigError: sed_scores_eval is not installed.
    """
    try:
        from audiodet.evaluation.psds import ScoreEvaluator
    except ImportError as error:
        raise ConfigError(
            f"TEST.EVALUATORS names 'scores', but sed_scores_eval cannot be imported ({error}), "
            "expected: pip install sed_scores_eval (a C++ compiler builds it)"
        ) from error
    return ScoreEvaluator(dataset_name, cfg, output_dir, thresholds)


class SEDEvaluator(Evaluator):
    """Event- and segment-based ER and F1, class-wise and their mean, with 95 % intervals.

    The truth is the registered dataset's; a clip's "target" restricts it to that label, and
    "source_group" is the unit of the intervals by source. After :meth:`evaluate`, ``clips``
    holds a :class:`ClipResult` of every clip. Writes metrics.json, events.tsv (decided events),
    truth.tsv and clips.jsonl (all candidate events, to be scored again or pooled).
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """See :class:`Evaluator`.

        Raises:
            ConfigError: the thresholds do not fit the labels.
        """
        super().__init__(dataset_name, cfg, output_dir)
        given = cfg.TEST.THRESHOLDS if thresholds is None else thresholds
        self.thresholds = thresholds_by_label(given, self.labels)
        self.clips = []

    def process(self, inputs, outputs):
        """Take a batch's "instances", whose ``pred_boxes`` are in seconds; "image_id" of the inputs
        finds the truth. What a fusion made the scores of is kept with them.
        """
        for clip, output in zip(inputs, outputs):
            duration = self._truth[clip["image_id"]].duration
            instances = self._long_enough(inside(output["instances"], duration))
            candidates = events_from_instances(instances, self.labels, duration)
            parts = {}
            for name in filter(instances.has, SCORE_PARTS):
                parts[name] = instances.get(name).tolist()
            self._outputs[clip["image_id"]] = (candidates, parts)

    def _long_enough(self, instances):
        """Without events that are shorter than TEST.MIN_LENGTHS."""
        shortest = thresholds_by_label(self._cfg.TEST.MIN_LENGTHS, self.labels, "TEST.MIN_LENGTHS")
        if not any(shortest.values()):
            return instances
        limits = torch.tensor(list(shortest.values()))[instances.pred_classes.cpu()]
        onsets, _, offsets, _ = instances.pred_boxes.tensor.cpu().unbind(1)
        return instances[offsets - onsets >= limits]

    def evaluate(self) -> OrderedDict | None:
        """{"sed": {metric: value}, "segment": ..., "micro_events": ...} on the main process.

        The first two are :func:`~audiodet.evaluation.scores.results`, the third
        :func:`~audiodet.evaluation.scores.micro_rates` of the events of all labels together. Each
        of TEST.MICRO_SECONDS has a "micro_<seconds>s", see
        :func:`~audiodet.evaluation.scores.micro_results`.
        """
        outputs = self.gather()
        if outputs is None:
            return None
        if len(outputs) < len(self._truth):
            number = f"{len(outputs)} of {len(self._truth)}"
            logger.warning(f"{self._name}: {number} clips were processed; only these are scored")
        self.clips = []
        for image_id, (candidates, parts) in outputs.items():
            clip = self._truth[image_id]
            clip.candidates = candidates
            clip.parts = parts
            self.clips.append(clip)
        return self._score()

    def _score(self) -> OrderedDict:
        summary = summarize(self._name, self.clips, self.labels, self.thresholds, self._cfg)
        for text in summary.texts:
            logger.info(f"{self._name}, {text}")
        if self._output_dir:
            write_summary(self._output_dir, self.clips, summary)
        return summary.figures


class TemporalAPEvaluator(COCOEvaluator):
    """COCO's AP, AP50, AP75 and AP of each label at temporal IoU 0.5 to 0.95.

    IoU knows no unit, so seconds do. Four things of :class:`COCOEvaluator` do not fit and are
    changed: the truth is rounded to 0.001 (of a second); a dataset's truth is remembered from an
    earlier evaluator; APs, APm, APl sort objects by pixels; and only the best 100 detections of a
    label in a clip count (a long clip has more: all count here). Every box counts as of full
    height, so a detector whose boxes have four learned sides is judged by its times alone. Where a
    clip has a "target", only events of that label count.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        vars(MetadataCatalog.get(dataset_name)).pop("json_file", None)
        with tempfile.TemporaryDirectory() as folder:
            super().__init__(
                dataset_name,
                tasks=("bbox",),
                output_dir=output_dir or folder,
                use_fast_impl=False,
                allow_cached_coco=False,
            )
        self._output_dir = output_dir
        self._labels = self._metadata.thing_classes
        truth = [(d, a) for d in DatasetCatalog.get(dataset_name) for a in d.get("annotations", ())]
        for coco, (record, annotation) in zip(self._coco_api.anns.values(), truth):
            box = BoxMode.convert(annotation["bbox"], annotation["bbox_mode"], BoxMode.XYWH_ABS)
            other = record.get("target") not in (None, self._labels[annotation["category_id"]])
            coco.update(bbox=box, iscrowd=int(other))  # another label's: neither hit nor miss

    def process(self, inputs, outputs):
        scored = []
        for clip, output in zip(inputs, outputs):
            instances = output["instances"][:]
            target = clip.get("target")
            if target is not None:
                instances = instances[instances.pred_classes == self._labels.index(target)]
            boxes = instances.pred_boxes.tensor.clone()
            boxes[:, 1] = 0.0
            boxes[:, 3] = 1.0  # the height of a canvas in seconds
            instances.pred_boxes = Boxes(boxes)
            scored.append({"instances": instances})
        super().process(inputs, scored)

    def _eval_predictions(self, predictions, img_ids=None):
        """See :meth:`COCOEvaluator._eval_predictions`; raises the limit to the fullest clip's."""
        counts = Counter()
        for prediction in predictions:
            for event in prediction["instances"]:
                counts[event["image_id"], event["category_id"]] += 1
        self._max_dets_per_image = [1, 10, max([COCO_LIMIT, *counts.values()])]
        super()._eval_predictions(predictions, img_ids)

    def _derive_coco_results(self, coco_eval, iou_type, class_names=None):
        if coco_eval is None:  # events, and not one prediction
            return {"AP": 0.0, "AP50": 0.0, "AP75": 0.0}
        figures = super()._derive_coco_results(coco_eval, iou_type, class_names)
        for name in ("APs", "APm", "APl"):
            figures.pop(name, None)
        return figures
