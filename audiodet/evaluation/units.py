"""Scores of many units (frames, bins of a spectrogram, clips) against a truth of zeros and ones, or
of shares between them: F1 at a threshold, AUC and average precision.

Shape shorthand: F frames, K labels, S time steps, U units of a clip, N clips, L levels of scores,
n bootstrap samples.
"""

from collections.abc import Sequence

import numpy as np
from detectron2.utils import comm
from sklearn.metrics import average_precision_score, roc_auc_score

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import EDGE
from audiodet.evaluation.report import results
from audiodet.evaluation.scores import OVERALL, SEDScores, mean_over_labels
from audiodet.evaluation.statistics import clip_weights, interval

HALF_LEVELS = 0x3C01  # half-precision numbers from 0 to 1
BLOCKS = 20  # of clips, which stand for the clips where scores are rounded
BINS = 1024  # levels that intervals are drawn on
MEANS = {"AUC": "AUC", "AP": "mAP"}  # a label's figure -> the name of its mean


class UnitScores:
    """Adds up clips one by one; F1, AUC and AP over the units of all.

    Exact by default: scores and truth of every unit are kept, which takes 5 bytes a unit and label
    (float32 scores, truth yes or no): 9 MB for an hour in frames of 20 ms and ten labels. For AUC
    and AP the units of one label are sorted at a time.

    Where that is too much (the bins of masks: 64 bands are 64 times the frames), ``rounded``
    bounds it: scores are rounded to half precision, and of a label only the truth at each of its
    15361 levels is kept, in 20 blocks of clips: 5 MB a label, however many units. AUC and AP are
    then those of the rounded scores, which near 1 lie 0.0005 apart: scores that crowd there are
    ranked as equal.
    """

    def __init__(self, labels: Sequence[str], threshold: float, rounded: bool = False):
        """
        Args:
            threshold: lowest score of a unit that counts as positive.
            rounded: round scores to half precision, for bounded memory.
        """
        self.labels = list(labels)
        self.threshold = threshold
        self.rounded = rounded
        self.counts = {}  # clip's number -> (K, 3) hits, insertions, deletions
        # (label's index, clip's number) -> scores, negatives, positives; rounded: (label's index,
        # block) -> negatives and positives at each level.
        self.units = {}

    def add(self, number: int, label: int, scores: np.ndarray, truth: np.ndarray) -> None:
        """Count a clip's units for one label.

        Args:
            number: of the clip.
            label: its index.
            scores: (U,) in [0, 1].
            truth: (U,) share of each unit that is positive: 0 or 1, or between.
        """
        reported = scores >= self.threshold
        share = truth.astype(np.float64)
        counts = self.counts.setdefault(number, np.zeros((len(self.labels), 3)))
        counts[label] = share[reported].sum(), (1 - share)[reported].sum(), share[~reported].sum()
        if not self.rounded:
            self.units[label, number] = (scores, truth)
            return
        levels = scores.astype(np.float16).view(np.uint16)
        table = self.units.setdefault((label, number % BLOCKS), np.zeros((2, HALF_LEVELS)))
        table[0] += np.bincount(levels, 1 - share, HALF_LEVELS)
        table[1] += np.bincount(levels, share, HALF_LEVELS)

    def gather(self) -> "UnitScores | None":
        """Those of all processes together, on the main one."""
        parts = comm.gather((self.counts, self.units))
        if not comm.is_main_process():
            return None
        whole = UnitScores(self.labels, self.threshold, self.rounded)
        for counts, units in parts:
            whole.counts.update(counts)
            for key, unit in units.items():
                if self.rounded and key in whole.units:
                    unit = whole.units[key] + unit
                whole.units[key] = unit
        return whole

    def figures(self, clips: dict[int, ClipResult], n_bootstrap: int = 0, seed: int = 0) -> dict:
        """{metric: value} in percent: F1, AUC and mAP, their 95 % intervals, each label's own.

        A label whose units are all positive or all negative has no AUC and no AP (NaN) and is left
        out of the means. Intervals are by clip (where scores are rounded, those of AUC and mAP by
        block of clips), those of F1 by source too. Those of AUC and mAP are drawn on 1024 levels
        of about equal mass, which moves their ends by about 0.1.

        Args:
            clips: by number, those that were added.
        """
        added = {number: clip for number, clip in clips.items() if number in self.counts}
        counts = np.zeros((len(added), len(self.labels), 3))
        for i, number in enumerate(added):
            counts[i] = self.counts[number]
        overall = np.zeros((len(added), len(OVERALL)))
        scores = SEDScores(tuple(self.labels), list(added.values()), counts, overall)
        flat = {}
        for name, value in results(scores, n_bootstrap, seed).items():
            if name.startswith("F1"):
                flat[name] = value
        if self.rounded:
            added = dict.fromkeys(range(BLOCKS), ClipResult("block", 0.0))
        flat.update(self._areas(added, n_bootstrap, seed))
        return flat

    def _areas(self, rows: dict[int, ClipResult], n_bootstrap: int, seed: int) -> dict[str, float]:
        """AUC and AP of each label, their means and intervals; rows are clips or blocks."""
        weights = clip_weights(list(rows.values()), n_bootstrap, seed, "clip")
        areas, samples = [], []
        for k in range(len(self.labels)):
            units = self._of_label(k, list(rows))
            areas.append(area_figures(*units[1:]))
            if n_bootstrap:
                samples.append(resampled_areas(weights, *units))
        flat = {}
        for name, mean in MEANS.items():
            values = np.array([area[name] for area in areas])
            flat[mean] = float(mean_over_labels(values))
            for label, value in zip(self.labels, values):
                flat[f"{name}-{label}"] = float(value)
            if n_bootstrap:
                drawn = np.stack([sample[name] for sample in samples], axis=-1)
                flat[f"{mean}-low"], flat[f"{mean}-high"] = interval(mean_over_labels(drawn))
        return flat

    def _of_label(self, label: int, rows: list[int]) -> tuple:
        """(row, score, negative, positive) of every unit or level: four arrays.

        Args:
            rows: numbers of the clips, or of the blocks.
        """
        parts = [(np.zeros(0, int), *[np.zeros(0)] * 3)]
        for row, number in enumerate(rows):
            if (label, number) not in self.units:
                continue
            if self.rounded:
                negative, positive = self.units[label, number]
                scores = np.arange(HALF_LEVELS, dtype=np.uint16).view(np.float16).astype(float)
            else:
                scores, positive = self.units[label, number]
                negative = 1.0 - positive
            seen = negative + positive > 0
            row_of = np.full(seen.sum(), row)
            parts.append((row_of, scores[seen], negative[seen], positive[seen].astype(float)))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts))


def area_figures(scores, negative, positive) -> dict[str, float]:
    """{"AUC": percent, "AP": percent} by scikit-learn; NaN without a positive or a negative.

    Args:
        scores, negative, positive: (U,), the last two are the unit's shares or numbers.
    """
    if not negative.sum() or not positive.sum():
        return {"AUC": np.nan, "AP": np.nan}
    weights = np.concatenate([negative, positive])
    truth = np.repeat([0, 1], len(scores))[weights > 0]
    values = np.tile(scores, 2)[weights > 0]
    weights = {"sample_weight": weights[weights > 0]}
    precision = average_precision_score(truth, values, **weights)
    return {"AUC": 100 * roc_auc_score(truth, values, **weights), "AP": 100 * precision}


def resampled_areas(weights, rows, scores, negative, positive) -> dict[str, np.ndarray]:
    """{"AUC": (n,), "AP": (n,)} of samples that draw row r ``weights[:, r]`` times.

    Args:
        weights: (n, N).
        rows, scores, negative, positive: (U,), see :meth:`UnitScores._of_label`.
    """
    distinct, level = np.unique(scores, return_inverse=True)
    number = min(len(distinct), BINS)
    if len(distinct) > BINS:
        # Bins hold equal shares of the negatives and of the positives; equal scores stay together.
        mass = np.zeros(len(distinct))
        for part in (negative, positive):
            mass += np.bincount(level, part) / max(part.sum(), 1e-12) / 2
        bins = np.minimum((BINS * (np.cumsum(mass) - mass)).astype(int), BINS - 1)
        level = bins[level]
    shape = (weights.shape[1], number)
    places = np.ravel_multi_index((rows, level), shape)
    drawn = []
    for part in (negative, positive):
        table = np.bincount(places, part, np.prod(shape)).reshape(shape)
        drawn.append(weights @ table)
    return ranked(np.stack(drawn, axis=-2))


def ranked(levels: np.ndarray) -> dict[str, np.ndarray]:
    """Negatives and positives at each level, (..., 2, L) -> "AUC" and "AP" (...), in percent.

    As scikit-learn's ``roc_auc_score`` and ``average_precision_score`` with ties at each level.
    """
    negative, positive = np.moveaxis(levels[..., ::-1].astype(np.float64), -2, 0)
    hits = positive.cumsum(-1)  # from the highest level down
    false = negative.cumsum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = hits - positive / 2
        auc = (negative * above).sum(-1) / (hits[..., -1] * false[..., -1])
        precision = np.nan_to_num(hits / (hits + false))
        ap = (positive * precision).sum(-1) / hits[..., -1]
    return {"AUC": 100 * auc, "AP": np.where(np.isnan(auc), np.nan, 100 * ap)}


def frame_index(time: float, seconds: float) -> int:
    """The frame of ``seconds`` that holds a time; for edges see EDGE."""
    return int((time + EDGE) / seconds)


def frame_truth(record: dict, frames: int, seconds: float, num_classes: int) -> np.ndarray:
    """(F, K) whether a label is there: from the frame that holds its onset to that of its offset.

    Args:
        record: a dataset dict with events.
        seconds: of a frame.
    """
    truth = np.zeros((frames, num_classes), bool)
    for annotation in record.get("annotations", ()):
        onset, _, offset, _ = annotation["bbox"]
        first = frame_index(onset, seconds)
        last = frame_index(offset, seconds)
        truth[first : last + 1, annotation["category_id"]] = True
    return truth


def frame_scores(output: dict, frames: int, seconds: float, num_classes: int) -> np.ndarray:
    """A system's output for a clip -> (F, K) scores of frames of ``seconds``."""
    centres = (np.arange(frames) + 0.5) * seconds
    if "frame_scores" in output:
        steps = output["frame_seconds"].numpy()
        nearest = np.searchsorted((steps[1:] + steps[:-1]) / 2, centres)
        return output["frame_scores"].cpu().numpy()[nearest]
    scores = np.zeros((frames, num_classes), np.float32)
    events = output["instances"]
    boxes = events.pred_boxes.tensor[:, [0, 2]].tolist()
    classes = events.pred_classes.tolist()
    for (onset, offset), score, k in zip(boxes, events.scores.tolist(), classes):
        inside = (centres >= onset) & (centres < offset)
        scores[inside, k] = np.maximum(scores[inside, k], score)
    return scores
