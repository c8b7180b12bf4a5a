"""detectron2's DatasetEvaluator for sound events."""

import logging
import os
from collections import OrderedDict
from dataclasses import replace

from detectron2.evaluation import DatasetEvaluators

from audiodet.errors import ConfigError
from audiodet.evaluation.clips import reference_clips, save_clips, write_events
from audiodet.evaluation.counts import Matching, score_clips, score_segments
from audiodet.evaluation.registry import EVALUATOR_REGISTRY, Evaluator
from audiodet.evaluation.report import (
    micro_results,
    micro_table,
    one_line,
    results,
    table,
    write_json,
)
from audiodet.evaluation.scores import SEDScores, micro_rates
from audiodet.evaluation.temporal_ap import TemporalAPEvaluator
from audiodet.events import thresholds_by_label
from audiodet.modeling.instances import events_from_instances, inside

logger = logging.getLogger(__name__)
# Fields of Instances that audiodet.modeling.hooks.fusion leaves.
SCORE_PARTS = ("detector_scores", "segment_scores", "box_scores")


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
            DataError: a clip of the dataset has no strong labels.
        """
        super().__init__(dataset_name, cfg, output_dir)
        self.thresholds = thresholds_by_label(
            cfg.TEST.THRESHOLDS if thresholds is None else thresholds, self.labels
        )
        self._truth = reference_clips(dataset_name, self.labels)

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        super().reset()
        self.clips = []

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
            candidates = events_from_instances(instances, self.labels, duration)
            parts = {}
            for name in SCORE_PARTS:
                if instances.has(name):
                    parts[name] = instances.get(name).tolist()
            self._outputs[clip["image_id"]] = (candidates, parts)

    def evaluate(self) -> OrderedDict | None:
        """{"sed": {metric: value}, "segment": ..., "micro_events": ...} on the main process.

        See :func:`audiodet.evaluation.report.results` for the metrics of the first two, and
        :func:`audiodet.evaluation.scores.micro_rates` for the events of all labels together. For
        each of TEST.MICRO_SECONDS there is a "micro_<seconds>s" too, see
        :func:`audiodet.evaluation.report.micro_results`.
        """
        outputs = self.gather()
        if outputs is None:
            return None
        if len(outputs) < len(self._truth):
            logger.warning(
                f"{self._name}: {len(outputs)} of {len(self._truth)} clips were processed; "
                "the others are left out of the scores"
            )
        self.clips = []
        for image_id, (candidates, parts) in outputs.items():
            clip = self._truth[image_id]
            clip.candidates = candidates
            clip.parts = parts
            self.clips.append(clip)
        return self._score()

    def _score(self) -> OrderedDict:
        test = self._cfg.TEST
        matching = Matching.from_config(self._cfg)
        scored = (self.clips, self.labels, self.thresholds, test.BEST_EVENT_PER_CLIP)
        events = score_clips(*scored, matching)
        events = replace(events, zero_f1=test.ZERO_WITHOUT_REFERENCE)
        by_seconds = {}
        for seconds in {test.SEGMENT_SECONDS, *test.MICRO_SECONDS}:
            by_seconds[seconds] = score_segments(*scored, seconds)
        segments = by_seconds[test.SEGMENT_SECONDS]
        figures = OrderedDict(
            sed=results(events, test.BOOTSTRAP), segment=results(segments, test.BOOTSTRAP)
        )
        offsets = "onset and offset" if matching.evaluate_offset else "onset only"
        logger.info(
            f"{self._name}, {len(self.clips)} clips, event-based, {offsets}, collar "
            f"{matching.collar} s:\n{table(events, figures['sed'], self.thresholds)}\n"
            f"segment-based, {test.SEGMENT_SECONDS} s:\n{table(segments, figures['segment'])}"
        )
        figures["micro_events"] = self._micro_events(events)
        for seconds in test.MICRO_SECONDS:
            micro = by_seconds[seconds]
            flat = figures[f"micro_{seconds:g}s"] = micro_results(micro, test.BOOTSTRAP)
            logger.info(
                f"all labels together, segments of {seconds:g} s:\n{micro_table(micro, flat)}"
            )
        if self._output_dir:
            self._write(figures, events.without_reference)
        return figures

    def _micro_events(self, events: SEDScores) -> dict[str, float]:
        flat = micro_rates(events.overall.sum(axis=0))
        logger.info(f"all labels together, event-based: {one_line(flat, flat)}")
        return dict(zip(flat, map(float, flat.values())))

    def _write(self, figures: dict, left_out: list[str]) -> None:
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
            **figures,
        }
        write_json(summary, self._output_dir, "metrics.json")
        decided, truth = {}, {}
        for clip in self.clips:
            decided[clip.name] = clip.decided(self.thresholds, test.BEST_EVENT_PER_CLIP)
            truth[clip.name] = clip.reference
        write_events(decided, path("events.tsv"), scores=True)
        write_events(truth, path("truth.tsv"))
        save_clips(self.clips, path("clips.jsonl"))
