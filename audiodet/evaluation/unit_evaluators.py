"""Evaluators of frames, of masks and of whole clips; all by :class:`UnitScores`."""

from collections import OrderedDict

import numpy as np
from sed_eval.metric import equal_error_rate

from audiodet.data.mixing.mask_truth import binary_mask, mixture_mels, ratio_mask
from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError
from audiodet.evaluation.clips import ClipResult, reference_clips
from audiodet.evaluation.registry import EVALUATOR_REGISTRY, Evaluator
from audiodet.evaluation.report import write_json
from audiodet.evaluation.scores import mean_over_labels
from audiodet.evaluation.units import UnitScores, frame_index, frame_scores, frame_truth


@EVALUATOR_REGISTRY.register(name="frames")
class FrameEvaluator(Evaluator):
    """F1, AUC and mAP over the frames of all clips (Kong et al. 2019, section IV-C), in percent.

    Every system is scored on frames of TEST.FRAME_SECONDS: a frame's score is that of the nearest
    step of "frame_scores"; for a system without them, of the best event that holds its centre.
    Writes frames.json.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """See :class:`Evaluator`.

        Raises:
            DataError: a clip of the dataset has no strong labels.
        """
        super().__init__(dataset_name, cfg, output_dir)
        self._clips = reference_clips(dataset_name, self.labels)

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        self._scores = {"frames": UnitScores(self.labels, self._cfg.TEST.FRAME_THRESHOLD)}

    def process(self, inputs, outputs):
        """Take the frame scores of a batch; "image_id" of the inputs finds the truth."""
        seconds = self._cfg.TEST.FRAME_SECONDS
        for clip, output in zip(inputs, outputs):
            number = clip["image_id"]
            reference = self._clips[number]
            frames = frame_index(min(clip["width"], reference.duration), seconds)
            truth = frame_truth(self._records[number], frames, seconds, len(self.labels))
            scores = frame_scores(output, frames, seconds, len(self.labels))
            for k, label in enumerate(self.labels):
                if reference.is_scored(label):
                    self._scores["frames"].add(number, k, scores[:, k].copy(), truth[:, k].copy())

    def evaluate(self) -> OrderedDict | None:
        """{task: :meth:`UnitScores.figures`} on the main process."""
        figures = OrderedDict()
        for task, scores in self._scores.items():
            whole = scores.gather()
            if whole is None:
                return None
            figures[task] = whole.figures(self._clips, self._cfg.TEST.BOOTSTRAP)
        write_json(figures, self._output_dir, f"{next(iter(figures))}.json")
        return figures


@EVALUATOR_REGISTRY.register(name="masks")
class MaskEvaluator(FrameEvaluator):
    """F1, AUC and mAP over the bins of all clips, against two truths; in percent.

    "masks": the binary mask, where the mixture's events are louder than 5 dB below its scene, as
    the authors' code has it (Kong et al. 2019, section IV-E). "masks_ratio": the ratio mask of the
    paper's text; a bin is positive to the share that the events have in it. Both hold for a label
    in the frames of its events. Scores are rounded to half precision, see :class:`UnitScores`.
    The dataset is one of mixtures in known parts. Writes masks.json.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """See :class:`FrameEvaluator`."""
        super().__init__(dataset_name, cfg, output_dir)
        self._log_mel = LogMel.from_config(cfg)

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        self._scores = {}
        for task in ("masks", "masks_ratio"):
            self._scores[task] = UnitScores(self.labels, self._cfg.TEST.MASK_THRESHOLD, True)

    def process(self, inputs, outputs):
        """Take the masks (K, H, T) of a batch; "image_id" of the inputs finds the truth.

        Raises:
            ConfigError: the system has no masks.
            DataError: a clip's events and scene are not known apart.
        """
        power = self._log_mel.power
        seconds = self._log_mel.seconds_per_frame
        for clip, output in zip(inputs, outputs):
            if "masks" not in output:
                raise ConfigError(
                    f"TEST.EVALUATORS names 'masks', which {self._cfg.MODEL.META_ARCHITECTURE} "
                    "does not give here, expected a system that has masks"
                )
            record = self._records[clip["image_id"]]
            masks = output["masks"].float().cpu().numpy()
            parts = mixture_mels(record, self._log_mel)
            active = frame_truth(record, masks.shape[-1], seconds, len(self.labels))
            truths = {"masks": binary_mask(parts, power), "masks_ratio": ratio_mask(parts, power)}
            for task, truth in truths.items():
                for k, mask in enumerate(masks):
                    of_label = (truth * active[:, k]).ravel()
                    self._scores[task].add(clip["image_id"], k, mask.ravel(), of_label)


@EVALUATOR_REGISTRY.register(name="tags")
class TaggingEvaluator(Evaluator):
    """F1, AUC, AP and equal error rate (sed_eval) of each label over clips, and their means.

    All in percent. The truth is the registered dataset's "clip_labels", or the labels of its
    events. A clip's score is the model's "clip_scores"; for a model without them, of its best
    event. F1 counts a clip as tagged from TEST.TAG_THRESHOLD on. Writes tags.json with every
    clip's scores, and tagging.json with the figures.
    """

    def process(self, inputs, outputs):
        """Take the clip scores of a batch; "image_id" of the inputs finds the truth."""
        for clip, output in zip(inputs, outputs):
            self._outputs[clip["image_id"]] = clip_scores(output, len(self.labels))

    def evaluate(self) -> OrderedDict | None:
        """{"tagging": {"F1": percent, "F1-<label>": percent, "AUC", "mAP", "EER" ...}} on the main
        process, see :meth:`UnitScores.figures`. A label that no clip has, or all clips have, has
        no AUC, AP and EER (NaN).
        """
        outputs = self.gather()
        if outputs is None:
            return None
        test = self._cfg.TEST
        units = UnitScores(self.labels, test.TAG_THRESHOLD)
        tags, truth, clips = {}, [], {}
        for number, scores in outputs.items():
            record = self._records[number]
            truth.append(clip_truth(record, len(self.labels)))
            for k, score in enumerate(scores):
                units.add(number, k, np.array([score]), np.array([truth[-1][k]]))
            clips[number] = ClipResult(str(number), 0.0)
            tags[record["file_name"]] = dict(zip(self.labels, scores))
        flat = units.figures(clips, test.BOOTSTRAP)
        errors = equal_error_rates(np.array(truth), np.array(list(outputs.values())))
        flat["EER"] = float(mean_over_labels(errors))
        for label, error in zip(self.labels, errors):
            flat[f"EER-{label}"] = float(error)
        figures = OrderedDict(tagging=flat)
        write_json(figures, self._output_dir, "tagging.json")
        write_json(tags, self._output_dir, "tags.json")
        return figures


def clip_scores(output: dict, num_classes: int) -> list[float]:
    """A model's output for one clip -> the score of each label in it."""
    if "clip_scores" in output:
        return output["clip_scores"].tolist()
    scores = [0.0] * num_classes
    events = output["instances"]
    for k, score in zip(events.pred_classes.tolist(), events.scores.tolist()):
        scores[k] = max(scores[k], score)
    return scores


def clip_truth(record: dict, num_classes: int) -> list[bool]:
    """A dataset dict -> whether each label occurs in the clip."""
    events = [a["category_id"] for a in record.get("annotations", ())]
    present = set(record.get("clip_labels", events))
    return [k in present for k in range(num_classes)]


def equal_error_rates(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Both (clips, labels) -> (labels,) in percent; NaN where all clips are alike."""
    errors = np.full(truth.shape[1], np.nan)
    for k in range(truth.shape[1]):
        if truth[:, k].any() and not truth[:, k].all():
            errors[k] = 100 * equal_error_rate(truth[:, k].astype(int), scores[:, k])
    return errors
