"""F1 at a threshold, AUC and average precision of many units (frames, bins of a spectrogram, clips)
against a truth of zeros and ones, or of shares between them.

Shape shorthand: F frames, K labels, U units of a clip, N clips, L levels of scores, n bootstrap
samples.
"""

from collections.abc import Sequence

import numpy as np
from detectron2.utils import comm
from sklearn.metrics import average_precision_score, roc_auc_score

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import EDGE
from audiodet.evaluation.resampling import bootstrap
from audiodet.evaluation.scores import SEDScores, mean_over_labels, results

HALF_LEVELS = 0x3C01  # half-precision numbers from 0 to 1
BLOCKS = 20  # of clips, which stand for the clips where scores are rounded
BINS = 1024  # levels that intervals are drawn on
MEANS = {"AUC": "AUC", "AP": "mAP"}  # a label's figure -> the name of its mean


class UnitScores:
    """Adds up clips one by one; F1, AUC and AP over the units of all.

    Exact by default: scores and truth of every unit are kept, 5 bytes a unit and label (float32
    scores, truth yes or no): 9 MB for an hour in frames of 20 ms and ten labels. For AUC and AP
    the units of one label are sorted at a time.

    Where that is too much (the bins of masks), ``rounded`` bounds it: scores are rounded to half
    precision, and the truth is added up at each of its 15361 levels, in 20 blocks of clips: 5 MB a
    label, however many units. Near 1 these levels lie 0.0005 apart: scores that crowd there are
    ranked as equal.
    """

    def __init__(self, labels: Sequence[str], threshold: float, rounded: bool = False):
        """`threshold`: lowest score of a unit that counts as positive."""
        self.labels = list(labels)
        self.threshold = threshold
        self.rounded = rounded
        self.counts = {}  # clip's number -> (K, 3) hits, insertions, deletions
        # (label's index, clip's number) -> scores, truth; rounded: (label's index, block) ->
        # negatives and positives at each level.
        self.units = {}

    def add(self, number: int, label: int, scores: np.ndarray, truth: np.ndarray) -> None:
        """Count a clip's units for one label (their number and index).

        Args:
            scores: (U,) in [0, 1].
            truth: (U,) share of each unit that is positive: 0 or 1, or between.
        """
        reported = scores >= self.threshold
        share = truth.astype(np.float64)
        counts = self.counts.setdefault(number, np.zeros((len(self.labels), 3)))
        counts[label] = share[reported].sum(), (1 - share)[reported].sum(), share[~reported].sum()
        if not self.rounded:
            self.units[label, number] = (scores.copy(), truth.copy())
            return
        levels = scores.astype(np.float16).view(np.uint16)
        table = self.units.setdefault((label, number % BLOCKS), np.zeros((2, HALF_LEVELS)))
        table[0] += np.bincount(levels, 1 - share, HALF_LEVELS)
        table[1] += np.bincount(levels, share, HALF_LEVELS)

    def gather(self) -> "UnitScores | None":
        """Those of all processes together, on the main one."""
        whole = UnitScores(self.labels, self.threshold, self.rounded)
        for counts, units in comm.gather((self.counts, self.units)):
            whole.counts.update(counts)
            for key, unit in units.items():
                if self.rounded and key in whole.units:
                    unit = whole.units[key] + unit
                whole.units[key] = unit
        return whole if comm.is_main_process() else None

    def figures(self, clips: dict[int, ClipResult], n_bootstrap: int = 0, seed: int = 0) -> dict:
        """{metric: value} in percent: F1, AUC and mAP, their 95 % intervals, each label's own.

        "F1-best" is the mean of the labels' F1 at each one's best threshold on these very units.

        A label whose units are all positive or all negative has no AUC and no AP (NaN) and is left
        out of the means. Intervals are by clip (where scores are rounded, those of AUC and mAP by
        block of clips) and by source. Those of AUC and mAP are drawn on 1024 levels of about equal
        mass, which moves their ends by about 0.1.

        Args:
            clips: by number, those that were added.
        """
        added = {number: clip for number, clip in clips.items() if number in self.counts}
        counts = np.array([self.counts[number] for number in added])
        counts = counts.reshape(-1, len(self.labels), 3)
        scores = SEDScores(tuple(self.labels), list(added.values()), counts)
        flat = results(scores, n_bootstrap, seed, ("F1",))
        if self.rounded:
            added = dict.fromkeys(range(BLOCKS), ClipResult("block", 0.0))
        units = [self.of_label(k, list(added)) for k in range(len(self.labels))]
        flat["F1-best"] = float(mean_over_labels(np.array([best_f1(*unit[1:]) for unit in units])))
        areas = [area_figures(*unit[1:]) for unit in units]
        for name, mean in MEANS.items():
            values = np.array([area[name] for area in areas])
            flat[mean] = float(mean_over_labels(values))
            for label, value in zip(self.labels, values):
                flat[f"{name}-{label}"] = float(value)

        def means(weights) -> dict:
            samples = [resampled_areas(weights, *unit) for unit in units]
            found = {}
            for name, mean in MEANS.items():
                found[mean] = mean_over_labels(np.stack([x[name] for x in samples], axis=-1))
            return found

        flat.update(bootstrap(list(added.values()), means, n_bootstrap, seed))
        return flat

    def of_label(self, label: int, rows: list[int]) -> tuple:
        """(row, score, negative, positive) of every unit or level of a label: four arrays.

        `rows` are the numbers of clips; where scores are rounded, of blocks.
        """
        parts = [np.zeros((4, 0))]
        levels = np.arange(HALF_LEVELS, dtype=np.uint16).view(np.float16)
        for row, number in enumerate(rows):
            if (label, number) not in self.units:
                continue
            first, positive = self.units[label, number]
            scores, negative = (levels, first) if self.rounded else (first, 1.0 - positive)
            part = np.stack(np.broadcast_arrays(float(row), scores, negative, positive))
            parts.append(part[:, negative + positive > 0])
        rows, *others = np.concatenate(parts, axis=1)
        return (rows.astype(int), *others)


def area_figures(scores, negative, positive) -> dict[str, float]:
    """{"AUC": percent, "AP": percent} by scikit-learn; NaN without a positive or a negative."""
    if not negative.sum() or not positive.sum():
        return {"AUC": np.nan, "AP": np.nan}
    weights = np.concatenate([negative, positive])
    truth = np.repeat([0, 1], len(scores))[weights > 0]
    values = np.tile(scores, 2)[weights > 0]
    weights = {"sample_weight": weights[weights > 0]}
    precision = average_precision_score(truth, values, **weights)
    return {"AUC": 100 * roc_auc_score(truth, values, **weights), "AP": 100 * precision}


def best_f1(scores, negative, positive) -> float:
    """F1 in percent at the best threshold; NaN without a positive."""
    if not positive.sum():
        return np.nan
    order = np.argsort(-scores, kind="stable")
    hits = positive[order].cumsum()
    reported = hits + negative[order].cumsum()
    last = np.append(np.diff(scores[order]) < 0, True)  # equal scores are reported together
    return float((200 * hits / (reported + positive.sum()))[last].max())


def resampled_areas(weights, rows, scores, negative, positive) -> dict[str, np.ndarray]:
    """{"AUC": (n,), "AP": (n,)} of samples that draw row r ``weights[:, r]`` times.

    The other four are those of :meth:`UnitScores.of_label`.
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
    drawn = []
    for part in (negative, positive):
        table = np.bincount(rows * number + level, part, weights.shape[1] * number)
        drawn.append(weights @ table.reshape(-1, number))
    return ranked(*drawn)


def ranked(negative: np.ndarray, positive: np.ndarray) -> dict[str, np.ndarray]:
    """Negatives and positives at each level, (..., L) from low to high -> "AUC" and "AP" (...).

    In percent, as scikit-learn's ``roc_auc_score`` and ``average_precision_score`` with ties at
    each level.
    """
    negative = negative[..., ::-1]
    positive = positive[..., ::-1]
    hits = positive.cumsum(-1)  # from the highest level down
    false = negative.cumsum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = hits - positive / 2
        auc = (negative * above).sum(-1) / (hits[..., -1] * false[..., -1])
        precision = np.nan_to_num(hits / (hits + false))
        ap = (positive * precision).sum(-1) / hits[..., -1]
    return {"AUC": 100 * auc, "AP": np.where(np.isnan(auc), np.nan, 100 * ap)}


def frame_truth(record: dict, frames: int, seconds: float, num_classes: int) -> np.ndarray:
    """(F, K) whether a label is there: from the frame that holds its onset to that of its offset.

    `record` is a dataset dict, `seconds` the length of a frame.
    """
    truth = np.zeros((frames, num_classes), bool)
    for annotation in record.get("annotations", ()):
        onset, _, offset, _ = annotation["bbox"]
        first = frame_index(onset, seconds)
        last = frame_index(offset, seconds)
        truth[first : last + 1, annotation["category_id"]] = True
    return truth


def frame_index(time: float, seconds: float) -> int:
    """The frame of ``seconds`` that holds a time; for edges see EDGE."""
    return int((time + EDGE) / seconds)


def frame_scores(output: dict, frames: int, seconds: float, num_classes: int) -> np.ndarray:
    """A system's output for a clip -> (F, K) scores of frames of ``seconds``."""
    centres = (np.arange(frames) + 0.5) * seconds
    if "frame_scores" in output:
        steps = output["frame_seconds"].numpy()
        nearest = np.searchsorted((steps[1:] + steps[:-1]) / 2, centres)
        return output["frame_scores"].cpu().numpy()[nearest]
    scores = np.zeros((frames, num_classes), np.float32)
    events = output["instances"]
    boxes = events.pred_boxes.tensor.tolist()
    classes = events.pred_classes.tolist()
    for (onset, _, offset, _), score, k in zip(boxes, events.scores.tolist(), classes):
        inside = (centres >= onset) & (centres < offset)
        scores[inside, k] = np.maximum(scores[inside, k], score)
    return scores
