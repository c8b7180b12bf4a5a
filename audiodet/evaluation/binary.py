"""Scores of many units (frames, bins of a spectrogram) against a truth of zeros and ones, or of
shares between them: F1 at a threshold, AUC and average precision.

Nothing is kept of a unit but its count: scores are rounded to half precision, and AUC and AP come
from how much truth lies at each of its levels.

Shape shorthand: K labels, U units of a clip, L levels of half precision.
"""

from collections.abc import Sequence

import numpy as np
from detectron2.utils import comm

from audiodet.evaluation.bootstrap import interval
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import SEDScores, mean_over_labels
from audiodet.evaluation.report import results

LEVELS = 0x3C01  # half-precision numbers from 0 to 1
BLOCKS = 20  # of clips, which the intervals of AUC and AP resample


class BinaryScores:
    """Adds up clips one by one."""

    def __init__(self, labels: Sequence[str], threshold: float):
        """
        Args:
            threshold: lowest score of a unit that counts as found.
        """
        self.labels, self.threshold = list(labels), threshold
        self.counts = {}  # clip's number -> (K, 3) hits, insertions, deletions
        self.levels = np.zeros((BLOCKS, len(labels), 2, LEVELS), np.float32)

    def add(self, number: int, label: int, scores: np.ndarray, truth: np.ndarray) -> None:
        """Count a clip's units for one label.

        Args:
            number: of the clip.
            scores: (U,) in [0, 1].
            truth: (U,) share of each unit that is positive: 0 or 1, or between.
        """
        found, truth = scores >= self.threshold, truth.astype(np.float64)
        counts = self.counts.setdefault(number, np.zeros((len(self.labels), 3)))
        counts[label] = truth[found].sum(), (1 - truth)[found].sum(), truth[~found].sum()
        places = scores.astype(np.float16).view(np.uint16)
        levels = self.levels[number % BLOCKS, label]
        levels[0] += np.bincount(places, 1 - truth, LEVELS)
        levels[1] += np.bincount(places, truth, LEVELS)

    def gather(self) -> "BinaryScores | None":
        """Those of all processes together, on the main one."""
        parts = comm.gather((self.counts, self.levels))
        if not comm.is_main_process():
            return None
        whole = BinaryScores(self.labels, self.threshold)
        whole.levels = sum(levels for _, levels in parts)
        whole.counts = {number: c for counts, _ in parts for number, c in counts.items()}
        return whole

    def figures(self, clips: dict[int, ClipResult], n_bootstrap: int = 0, seed: int = 0) -> dict:
        """{metric: value} in percent: F1, AUC and mAP, their 95 % intervals, each label's own.

        A label whose units are all positive or all negative has no AUC and no AP (NaN) and is left
        out of the means. F1 is resampled by clip, AUC and mAP by blocks of clips.

        Args:
            clips: by number, those that were added.
        """
        numbers = list(self.counts)
        counts = np.array([self.counts[i] for i in numbers]).reshape(-1, len(self.labels), 3)
        scores = SEDScores(tuple(self.labels), [clips[i] for i in numbers], counts)
        flat = {k: x for k, x in results(scores, n_bootstrap, seed).items() if k.startswith("F1")}
        curves = ranked(self.levels.sum(0))
        for name, mean in (("AUC", "AUC"), ("AP", "mAP")):
            flat[mean] = float(mean_over_labels(curves[name]))
            flat.update({f"{name}-{k}": float(x) for k, x in zip(self.labels, curves[name])})
        if n_bootstrap:
            rng = np.random.default_rng(seed)
            weights = rng.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), size=n_bootstrap)
            drawn = [self._resampled(w.astype(np.float32)) for w in weights]
            for place, mean in enumerate(("AUC", "mAP")):
                flat[f"{mean}-low"], flat[f"{mean}-high"] = interval(np.array(drawn)[:, place])
        return flat

    def _resampled(self, weights) -> tuple[float, float]:
        curves = ranked(np.tensordot(weights, self.levels, axes=1))
        return tuple(float(mean_over_labels(curves[name])) for name in ("AUC", "AP"))


def ranked(levels: np.ndarray) -> dict[str, np.ndarray]:
    """Negatives and positives at each level, (..., 2, L) -> "AUC" and "AP" (...), in percent.

    As scikit-learn's ``roc_auc_score`` and ``average_precision_score`` with ties at each level.
    """
    negative, positive = np.moveaxis(levels[..., ::-1].astype(np.float64), -2, 0)
    hits, false = positive.cumsum(-1), negative.cumsum(-1)  # from the highest level down
    with np.errstate(divide="ignore", invalid="ignore"):
        above = hits - positive / 2
        auc = (negative * above).sum(-1) / (hits[..., -1] * false[..., -1])
        precision = np.nan_to_num(hits / (hits + false))
        ap = (positive * precision).sum(-1) / hits[..., -1]
    return {"AUC": 100 * auc, "AP": np.where(np.isnan(auc), np.nan, 100 * ap)}
