"""Several trainings as one, and differences of two systems with paired bootstrap intervals."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from audiodet.errors import DataError
from audiodet.evaluation.counts import check_clips
from audiodet.evaluation.scores import (
    METRICS,
    SEDScores,
    clip_weights,
    interval,
    intervals,
    micro_figures,
)


def pool_scores(scores: Sequence[SEDScores]) -> SEDScores:
    """One result from several, such as the folds of a cross-validation, each with its thresholds.

    Raises:
        DataError: the labels differ, or a clip is in two of them.
    """
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

    "F1-<label>-low", "F1-mean-high" ... bound 95 % intervals by clip.
    """

    def figures(sums):
        named = scores.figures(sums)
        return {f"{x}-mean" if x in METRICS else x: values for x, values in named.items()}

    flat = figures(scores.counts.sum(axis=0))
    flat.update(intervals(scores.clips, scores.counts, figures, n_bootstrap, seed, ("clip",)))
    return {name: float(value) for name, value in flat.items()}


def paired_bootstrap(
    a: SEDScores, b: SEDScores, n: int = 1000, seed: int = 0, unit: str = "clip"
) -> dict[str, tuple[float, float, float]]:
    """(a - b, low, high) of "ER", "F1", "ER-<label>" ...; both see the same resamples.

    Args:
        n: bootstrap samples.
        unit: "clip" or "source", see :mod:`audiodet.evaluation.scores`.

    Raises:
        DataError: the two did not score the same clips with the same truth.
    """

    def figures(scores, weights):
        return scores.figures(np.tensordot(weights, scores.counts, axes=1))

    return _difference([a], [b], figures, n, seed, unit)


def micro_difference(
    a: Sequence[SEDScores], b: Sequence[SEDScores], n: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """{"F1": (a - b, low, high), "ER": ...} of all labels together, intervals by clip.

    Each side is one or several trainings of a system, whose figures are averaged; all see the
    same resamples.

    Raises:
        DataError: two of them did not score the same clips with the same truth.
    """

    def figures(scores, weights):
        return micro_figures(np.tensordot(weights, scores.by_scene, axes=1))

    return _difference(a, b, figures, n, seed, "clip")


def _difference(a, b, figures: Callable, n: int, seed: int, unit: str) -> dict:
    """(mean over a - mean over b, low, high) of ``figures``(scores, weights)."""
    clips = a[0].clips
    weights = clip_weights(clips, n, seed, unit)
    weights = np.vstack([np.ones(len(clips)), weights])  # the first row is the figure itself
    means = []
    for side in (a, b):
        tables = [figures(_aligned(a[0], scores), weights) for scores in side]
        means.append({})
        for name in tables[0]:
            means[-1][name] = sum(table[name] for table in tables) / len(side)
    differences = {}
    for name, values in means[0].items():
        samples = values - means[1][name]
        differences[name] = (float(samples[0]), *interval(samples[1:]))
    return differences


def _aligned(a: SEDScores, b: SEDScores) -> SEDScores:
    """`b` with its clips in the order of `a`, and by the policy of `a`."""
    position = {clip.name: i for i, clip in enumerate(b.clips)}
    if a.labels != b.labels or set(position) != {clip.name for clip in a.clips}:
        raise DataError(
            f"paired comparison of {len(a.clips)} clips of {a.labels} with {len(b.clips)} clips "
            f"of {b.labels}, expected the same clips and labels"
        )
    order = [position[clip.name] for clip in a.clips]
    for clip, i in zip(a.clips, order):
        other = b.clips[i]
        if clip.reference != other.reference or clip.target != other.target:
            raise DataError(f"{clip.name}: its truth differs between the systems compared")
    return replace(a, counts=b.counts[order], overall=b.overall[order])
