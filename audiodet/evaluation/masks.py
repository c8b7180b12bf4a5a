"""Scores of masks over time and frequency (Kong et al. 2019, section IV-E).

Shape shorthand: K labels, H mel bands, T frames.
"""

from collections import OrderedDict

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator

from audiodet.data.mixing.mask_truth import binary_mask, mixture_mels, ratio_mask
from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError
from audiodet.evaluation.binary import BinaryScores
from audiodet.evaluation.clips import reference_clips
from audiodet.evaluation.frames import frame_truth
from audiodet.evaluation.registry import EVALUATOR_REGISTRY
from audiodet.evaluation.report import write_figures


@EVALUATOR_REGISTRY.register(name="masks")
class MaskEvaluator(DatasetEvaluator):
    """F1, AUC and mAP over the bins of all clips, against two truths; in percent.

    "masks": the binary mask, where the mixture's events are louder than 5 dB below its scene, as
    the authors' code has it. "masks_ratio": the ratio mask of the paper's text; a bin is positive
    to the share that the events have in it. Both hold for a label in the frames of its events.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """
        Args:
            dataset_name: a registered dataset of mixtures in known parts, with strong labels.
            output_dir: gets masks.json; None writes nothing.

        Raises:
            DataError: a clip of the dataset has no strong labels.
        """
        self._cfg, self._output_dir = cfg, output_dir
        self.labels = list(MetadataCatalog.get(dataset_name).thing_classes)
        self._log_mel = LogMel.from_config(cfg)
        self._clips = reference_clips(dataset_name, self.labels)
        self._records = {r["image_id"]: r for r in DatasetCatalog.get(dataset_name)}
        self.reset()

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        threshold = self._cfg.TEST.MASK_THRESHOLD
        self._scores = {
            task: BinaryScores(self.labels, threshold) for task in ("masks", "masks_ratio")
        }

    def process(self, inputs, outputs):
        """Take the masks of a batch; "image_id" of the inputs finds the truth.

        Raises:
            ConfigError: the system has no masks.
            DataError: a clip's events and scene are not known apart.
        """
        for clip, output in zip(inputs, outputs):
            if "masks" not in output:
                raise ConfigError(
                    f"TEST.EVALUATORS names 'masks', which {self._cfg.MODEL.META_ARCHITECTURE} "
                    "does not give here, expected a system that has masks"
                )
            number, masks = clip["image_id"], output["masks"].float().cpu().numpy()
            parts = mixture_mels(self._records[number], self._log_mel)
            frames, seconds = masks.shape[-1], self._log_mel.seconds_per_frame
            active = frame_truth(self._records[number], frames, seconds, len(self.labels))
            truths = (f(parts, self._log_mel.power) for f in (binary_mask, ratio_mask))
            for scores, truth in zip(self._scores.values(), truths):
                for k in range(len(self.labels)):
                    scores.add(number, k, masks[k].ravel(), (truth * active[:, k]).ravel())

    def evaluate(self) -> OrderedDict | None:
        """{"masks": figures, "masks_ratio": figures}, see :meth:`BinaryScores.figures`."""
        found = OrderedDict()
        for task, scores in self._scores.items():
            whole = scores.gather()
            if whole is not None:
                found[task] = whole.figures(self._clips, self._cfg.TEST.BOOTSTRAP)
        if not found:
            return None
        write_figures(found, self._output_dir, "masks.json")
        return found
