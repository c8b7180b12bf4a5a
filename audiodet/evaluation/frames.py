"""Frame-wise scores: whether each label is there at each time (Kong et al. 2019, section IV-C).

Shape shorthand: S time steps, F scored frames, K labels, R events.
"""

from collections import OrderedDict

import numpy as np
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator

from audiodet.evaluation.binary import BinaryScores
from audiodet.evaluation.clips import reference_clips
from audiodet.evaluation.registry import EVALUATOR_REGISTRY
from audiodet.evaluation.report import write_figures


@EVALUATOR_REGISTRY.register(name="frames")
class FrameEvaluator(DatasetEvaluator):
    """F1, AUC and mAP over the frames of all clips, each label's and their means, in percent.

    Every system is scored on frames of TEST.FRAME_SECONDS: a frame's score is that of the nearest
    step of "frame_scores"; for a system without them, of the best event that holds its centre.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """
        Args:
            dataset_name: a registered dataset with strong labels.
            output_dir: gets frames.json; None writes nothing.

        Raises:
            DataError: a clip of the dataset has no strong labels.
        """
        self._test, self._output_dir = cfg.TEST, output_dir
        self.labels = list(MetadataCatalog.get(dataset_name).thing_classes)
        self._clips = reference_clips(dataset_name, self.labels)
        self._records = {r["image_id"]: r for r in DatasetCatalog.get(dataset_name)}
        self.reset()

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        self._scores = BinaryScores(self.labels, self._test.FRAME_THRESHOLD)

    def process(self, inputs, outputs):
        """Take the frame scores of a batch; "image_id" of the inputs finds the truth."""
        seconds = self._test.FRAME_SECONDS
        for clip, output in zip(inputs, outputs):
            number = clip["image_id"]
            reference = self._clips[number]
            frames = int(min(clip["width"], reference.duration) / seconds + 1e-6)
            truth = frame_truth(self._records[number], frames, seconds, len(self.labels))
            scores = frame_scores(output, frames, seconds, len(self.labels))
            for k, label in enumerate(self.labels):
                if reference.is_scored(label):
                    self._scores.add(number, k, scores[:, k], truth[:, k])

    def evaluate(self) -> OrderedDict | None:
        """{"frames": :meth:`BinaryScores.figures`} on the main process."""
        scores = self._scores.gather()
        if scores is None:
            return None
        found = OrderedDict(frames=scores.figures(self._clips, self._test.BOOTSTRAP))
        write_figures(found, self._output_dir, "frames.json")
        return found


def frame_truth(record: dict, frames: int, seconds: float, num_classes: int) -> np.ndarray:
    """(F, K) whether a label is there: from the frame that holds its onset to that of its offset.

    Args:
        record: a dataset dict with events.
        seconds: of a frame.
    """
    truth = np.zeros((frames, num_classes), bool)
    for annotation in record.get("annotations", ()):
        onset, _, offset, _ = annotation["bbox"]
        first, last = int(onset / seconds + 1e-6), int(offset / seconds + 1e-6)
        truth[first : last + 1, annotation["category_id"]] = True
    return truth


def frame_scores(output: dict, frames: int, seconds: float, num_classes: int) -> np.ndarray:
    """A system's output for a clip -> (F, K) scores of frames of ``seconds``."""
    centres = (np.arange(frames) + 0.5) * seconds
    if "frame_scores" in output:
        steps = output["frame_seconds"].numpy()
        nearest = np.searchsorted((steps[1:] + steps[:-1]) / 2, centres)
        return output["frame_scores"].cpu().numpy()[nearest]
    scores, found = np.zeros((frames, num_classes), np.float32), output["instances"]
    boxes = found.pred_boxes.tensor[:, [0, 2]].tolist()
    for (onset, offset), score, k in zip(boxes, found.scores.tolist(), found.pred_classes.tolist()):
        inside = (centres >= onset) & (centres < offset)
        scores[inside, k] = np.maximum(scores[inside, k], score)
    return scores
