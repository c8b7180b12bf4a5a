"""detectron2's DatasetEvaluator for sound events."""
import json
import logging
import os
from collections import OrderedDict
from itertools import chain

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator, DatasetEvaluators
from detectron2.utils import comm

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult, save_clips, write_events
from audiodet.evaluation.counts import Matching, score_clips, score_segments
from audiodet.evaluation.report import results, table, without_nan
from audiodet.evaluation.temporal_ap import TemporalAPEvaluator
from audiodet.files import write_text
from audiodet.modeling.postprocessing import Event, events_from_instances, thresholds_by_label

logger = logging.getLogger(__name__)


class SEDEvaluator(DatasetEvaluator):
    """Event- and segment-based ER and F1, class-wise and their mean, with 95 % intervals.

    The truth is the registered dataset's; a clip's "target" restricts it to that label, and
    "source_group" is the unit of the intervals by source. After :meth:`evaluate`, ``clips``
    holds a :class:`ClipResult` of every clip.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """
        Args:
            dataset_name: a registered dataset with strong labels.
            cfg: audiodet's configuration; its TEST section says how to score.
            output_dir: gets metrics.json, events.tsv (decided events), truth.tsv and clips.jsonl
                (all candidate events, to be scored again or pooled); None writes nothing.
            thresholds: final threshold of each label, instead of TEST.THRESHOLDS.

        Raises:
            ConfigError: the thresholds do not fit the labels.
            DataError: a clip of the dataset has no strong labels.
        """
        self._name, self._cfg, self._output_dir = dataset_name, cfg, output_dir
        self.labels = list(MetadataCatalog.get(dataset_name).thing_classes)
        self.thresholds = thresholds_by_label(
            cfg.TEST.THRESHOLDS if thresholds is None else thresholds, self.labels
        )
        self._truth = reference_clips(dataset_name, self.labels)
        self.reset()

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        self.clips, self._candidates = [], {}

    def process(self, inputs, outputs):
        """Take the candidate events of a batch.

        Args:
            inputs: dataset dicts; "image_id" finds the truth.
            outputs: dicts with "instances" whose ``pred_boxes`` are in seconds.
        """
        for clip, output in zip(inputs, outputs):
            duration = self._truth[clip["image_id"]].duration
            self._candidates[clip["image_id"]] = events_from_instances(
                output["instances"], self.labels, duration
            )

    def evaluate(self) -> OrderedDict | None:
        """{"sed": {metric: value}, "segment": {metric: value}} on the main process.

        See :func:`audiodet.evaluation.report.results` for the metrics.
        """
        candidates = dict(chain.from_iterable(c.items() for c in comm.gather(self._candidates)))
        if not comm.is_main_process():
            return None
        if len(candidates) < len(self._truth):
            logger.warning(
                f"{self._name}: {len(candidates)} of {len(self._truth)} clips were processed; "
                "the others are left out of the scores"
            )
        self.clips = []
        for image_id, clip in self._truth.items():
            if image_id in candidates:
                clip.candidates = candidates[image_id]
                self.clips.append(clip)
        return self._score()

    def _score(self) -> OrderedDict:
        test, decision = self._cfg.TEST, (self.thresholds, self._cfg.TEST.BEST_EVENT_PER_CLIP)
        matching = Matching.from_config(self._cfg)
        events = score_clips(self.clips, self.labels, *decision, matching)
        segments = score_segments(self.clips, self.labels, *decision, test.SEGMENT_SECONDS)
        found = OrderedDict(
            sed=results(events, test.BOOTSTRAP), segment=results(segments, test.BOOTSTRAP)
        )
        offsets = "onset and offset" if matching.evaluate_offset else "onset only"
        logger.info(
            f"{self._name}, {len(self.clips)} clips, event-based, {offsets}, collar "
            f"{matching.collar} s:\n{table(events, found['sed'], self.thresholds)}\n"
            f"segment-based, {test.SEGMENT_SECONDS} s:\n{table(segments, found['segment'])}"
        )
        if self._output_dir:
            self._write(found, events.without_reference)
        return found

    def _write(self, found: dict, left_out: list[str]) -> None:
        def path(name):
            return os.path.join(self._output_dir, name)

        test = self._cfg.TEST
        summary = {
            "dataset": self._name,
            "clips": len(self.clips),
            "labels": self.labels,
            "thresholds": self.thresholds,
            "best_event_per_clip": test.BEST_EVENT_PER_CLIP,
            "left_out_of_mean": left_out,
            **{task: without_nan(metrics) for task, metrics in found.items()},
        }
        write_text(path("metrics.json"), json.dumps(summary, indent=1) + "\n")
        decided = {c.name: c.decided(self.thresholds, test.BEST_EVENT_PER_CLIP) for c in self.clips}
        write_events(decided, path("events.tsv"), scores=True)
        write_events({c.name: c.reference for c in self.clips}, path("truth.tsv"))
        save_clips(self.clips, path("clips.jsonl"))


def reference_clips(dataset_name: str, labels: list[str]) -> dict[int, ClipResult]:
    """The truth of a registered dataset by image id, without candidates.

    A clip is named by its file's name where that is unique in the dataset, else by its path.

    Raises:
        DataError: a clip's labels are not strong.
    """
    records = DatasetCatalog.get(dataset_name)
    bases = [os.path.basename(record["file_name"]) for record in records]
    unique = len(set(bases)) == len(bases)
    clips = {}
    for record, base in zip(records, bases):
        kind = record.get("label_kind", "strong")
        if kind != "strong":
            raise DataError(
                f"{record['file_name']}: its labels are {kind!r}, expected 'strong' to score events"
            )
        events = [
            Event(a["bbox"][0], a["bbox"][2], labels[a["category_id"]])
            for a in record.get("annotations", ())
        ]
        clips[record["image_id"]] = ClipResult(
            name=base if unique else record["file_name"],
            duration=record["width"],
            reference=sorted(events),
            target=record.get("target"),
            source_group=record.get("source_group"),
        )
    return clips


def build_sed_evaluators(
    cfg, dataset_name: str, output_dir: str, thresholds=None
) -> DatasetEvaluators:
    """SEDEvaluator beside temporal AP: what :func:`inference_on_dataset` takes for one dataset."""
    return DatasetEvaluators(
        [
            SEDEvaluator(dataset_name, cfg, output_dir, thresholds),
            TemporalAPEvaluator(dataset_name, output_dir),
        ]
    )
