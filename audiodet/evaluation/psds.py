"""Scores that no threshold takes part in, by sed_scores_eval, from a model's scores over time.

The only module that needs that package, which a C++ compiler builds when it is installed: it is
imported when TEST.EVALUATORS names "scores".
"""

import logging
import math
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from sed_scores_eval import collar_based, intersection_based, segment_based
from sed_scores_eval.base_modules.bootstrap import bootstrap_from_deltas
from sed_scores_eval.base_modules.io import write_sed_scores
from sed_scores_eval.base_modules.scores import create_score_dataframe
from sed_scores_eval.segment_based.intermediate_statistics import intermediate_statistics_deltas

from audiodet.data.labels.annotations import merge_overlaps
from audiodet.errors import DataError
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.registry import Evaluator
from audiodet.evaluation.report import one_line, write_json
from audiodet.evaluation.resampling import interval
from audiodet.evaluation.units import frame_scores

logger = logging.getLogger(__name__)
# The two scenarios of DCASE 2021 Task 4, to react quickly and not to confuse the classes: the
# thresholds of detection and truth, that of cross triggers, and their weight.
SCENARIOS = {"PSDS1": (0.7, None, 0.0), "PSDS2": (0.1, 0.3, 0.5)}
# Effective false positives an hour up to which both are integrated.
PSDS = {"alpha_st": 1.0, "unit_of_time": "hour", "max_efpr": 100.0}
MEANS = {"F1-best": "macro_average", "AP": "mean"}  # sed_scores_eval's names of the means
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
            DataError: there is no true event.
        """
        outputs = self.gather()
        if outputs is None:
            return None
        test = self._cfg.TEST
        records = [self._records[image_id] for image_id in outputs]
        clips = score_tables(records, outputs, self.labels, self._name)
        measures = Measures(*clips, Matching.from_config(self._cfg), test.SEGMENT_SECONDS)
        flat = measures.all_figures(with_intervals=test.BOOTSTRAP > 0)
        text = one_line(flat, (*SCENARIOS, *MEANS))
        logger.info(f"{self._name}, {len(outputs)} clips, no thresholds: {text}")
        if self._output_dir:
            write_sed_scores(clips[0], os.path.join(self._output_dir, "scores"))
            write_json(flat, self._output_dir, "scores.json")
        return OrderedDict(scores=flat)


def score_tables(records: Sequence[dict], outputs: Mapping, labels: Sequence[str], name: str):
    """Score tables, true events and durations by clip, of the labels that occur.

    Args:
        records: dataset dicts.
        outputs: {image id: (scores (S, K), edges (S + 1,) in seconds)} of each.
        labels: the K labels.
        name: of the dataset, for messages.

    Returns:
        score tables, true events and durations by clip.

    Raises:
        DataError: there is no true event.
    """
    records = merge_overlaps(records, name)
    present = sorted({a["category_id"] for r in records for a in r["annotations"]})
    if not present:
        raise DataError(f"{name}: 0 true events, expected some to score")
    known = [labels[k] for k in present]
    left_out = sorted(set(labels) - set(known))
    if left_out:
        logger.warning(f"{name}: without a true event, left out: {', '.join(left_out)}")
    tables, truth, durations = {}, {}, {}
    for record in records:
        stem = os.path.splitext(os.path.basename(record["file_name"]))[0]
        clip = f"{record['image_id']:06d}_{stem}"
        scores, edges = outputs[record["image_id"]]
        edges = np.minimum(edges, record["width"])
        inside = np.diff(edges) > 0
        edges = np.append(edges[:-1][inside], record["width"])
        table = create_score_dataframe(scores[inside][:, present], edges, known)
        tables[clip] = ScoreTable(table)
        durations[clip] = record["width"]
        truth[clip] = events = []
        for annotation in record["annotations"]:
            onset, _, offset, _ = annotation["bbox"]
            events.append((onset, offset, labels[annotation["category_id"]]))
    return tables, truth, durations


class Measures:
    """PSDS 1 and 2, F1-best and AP of clips, of all or of a sample.

    What each of the four makes of the thresholds, clip by clip (sed_scores_eval's "deltas"), is
    found once for the figures and all samples.
    """

    def __init__(self, tables, truth, durations, matching: Matching, segment: float):
        """
        Args:
            tables, truth, durations: {clip: sed_scores_eval's table of its scores}, {clip: [(onset,
                offset, label), ...]} and {clip: duration}, in seconds.
            matching: collars of F1.
            segment: length of the segments of AP, in seconds.
        """
        self._labels_of = {}
        for name, events in truth.items():
            self._labels_of[name] = {label for *_, label in events}
        self.labels = set().union(*self._labels_of.values())
        self._measures = {}  # name -> function of deltas
        self._deltas = []
        for name, (overlap, cross_trigger, weight) in SCENARIOS.items():
            if len(self.labels) == 1:  # there is no other label to confuse it with
                cross_trigger = None
                weight = 0.0
            criteria = {"dtc_threshold": overlap, "gtc_threshold": overlap}
            criteria["cttc_threshold"] = cross_trigger
            deltas = intersection_based.intermediate_statistics_deltas(tables, truth, **criteria)
            self._deltas.append(deltas)
            options = {**criteria, **PSDS, "alpha_ct": weight}
            given = (None, truth, durations)
            self._measures[name] = partial(intersection_based.psds, *given, **options)
        collars = {"onset_collar": matching.collar, "offset_collar": ANY_OFFSET}
        if matching.evaluate_offset:
            collars["offset_collar"] = matching.collar
            collars["offset_collar_rate"] = matching.offset_fraction
        deltas = collar_based.intermediate_statistics_deltas(tables, truth, **collars)
        self._deltas.append(deltas)
        self._measures["F1-best"] = partial(collar_based.best_fscore, None, truth, **collars)
        segments = {"audio_durations": durations, "segment_length": segment}
        self._deltas.append(intermediate_statistics_deltas(tables, truth, **segments))
        self._measures["AP"] = partial(segment_based.average_precision, None, truth, **segments)

    def figures(self, deltas: list) -> tuple[dict]:
        """{metric: value} from each measure's deltas of some clips or all.

        In the tuple that sed_scores_eval expects of a metric. Empty where the clips hold no event
        of one of the labels, which then has no F1 and no AP.
        """
        flat = {}
        if self.labels - set().union(*(self._labels_of[name] for name in deltas[0])):
            return (flat,)
        for (name, measure), part in zip(self._measures.items(), deltas):
            value, by_label, *_ = measure(deltas=part)
            scale = 1
            if name in MEANS:  # in percent, and the first result holds the mean too
                by_label = value
                value = by_label[MEANS[name]]
                scale = 100
            flat[name] = scale * float(value)
            for label, value in by_label.items():
                if label in self.labels:
                    flat[f"{name}-{label}"] = scale * float(value)
        return (flat,)

    def all_figures(self, with_intervals: bool) -> dict[str, float]:
        """:meth:`figures` of all clips, and "-low" and "-high" of each.

        The intervals are those of sed_scores_eval's bootstrap, see FOLDS: 40 samples, which take
        about five times as long as the figures. Those without an event of a label are left out.
        """
        (flat,) = self.figures(self._deltas)
        if with_intervals:
            samples = bootstrap_from_deltas(self.figures, self._deltas, **FOLDS)[0]
            for name in list(flat):
                values = [sample[name] for sample in samples if sample]
                flat[f"{name}-low"], flat[f"{name}-high"] = interval(np.array(values))
        return flat
