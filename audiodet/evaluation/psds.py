"""Scores that no threshold takes part in, by sed_scores_eval, from a model's scores over time.

The only module that needs that package, which a C++ compiler builds when it is installed: it is
imported when TEST.EVALUATORS names "scores".
"""

import logging
import math
import os
from collections import OrderedDict

import numpy as np
import pandas as pd
from sed_scores_eval import collar_based, intersection_based, segment_based
from sed_scores_eval.base_modules.bootstrap import bootstrap_from_deltas
from sed_scores_eval.base_modules.io import write_sed_scores
from sed_scores_eval.base_modules.scores import create_score_dataframe
from sed_scores_eval.segment_based.intermediate_statistics import intermediate_statistics_deltas

from audiodet.data.labels.overlaps import merge_overlaps
from audiodet.errors import DataError
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.registry import Evaluator
from audiodet.evaluation.report import one_line, write_json
from audiodet.evaluation.statistics import interval
from audiodet.evaluation.units import frame_scores

logger = logging.getLogger(__name__)
# The two scenarios of DCASE 2021 Task 4: quick to react, and not to confuse the classes.
SCENARIOS = {
    "PSDS1": {"dtc_threshold": 0.7, "gtc_threshold": 0.7, "cttc_threshold": None},
    "PSDS2": {"dtc_threshold": 0.1, "gtc_threshold": 0.1, "cttc_threshold": 0.3},
}
CROSS_TRIGGER_WEIGHT = {"PSDS1": 0.0, "PSDS2": 0.5}
# Effective false positives an hour up to which both are integrated.
PSDS = {"alpha_st": 1.0, "unit_of_time": "hour", "max_efpr": 100.0}
ANY_OFFSET = 1e4  # collar in seconds that every offset is within
# sed_scores_eval's own bootstrap leaves one of n_folds out, without replacement. Of five folds (its
# default) its samples spread half as wide as those of a bootstrap with replacement, of two folds
# just as wide: (n_folds - 1) / n_folds of n clips vary by 1 / (n_folds - 1) of the variance over n.
FOLDS = {"n_folds": 2, "n_iterations": 20}


class ScoreTable(pd.DataFrame):
    """A table whose arrays may be written to, which sed_scores_eval's compiled parts insist on.

    pandas 3 hands out read-only views.
    """

    @property
    def _constructor(self):
        return ScoreTable

    def to_numpy(self, *args, **kwargs) -> np.ndarray:
        """See :meth:`pandas.DataFrame.to_numpy`; a copy."""
        return np.array(super().to_numpy(*args, **kwargs))


class ScoreEvaluator(Evaluator):
    """PSDS 1 and 2, the best F1 of all thresholds, and average precision of segments.

    The truth is the registered dataset's, with overlapping or touching events of a label joined,
    as sed_scores_eval wants it. Labels without a true event are left out. A frame-level model's
    scores are taken as they are: hooks that act on events (connect and cut) do not change these
    figures. A region detector's are those of its events, on frames of TEST.FRAME_SECONDS (see
    :func:`~audiodet.evaluation.units.frame_scores`): where two of a label overlap, the better one
    scores, and one that holds no frame's centre is lost. Writes scores.json, and scores/<clip>.tsv
    with the frame scores of each clip.
    """

    def process(self, inputs, outputs):
        """Take a batch's "frame_scores" (S, K) and their "frame_edges" (S + 1,) in seconds.

        Of a model without them its "instances", whose boxes are in seconds.
        """
        for clip, output in zip(inputs, outputs):
            if "frame_scores" in output:
                scores = output["frame_scores"].numpy()
                edges = output["frame_edges"].numpy()
            else:
                seconds = self._cfg.TEST.FRAME_SECONDS
                frames = math.ceil(clip["width"] / seconds)
                scores = frame_scores(output, frames, seconds, len(self.labels))
                edges = np.arange(frames + 1) * seconds
            self._outputs[clip["image_id"]] = (scores, edges)

    def evaluate(self) -> OrderedDict | None:
        """{"scores": {metric: value}} on the main process.

        "PSDS1" and "PSDS2" in [0, 1] and of each label without the penalty for unequal ones;
        "F1-best" (collars of TEST) and "AP" (segments of TEST.SEGMENT_SECONDS) in percent, the
        mean over labels and of each. With TEST.BOOTSTRAP, "-low" and "-high" of each bound 95 %
        intervals by clip, see :class:`Measures`.

        Raises:
            DataError: there is no true event, or a clip's labels are not strong.
        """
        outputs = self.gather()
        if outputs is None:
            return None
        test = self._cfg.TEST
        matching = Matching.from_config(self._cfg)
        clips = self._clips(outputs)
        measures = Measures(*clips, matching, test.SEGMENT_SECONDS)
        flat = measures.all_figures(with_intervals=test.BOOTSTRAP > 0)
        text = one_line(flat, (*SCENARIOS, "F1-best", "AP"))
        logger.info(f"{self._name}, {len(outputs)} clips, no thresholds: {text}")
        if self._output_dir:
            write_sed_scores(clips[0], os.path.join(self._output_dir, "scores"))
            write_json(flat, self._output_dir, "scores.json")
        return OrderedDict(scores=flat)

    def _clips(self, outputs: dict) -> tuple[dict, dict, dict]:
        """Score tables, true events and durations by clip, of the labels that occur."""
        records = [self._records[image_id] for image_id in outputs]
        for record in records:
            if record.get("label_kind", "strong") != "strong":
                raise DataError(
                    f"{record['file_name']}: its labels are not 'strong', expected times to score"
                )
        records = merge_overlaps(records, self._name)
        present = sorted({a["category_id"] for r in records for a in r["annotations"]})
        if not present:
            raise DataError(f"{self._name}: 0 true events, expected some to score")
        labels = [self.labels[k] for k in present]
        left_out = sorted(set(self.labels) - set(labels))
        if left_out:
            logger.warning(f"{self._name}: without a true event, left out: {', '.join(left_out)}")
        tables, truth, durations = {}, {}, {}
        for record in records:
            stem = os.path.splitext(os.path.basename(record["file_name"]))[0]
            name = f"{record['image_id']:06d}_{stem}"
            scores, edges = outputs[record["image_id"]]
            edges = np.minimum(edges, record["width"])
            inside = np.diff(edges) > 0
            edges = np.append(edges[:-1][inside], record["width"])
            table = create_score_dataframe(scores[inside][:, present], edges, labels)
            tables[name] = ScoreTable(table)
            durations[name] = record["width"]
            truth[name] = events = []
            for annotation in record["annotations"]:
                onset, _, offset, _ = annotation["bbox"]
                events.append((onset, offset, self.labels[annotation["category_id"]]))
        return tables, truth, durations


class Measures:
    """PSDS 1 and 2, F1-best and AP of clips, of all or of a sample.

    What each of the four makes of the thresholds, clip by clip (sed_scores_eval's "deltas"), is
    found once for the figures and all samples.
    """

    def __init__(self, tables, truth, durations, matching: Matching, segment: float):
        """
        Args:
            tables: {clip: sed_scores_eval's table of its scores}.
            truth: {clip: [(onset, offset, label), ...]} in seconds.
            durations: {clip: seconds}.
            matching: collars of F1.
            segment: length of the segments of AP, in seconds.
        """
        self._truth = truth
        self._durations = durations
        self._labels_of = {}
        for name, events in truth.items():
            self._labels_of[name] = {label for *_, label in events}
        self.labels = set().union(*self._labels_of.values())
        self._segments = {"audio_durations": durations, "segment_length": segment}
        self._collars = {"onset_collar": matching.collar, "offset_collar": ANY_OFFSET}
        if matching.evaluate_offset:
            self._collars["offset_collar"] = matching.collar
            self._collars["offset_collar_rate"] = matching.offset_fraction
        given = (tables, truth)
        self._scenarios = {}
        self._changes = []
        for name, criteria in SCENARIOS.items():
            weight = CROSS_TRIGGER_WEIGHT[name]
            if len(self.labels) == 1:  # there is no other label to confuse it with
                weight = 0.0
                criteria = {**criteria, "cttc_threshold": None}
            self._scenarios[name] = {**criteria, **PSDS, "alpha_ct": weight}
            changes = intersection_based.intermediate_statistics_deltas(*given, **criteria)
            self._changes.append(changes)
        changes = collar_based.intermediate_statistics_deltas(*given, **self._collars)
        self._changes.append(changes)
        changes = intermediate_statistics_deltas(*given, **self._segments)
        self._changes.append(changes)

    def figures(self, deltas: list) -> tuple[dict]:
        """{metric: value}, in the tuple that sed_scores_eval expects of a metric.

        Empty where the clips hold no event of one of the labels, which then has no F1 and no AP.

        Args:
            deltas: of each measure, of all clips or some.
        """
        *of_psds, of_f1, of_ap = deltas
        if self.labels - set().union(*(self._labels_of[name] for name in of_ap)):
            return ({},)
        flat = {}
        for (name, scenario), part in zip(self._scenarios.items(), of_psds):
            value, by_label, *_ = intersection_based.psds(
                None, self._truth, self._durations, deltas=part, **scenario
            )
            flat[name] = float(value)
            for label, value in by_label.items():
                flat[f"{name}-{label}"] = float(value)
        best = collar_based.best_fscore(None, self._truth, deltas=of_f1, **self._collars)[0]
        precision = segment_based.average_precision(
            None, self._truth, deltas=of_ap, **self._segments
        )[0]
        for name, mean, values in (("F1-best", "macro_average", best), ("AP", "mean", precision)):
            flat[name] = 100 * float(values[mean])
            for label, value in values.items():
                if label in self.labels:
                    flat[f"{name}-{label}"] = 100 * float(value)
        return (flat,)

    def all_figures(self, with_intervals: bool) -> dict[str, float]:
        """:meth:`figures` of all clips, and "-low" and "-high" of each.

        The intervals are those of sed_scores_eval's bootstrap, see FOLDS: 40 samples, which take
        about five times as long as the figures. Those without an event of a label are left out.
        """
        (flat,) = self.figures(self._changes)
        if with_intervals:
            samples = bootstrap_from_deltas(self.figures, self._changes, **FOLDS)[0]
            for name in list(flat):
                values = [sample[name] for sample in samples if sample]
                flat[f"{name}-low"], flat[f"{name}-high"] = interval(np.array(values))
        return flat
