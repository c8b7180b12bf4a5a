"""Several trainings as one, and differences of two systems with paired bootstrap intervals."""

from collections.abc import Sequence

import numpy as np

from audiodet.errors import DataError
from audiodet.evaluation.counts import check_clips
from audiodet.evaluation.pairs import difference
from audiodet.evaluation.resampling import intervals
from audiodet.evaluation.scores import METRICS, SEDScores, micro_figures


def pool_scores(scores: Sequence[SEDScores]) -> SEDScores:
    """One result from several, such as folds of a cross-validation, each with its thresholds."""
    first = scores[0]
    clips = []
    for part in scores:
        if part.labels != first.labels:
            raise DataError(f"pooling scores of labels {part.labels}, expected {first.labels}")
        clips += part.clips
    check_clips(clips, first.labels)
    counts = np.concatenate([part.counts for part in scores])
    overall = np.concatenate([part.overall for part in scores])
    return SEDScores(first.labels, clips, counts, overall, first.zero_f1)


def label_results(scores: SEDScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value}: "F1-<label>", "ER-<label>", "F1-mean", "ER-mean" over the labels that occur.

    "F1-<label>-low", "F1-mean-high" ... bound 95 % intervals by clip,
    "F1-<label>-source-low" ... those by source.
    """

    def figures(sums):
        named = scores.figures(sums)
        return {f"{x}-mean" if x in METRICS else x: values for x, values in named.items()}

    flat = figures(scores.counts.sum(axis=0))
    flat.update(intervals(scores.clips, scores.counts, figures, n_bootstrap, seed))
    return {name: float(value) for name, value in flat.items()}


def micro_difference(
    a: Sequence[SEDScores], b: Sequence[SEDScores], n: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """{"F1": (a - b, low, high), "ER": ...} of all labels together, intervals by source.

    Each side is one or several trainings of a system, whose figures are averaged; all see the
    same resamples.
    """

    def figures(scores, weights):
        return micro_figures(np.tensordot(weights, scores.by_scene, axes=1))

    return difference(a, b, figures, n, seed, "source")
