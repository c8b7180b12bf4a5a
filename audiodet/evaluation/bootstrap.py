"""95 % bootstrap intervals of scores, from the counts of each clip.

Two units are resampled. "clip": how far would the figure move with other mixtures of the same
recordings. "source": whole source groups; how far with other recordings. The second is the
honest one where few recordings were mixed many times.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import SEDScores, mean_over_labels

METRICS = ("ER", "F1")
PERCENTILES = (2.5, 97.5)


def bootstrap(
    scores: SEDScores, n: int = 1000, seed: int = 0, unit: str = "clip"
) -> dict[str, tuple[float, float]]:
    """Percentile intervals.

    Args:
        scores: of :func:`score_clips` or :func:`score_segments`.
        n: bootstrap samples.
        unit: "clip" or "source". Sampling is stratified: every target keeps its number of
            clips; by source, every label keeps its number of groups, and each clip without a
            group stands for itself.

    Returns:
        (low, high) of "ER" and "F1", the means over labels, and of "ER-<label>", "F1-<label>".
    """
    samples = _figures(resample([scores], n, seed, unit)[0], scores)
    return {name: interval(values) for name, values in samples.items()}


def paired_bootstrap(
    a: SEDScores, b: SEDScores, n: int = 1000, seed: int = 0, unit: str = "clip"
) -> dict[str, tuple[float, float, float]]:
    """(a - b, low, high) of every figure of :func:`bootstrap`; both see the same resamples.

    Raises:
        DataError: the two did not score the same clips with the same truth.
    """
    b = _aligned(a, b)
    points = [_figures(s.counts.sum(axis=0), a) for s in (a, b)]
    samples = [_figures(sums, a) for sums in resample([a, b], n, seed, unit)]
    return {
        name: (float(points[0][name] - points[1][name]), *interval(values - samples[1][name]))
        for name, values in samples[0].items()
    }


def has_sources(scores: SEDScores) -> bool:
    """Whether any clip knows the recording that its event was cut from."""
    return any(clip.source_group is not None for clip in scores.clips)


def resample(scores: Sequence, n: int, seed: int, unit: str) -> list[np.ndarray]:
    """Counts (n, ...) of each result, with (N, ...) ``counts``, in n resamples that all share."""
    rng = np.random.default_rng(seed)
    sums = [np.zeros((n, *s.counts.shape[1:])) for s in scores]
    for units in _strata(scores[0].clips, unit):
        weights = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=n)
        for total, s in zip(sums, scores):
            counts = np.stack([s.counts[members].sum(axis=0) for members in units])
            total += np.tensordot(weights.astype(float), counts, axes=1)
    return sums


def _strata(clips: Sequence[ClipResult], unit: str) -> list[list[list[int]]]:
    """Strata of units of clip indices."""
    if unit not in ("clip", "source"):
        raise ValueError(f"unit is {unit!r}, expected 'clip' or 'source'")
    strata = defaultdict(lambda: defaultdict(list))
    for i, clip in enumerate(clips):
        if unit == "clip":
            strata[clip.target][i].append(i)
        else:
            labels = tuple(sorted({event.label for event in clip.reference}))
            group = clip.source_group
            strata[clip.target, labels, group is None][i if group is None else group].append(i)
    return [list(units.values()) for units in strata.values()]


def _figures(counts: np.ndarray, scores: SEDScores) -> dict[str, np.ndarray]:
    """Counts (..., K, 3) -> figures (...), by the policy and labels of ``scores``."""
    table = scores.rates(counts)
    figures = {metric: mean_over_labels(table[metric]) for metric in METRICS}
    for k, label in enumerate(scores.labels):
        figures.update({f"{metric}-{label}": table[metric][..., k] for metric in METRICS})
    return figures


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval, leaving NaN out."""
    values = values[~np.isnan(values)]
    if not len(values):
        return (float("nan"), float("nan"))
    low, high = np.percentile(values, PERCENTILES)
    return (float(low), float(high))


def _aligned(a: SEDScores, b: SEDScores) -> SEDScores:
    """`b` with its clips in the order of `a`."""
    position = {clip.name: i for i, clip in enumerate(b.clips)}
    if a.labels != b.labels or set(position) != {clip.name for clip in a.clips}:
        raise DataError(
            f"paired comparison of {len(a.clips)} clips of {a.labels} with {len(b.clips)} clips "
            f"of {b.labels}, expected the same clips and labels"
        )
    order = [position[clip.name] for clip in a.clips]
    for clip, i in zip(a.clips, order):
        if clip.reference != b.clips[i].reference or clip.target != b.clips[i].target:
            raise DataError(f"{clip.name}: its truth differs between the systems compared")
    return replace(b, clips=[b.clips[i] for i in order], counts=b.counts[order])
