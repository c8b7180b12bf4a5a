"""Average precision over intervals: COCO's AP, whose boxes are events in seconds."""

import tempfile
from collections import Counter

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import COCOEvaluator
from detectron2.structures import Boxes, BoxMode

COCO_LIMIT = 100  # detections of a label in an image that COCO's own AP looks at


class TemporalAPEvaluator(COCOEvaluator):
    """AP, AP50, AP75 and AP of each label at temporal IoU 0.5 to 0.95.

    IoU knows no unit, so seconds do. Four things of :class:`COCOEvaluator` do not fit and are
    changed: the truth is rounded to 0.001 (of a second); a dataset's truth is remembered from an
    earlier evaluator; APs, APm, APl sort objects by pixels; and only the best 100 detections of a
    label in a clip count (a long clip has more: all count here). Every box counts as of full
    height, so a detector whose boxes have four learned sides is judged by its times alone. Where a
    clip has a "target", only events of that label count.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """See :data:`audiodet.evaluation.registry.EVALUATOR_REGISTRY`.

        Args:
            output_dir: folder for COCO's files; None writes nothing.
        """
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
            coco["bbox"] = BoxMode.convert(
                annotation["bbox"], annotation["bbox_mode"], BoxMode.XYWH_ABS
            )
            other = record.get("target") not in (None, self._labels[annotation["category_id"]])
            coco["iscrowd"] = int(other)  # neither a hit nor a miss

    def process(self, inputs, outputs):
        """See :meth:`COCOEvaluator.process`."""
        scored = []
        for clip, output in zip(inputs, outputs):
            instances = output["instances"]
            target = clip.get("target")
            if target is not None:
                instances = instances[instances.pred_classes == self._labels.index(target)]
            scored.append({"instances": full_height(instances)})
        super().process(inputs, scored)

    def _eval_predictions(self, predictions, img_ids=None):
        """See :meth:`COCOEvaluator._eval_predictions`; raises the limit to the fullest clip's."""
        counts = Counter()
        for prediction in predictions:
            for event in prediction["instances"]:
                counts[event["image_id"], event["category_id"]] += 1
        limit = max([COCO_LIMIT, *counts.values()])
        self._max_dets_per_image = [1, 10, limit]
        super()._eval_predictions(predictions, img_ids)

    def _derive_coco_results(self, coco_eval, iou_type, class_names=None):
        if coco_eval is None:  # events, and not one prediction
            return {"AP": 0.0, "AP50": 0.0, "AP75": 0.0}
        figures = super()._derive_coco_results(coco_eval, iou_type, class_names)
        return {name: x for name, x in figures.items() if name not in ("APs", "APm", "APl")}


def full_height(instances):
    """The same Instances with boxes from 0 to 1, the height of a canvas in seconds."""
    boxes = instances.pred_boxes.tensor.clone()
    boxes[:, 1] = 0.0
    boxes[:, 3] = 1.0
    result = instances[:]
    result.pred_boxes = Boxes(boxes)
    return result
