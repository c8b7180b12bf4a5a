"""Evaluators of frames, of masks and of whole clips; all by :class:`UnitScores`."""

from collections import OrderedDict

import numpy as np
from sed_eval.metric import equal_error_rate

from audiodet.data.mixing.mask_truth import binary_mask, mixture_mels, ratio_mask
from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.registry import EVALUATOR_REGISTRY, Evaluator
from audiodet.evaluation.report import write_json
from audiodet.evaluation.scores import mean_over_labels
from audiodet.evaluation.units import UnitScores, frame_index, frame_scores, frame_truth


class UnitEvaluator(Evaluator):
    """What the three share: a :class:`UnitScores` of each task, and a file named after the first.

    A subclass names its tasks and TEST's key of its threshold, and has an ``add`` (inputs of a
    clip, its record, outputs) that adds the clip's units.
    """

    rounded = False

    def reset(self):
        given = (self.labels, self._cfg.TEST[self.threshold], self.rounded)
        self._scores = {task: UnitScores(*given) for task in self.tasks}

    def process(self, inputs, outputs):
        """Take the outputs of a batch; "image_id" of the inputs finds the truth."""
        for clip, output in zip(inputs, outputs):
            self.add(clip, self._records[clip["image_id"]], output)

    def evaluate(self) -> OrderedDict | None:
        """{task: :meth:`UnitScores.figures`} on the main process."""
        figures = OrderedDict()
        for task, scores in self._scores.items():
            whole = scores.gather()
            if whole is None:
                return None
            figures[task] = self.figures(whole)
        write_json(figures, self._output_dir, f"{self.tasks[0]}.json")
        return figures

    def figures(self, scores: UnitScores) -> dict[str, float]:
        """Those of one task."""
        return scores.figures(self._truth, self._cfg.TEST.BOOTSTRAP)


@EVALUATOR_REGISTRY.register(name="frames")
class FrameEvaluator(UnitEvaluator):
    """F1, AUC and mAP over the frames of all clips (Kong et al. 2019, section V-B), in percent.

    Every system is scored on frames of TEST.FRAME_SECONDS: a frame's score is that of the nearest
    step of "frame_scores"; for a system without them, of the best event that holds its centre.
    Writes frames.json.
    """

    tasks = ("frames",)
    threshold = "FRAME_THRESHOLD"

    def add(self, clip: dict, record: dict, output: dict) -> None:
        """Add a clip's frames, of the labels that it is scored for."""
        seconds = self._cfg.TEST.FRAME_SECONDS
        reference = self._truth[clip["image_id"]]
        frames = frame_index(min(clip["width"], reference.duration), seconds)
        truth = frame_truth(record, frames, seconds, len(self.labels))
        scores = frame_scores(output, frames, seconds, len(self.labels))
        for k, label in enumerate(self.labels):
            if reference.is_scored(label):
                self._scores["frames"].add(clip["image_id"], k, scores[:, k], truth[:, k])


@EVALUATOR_REGISTRY.register(name="masks")
class MaskEvaluator(UnitEvaluator):
    """F1, AUC and mAP over the bins of all clips, against two truths; in percent.

    "masks": the binary mask, where the mixture's events are louder than 5 dB below its scene, as
    the code of Kong et al. 2019 (section V-H) has it. "masks_ratio": the ratio mask of the paper's
    text; a bin is positive to the share that the events have in it. Both hold for a label
    in the frames of its events. Scores are rounded to half precision, see :class:`UnitScores`.
    The dataset is one of mixtures in known parts. Writes masks.json.
    """

    tasks = ("masks", "masks_ratio")
    threshold = "MASK_THRESHOLD"
    rounded = True

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        super().__init__(dataset_name, cfg, output_dir)
        self._log_mel = LogMel.from_config(cfg)

    def add(self, clip: dict, record: dict, output: dict) -> None:
        """Add the bins of a clip's masks (K, H, T).

        Raises:
            ConfigError: the system has no masks.
            DataError: the clip's events and scene are not known apart.
        """
        if "masks" not in output:
            raise ConfigError(
                f"TEST.EVALUATORS names 'masks', which {self._cfg.MODEL.META_ARCHITECTURE} "
                "does not give here, expected a system that has masks"
            )
        power = self._log_mel.power
        masks = output["masks"].float().cpu().numpy()
        parts = mixture_mels(record, self._log_mel)
        seconds = self._log_mel.seconds_per_frame
        active = frame_truth(record, masks.shape[-1], seconds, len(self.labels))
        for task, truth_of in (("masks", binary_mask), ("masks_ratio", ratio_mask)):
            truth = truth_of(parts, power)
            for k, mask in enumerate(masks):
                of_label = (truth * active[:, k]).ravel()
                self._scores[task].add(clip["image_id"], k, mask.ravel(), of_label)


@EVALUATOR_REGISTRY.register(name="tags")
class TaggingEvaluator(UnitEvaluator):
    """F1, AUC, AP and equal error rate (sed_eval) of each label over clips, and their means.

    All in percent. The truth is the registered dataset's "clip_labels", or the labels of its
    events. A clip's score is the model's "clip_scores"; for a model without them, of its best
    event. F1 counts a clip as tagged from TEST.TAG_THRESHOLD on. A label that no clip has, or all
    clips have, has no AUC, AP and EER (NaN). Writes tags.json with every clip's scores, and
    tagging.json with the figures.
    """

    tasks = ("tagging",)
    threshold = "TAG_THRESHOLD"
    strong = False

    def add(self, clip: dict, record: dict, output: dict) -> None:
        """Add a clip's one unit of each label."""
        events = [annotation["category_id"] for annotation in record.get("annotations", ())]
        present = record.get("clip_labels", events)
        for k, score in enumerate(clip_scores(output, len(self.labels))):
            unit = (np.array([score]), np.array([k in present]))
            self._scores["tagging"].add(clip["image_id"], k, *unit)

    def figures(self, scores: UnitScores) -> dict[str, float]:
        """With the equal error rates; writes tags.json."""
        clips = {}
        tags = {}
        for number, record in self._records.items():
            if number in scores.counts:
                clips[number] = ClipResult(str(number), 0.0)
                tags[record["file_name"]] = {}
        flat = scores.figures(clips, self._cfg.TEST.BOOTSTRAP)
        errors = np.full(len(self.labels), np.nan)
        for k, label in enumerate(self.labels):
            _, values, negative, positive = scores.of_label(k, list(clips))
            if negative.any() and positive.any():
                errors[k] = 100 * equal_error_rate(positive.astype(int), values)
            for scores_of, value in zip(tags.values(), values.tolist()):
                scores_of[label] = value
        flat["EER"] = float(mean_over_labels(errors))
        for label, error in zip(self.labels, errors):
            flat[f"EER-{label}"] = float(error)
        write_json(tags, self._output_dir, "tags.json")
        return flat


def clip_scores(output: dict, num_classes: int) -> list[float]:
    """A model's output for one clip -> the score of each label in it."""
    if "clip_scores" in output:
        return output["clip_scores"].tolist()
    scores = [0.0] * num_classes
    events = output["instances"]
    for k, score in zip(events.pred_classes.tolist(), events.scores.tolist()):
        scores[k] = max(scores[k], score)
    return scores
