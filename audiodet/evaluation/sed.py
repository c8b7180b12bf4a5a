"""detectron2's DatasetEvaluator for sound events."""

import json
import logging
import os
from collections import OrderedDict
from dataclasses import replace
from itertools import chain

from detectron2.data import MetadataCatalog
from detectron2.evaluation import DatasetEvaluator, DatasetEvaluators
from detectron2.utils import comm

from audiodet.evaluation.clips import reference_clips, save_clips, write_events
from audiodet.evaluation.counts import Matching, score_clips, score_segments
from audiodet.evaluation.micro import micro_events, micro_results, micro_table, score_micro
from audiodet.evaluation.registry import EVALUATOR_REGISTRY
from audiodet.evaluation.report import results, table, without_nan
from audiodet.evaluation.temporal_ap import TemporalAPEvaluator
from audiodet.events import thresholds_by_label
from audiodet.files import write_text
from audiodet.modeling.instances import events_from_instances, inside

logger = logging.getLogger(__name__)
# Fields of Instances that audiodet.modeling.hooks.fusion leaves.
SCORE_PARTS = ("detector_scores", "segment_scores", "box_scores")


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
        self.clips, self._candidates, self._parts = [], {}, {}

    def process(self, inputs, outputs):
        """Take the candidate events of a batch.

        Args:
            inputs: dataset dicts; "image_id" finds the truth.
            outputs: dicts with "instances" whose ``pred_boxes`` are in seconds; what a fusion
                made their scores of is kept with them.
        """
        for clip, output in zip(inputs, outputs):
            duration = self._truth[clip["image_id"]].duration
            instances = inside(output["instances"], duration)
            parts = {
                name: instances.get(name).tolist() for name in SCORE_PARTS if instances.has(name)
            }
            events = events_from_instances(instances, self.labels, duration)
            self._candidates[clip["image_id"]], self._parts[clip["image_id"]] = events, parts

    def evaluate(self) -> OrderedDict | None:
        """{"sed": {metric: value}, "segment": ..., "micro_events": ...} on the main process.

        See :func:`audiodet.evaluation.report.results` for the metrics of the first two, and
        :func:`audiodet.evaluation.micro.micro_events` for the events of all labels together. For
        each of TEST.MICRO_SECONDS there is a "micro_<seconds>s" too, see
        :func:`audiodet.evaluation.micro.micro_results`.
        """
        candidates, parts = (
            dict(chain.from_iterable(part.items() for part in comm.gather(found)))
            for found in (self._candidates, self._parts)
        )
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
                clip.candidates, clip.parts = candidates[image_id], parts.get(image_id, {})
                self.clips.append(clip)
        return self._score()

    def _score(self) -> OrderedDict:
        test, decision = self._cfg.TEST, (self.thresholds, self._cfg.TEST.BEST_EVENT_PER_CLIP)
        matching = Matching.from_config(self._cfg)
        events = score_clips(self.clips, self.labels, *decision, matching)
        events = replace(events, zero_f1=test.ZERO_WITHOUT_REFERENCE)
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
        flat = found["micro_events"] = micro_events(self.clips, self.labels, *decision, matching)
        text = ", ".join(f"{name} {value:.3g}" for name, value in flat.items())
        logger.info(f"all labels together, event-based: {text}")
        for seconds in test.MICRO_SECONDS:
            micro = score_micro(self.clips, self.labels, *decision, seconds)
            flat = found[f"micro_{seconds:g}s"] = micro_results(micro, test.BOOTSTRAP)
            logger.info(
                f"all labels together, segments of {seconds:g} s:\n{micro_table(micro, flat)}"
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
            "left_out_of_mean": [] if test.ZERO_WITHOUT_REFERENCE else left_out,
            "scored_zero": left_out if test.ZERO_WITHOUT_REFERENCE else [],
            **{task: without_nan(metrics) for task, metrics in found.items()},
        }
        write_text(path("metrics.json"), json.dumps(summary, indent=1) + "\n")
        decided = {c.name: c.decided(self.thresholds, test.BEST_EVENT_PER_CLIP) for c in self.clips}
        write_events(decided, path("events.tsv"), scores=True)
        write_events({c.name: c.reference for c in self.clips}, path("truth.tsv"))
        save_clips(self.clips, path("clips.jsonl"))


@EVALUATOR_REGISTRY.register()
def events(dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
    """Scores of events by their times, and temporal AP."""
    evaluators = (SEDEvaluator, TemporalAPEvaluator)
    return DatasetEvaluators([e(dataset_name, cfg, output_dir, thresholds) for e in evaluators])
