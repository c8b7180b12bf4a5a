"""Scores that no threshold takes part in, by sed_scores_eval, from a model's scores over time."""

import json
import logging
import math
import os
from collections import OrderedDict

import numpy as np
import pandas as pd
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation import DatasetEvaluator
from detectron2.utils import comm

from audiodet.data.labels.overlaps import merge_overlaps
from audiodet.errors import DataError
from audiodet.evaluation.counts import Matching
from audiodet.evaluation.frames import frame_scores
from audiodet.evaluation.registry import EVALUATOR_REGISTRY
from audiodet.evaluation.report import without_nan
from audiodet.files import write_text

logger = logging.getLogger(__name__)
# The two scenarios of DCASE 2021 Task 4: quick to react, and not to confuse the classes.
SCENARIOS = {
    "PSDS1": {"dtc_threshold": 0.7, "gtc_threshold": 0.7, "alpha_ct": 0.0, "alpha_st": 1.0},
    "PSDS2": {
        "dtc_threshold": 0.1,
        "gtc_threshold": 0.1,
        "cttc_threshold": 0.3,
        "alpha_ct": 0.5,
        "alpha_st": 1.0,
    },
}
MAX_EFPR = 100.0  # effective false positives an hour up to which both are integrated
ANY_OFFSET = 1e4  # collar in seconds that every offset is within


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


@EVALUATOR_REGISTRY.register(name="scores")
class ScoreEvaluator(DatasetEvaluator):
    """PSDS 1 and 2, the best F1 of all thresholds, and average precision of segments.

    The truth is the registered dataset's, with overlapping or touching events of a label joined,
    as sed_scores_eval wants it. Labels without a true event are left out. A frame-level model's
    scores are taken as they are: hooks that act on events (connect and cut) do not change these
    figures. A region detector's are those of its events, on frames of TEST.FRAME_SECONDS (see
    :func:`~audiodet.evaluation.frames.frame_scores`): where two of a label overlap, the better one
    scores, and one that holds no frame's centre is lost.
    """

    def __init__(self, dataset_name: str, cfg, output_dir: str | None = None, thresholds=None):
        """
        Args:
            dataset_name: a registered dataset with strong labels.
            cfg: its TEST section has the collars, the length of segments and of frames.
            output_dir: gets scores.json, and scores/<clip>.tsv with the frame scores of each clip;
                None writes nothing.
        """
        self._name, self._test, self._output_dir = dataset_name, cfg.TEST, output_dir
        self._matching = Matching.from_config(cfg)
        self.labels = list(MetadataCatalog.get(dataset_name).thing_classes)
        self.reset()

    def reset(self):
        """See :meth:`DatasetEvaluator.reset`."""
        self._scores = {}

    def process(self, inputs, outputs):
        """Take a batch's "frame_scores" (S, K) and their "frame_edges" (S + 1,) in seconds.

        Of a model without them its "instances", whose boxes are in seconds.
        """
        for clip, output in zip(inputs, outputs):
            if "frame_scores" in output:
                found = output["frame_scores"].numpy(), output["frame_edges"].numpy()
            else:
                found = self._scores_of_events(output, clip["width"])
            self._scores[clip["image_id"]] = found

    def _scores_of_events(self, output: dict, duration: float) -> tuple:
        seconds = self._test.FRAME_SECONDS
        frames = math.ceil(duration / seconds)
        scores = frame_scores(output, frames, seconds, len(self.labels))
        return scores, np.arange(frames + 1) * seconds

    def evaluate(self) -> OrderedDict | None:
        """{"scores": {metric: value}} on the main process.

        "PSDS1" and "PSDS2" in [0, 1] and of each label without the penalty for unequal ones;
        "F1-best" (collars of TEST) and "AP" (segments of TEST.SEGMENT_SECONDS) in percent, the
        mean over labels and of each.

        Raises:
            DataError: there is no true event, or a clip's labels are not strong.
        """
        parts = comm.gather(self._scores)
        if not comm.is_main_process():
            return None
        found = {image_id: scores for part in parts for image_id, scores in part.items()}
        records = [r for r in DatasetCatalog.get(self._name) if r["image_id"] in found]
        weak = [r["file_name"] for r in records if r.get("label_kind", "strong") != "strong"]
        if weak:
            raise DataError(f"{weak[0]}: its labels are not 'strong', expected times to score")
        tables, truth, durations = self._tables(records, found)
        flat = threshold_free(tables, truth, durations, self._matching, self._test.SEGMENT_SECONDS)
        text = ", ".join(f"{k} {flat[k]:.3g}" for k in (*SCENARIOS, "F1-best", "AP"))
        logger.info(f"{self._name}, {len(tables)} clips, no thresholds: {text}")
        if self._output_dir:
            from sed_scores_eval.base_modules.io import write_sed_scores

            write_sed_scores(tables, os.path.join(self._output_dir, "scores"))
            text = json.dumps(without_nan(flat), indent=1) + "\n"
            write_text(os.path.join(self._output_dir, "scores.json"), text)
        return OrderedDict(scores=flat)

    def _tables(self, records, found):
        """Score tables, true events and durations by clip, of the labels that occur."""
        from sed_scores_eval.base_modules.scores import create_score_dataframe

        records = merge_overlaps(records, self._name)
        present = sorted({a["category_id"] for r in records for a in r["annotations"]})
        if not present:
            raise DataError(f"{self._name}: 0 true events, expected some to score")
        left_out = [label for k, label in enumerate(self.labels) if k not in present]
        if left_out:
            logger.warning(f"{self._name}: without a true event, left out: {', '.join(left_out)}")
        labels = [self.labels[k] for k in present]
        tables, truth, durations = {}, {}, {}
        for record in records:
            stem = os.path.splitext(os.path.basename(record["file_name"]))[0]
            name = f"{record['image_id']:06d}_{stem}"
            scores, edges = found[record["image_id"]]
            edges = np.minimum(edges, record["width"])
            inside = np.diff(edges) > 0
            edges = np.append(edges[:-1][inside], record["width"])
            table = create_score_dataframe(scores[inside][:, present], edges, labels)
            tables[name] = ScoreTable(table)
            truth[name] = [
                (a["bbox"][0], a["bbox"][2], self.labels[a["category_id"]])
                for a in record["annotations"]
            ]
            durations[name] = record["width"]
        return tables, truth, durations


def threshold_free(
    tables, truth, durations, matching: Matching, segment: float
) -> dict[str, float]:
    """See :meth:`ScoreEvaluator.evaluate`.

    Args:
        tables: sed_scores_eval's score table of each clip.
        truth: {clip: [(onset, offset, label), ...]} in seconds.
        durations: of each clip, in seconds.
        matching: collars of F1.
        segment: length of the segments of AP, in seconds.
    """
    from sed_scores_eval import collar_based, intersection_based, segment_based

    flat = {}
    alone = len({label for events in truth.values() for *_, label in events}) == 1
    for name, scenario in SCENARIOS.items():
        if alone:  # there is no other label to confuse it with, which sed_scores_eval insists on
            scenario = {**scenario, "alpha_ct": 0.0, "cttc_threshold": None}
        value, each, *_ = intersection_based.psds(
            tables, truth, durations, unit_of_time="hour", max_efpr=MAX_EFPR, **scenario
        )
        flat[name] = float(value)
        flat.update({f"{name}-{label}": float(x) for label, x in each.items()})
    offset = matching.collar if matching.evaluate_offset else ANY_OFFSET
    rate = matching.offset_fraction if matching.evaluate_offset else 0.0
    best = collar_based.best_fscore(
        tables, truth, onset_collar=matching.collar, offset_collar=offset, offset_collar_rate=rate
    )[0]
    precision = segment_based.average_precision(tables, truth, durations, segment_length=segment)[0]
    for name, values in (("F1-best", best), ("AP", precision)):
        flat[name] = 100 * float(values.pop("macro_average", values.pop("mean", np.nan)))
        flat.update(
            {f"{name}-{k}": 100 * float(x) for k, x in values.items() if k != "micro_average"}
        )
    return flat
