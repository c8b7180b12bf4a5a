"""95 % bootstrap intervals of figures, and paired differences, from the counts of each clip.

Two units are resampled. "clip": how far would the figure move with other mixtures of the same
recordings. "source": whole source groups; how far with other recordings. The second is the
honest one where few recordings were mixed many times.

Shape shorthand: N clips, K labels, n bootstrap samples.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.scores import SEDScores, mean_over_labels, micro_rates

METRICS = ("ER", "F1")
PERCENTILES = (2.5, 97.5)
UNITS = {"clip": "", "source": "-source"}  # what is resampled, and how its intervals are named


def clip_weights(clips: Sequence[ClipResult], n: int, seed: int, unit: str) -> np.ndarray:
    """How often each clip is drawn in each of n bootstrap samples, (n, N).

    The one resampler of all figures: equal clips, seed and unit give equal samples. It is
    stratified: every target keeps its number of clips; by source, every label keeps its number of
    groups, and each clip without a group stands for itself.

    Args:
        unit: "clip" or "source".
    """
    if unit not in UNITS:
        raise ValueError(f"unit is {unit!r}, expected 'clip' or 'source'")
    strata = defaultdict(lambda: defaultdict(list))  # stratum -> unit -> clip indices
    for i, clip in enumerate(clips):
        if unit == "clip":
            strata[clip.target][i].append(i)
            continue
        labels = tuple(sorted({event.label for event in clip.reference}))
        alone = clip.source_group is None
        strata[clip.target, labels, alone][i if alone else clip.source_group].append(i)
    rng = np.random.default_rng(seed)
    weights = np.zeros((n, len(clips)))
    for units in strata.values():
        drawn = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), size=n)
        for column, members in zip(drawn.T, units.values()):
            weights[:, members] = column[:, None]
    return weights


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval, leaving NaN out."""
    values = values[~np.isnan(values)]
    if not len(values):
        return (float("nan"), float("nan"))
    low, high = np.percentile(values, PERCENTILES)
    return (float(low), float(high))


def intervals(
    scores: SEDScores, figures: Callable, n: int, seed: int = 0, units=tuple(UNITS)
) -> dict[str, float]:
    """{"ER-low": ..., "ER-high", "ER-source-low" ...}: 95 % intervals by clip and by source.

    Those by source need clips that know the recording that their event was cut from.

    Args:
        figures: (scores, weights of :func:`clip_weights`) -> {metric: values (n,)}.
        n: bootstrap samples; 0 gives no interval.
    """
    flat = {}
    for unit in units if n else ():
        if unit == "source" and {clip.source_group for clip in scores.clips} <= {None}:
            continue
        weights = clip_weights(scores.clips, n, seed, unit)
        for name, values in figures(scores, weights).items():
            low, high = interval(values)
            flat[f"{name}{UNITS[unit]}-low"] = low
            flat[f"{name}{UNITS[unit]}-high"] = high
    return flat


def label_figures(scores: SEDScores, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Weights (..., N) -> "ER", "F1" (means over labels), "ER-<label>", "F1-<label>": (...)."""
    table = scores.rates(np.tensordot(weights, scores.counts, axes=1))
    figures = {}
    for metric in METRICS:
        figures[metric] = mean_over_labels(table[metric])
    for k, label in enumerate(scores.labels):
        for metric in METRICS:
            figures[f"{metric}-{label}"] = table[metric][..., k]
    return figures


def micro_figures(scores: SEDScores, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Weights (..., N) -> micro "F1" and "ER", the means over scenes: (...)."""
    table = micro_rates(np.tensordot(weights, scores.by_scene, axes=1))
    return {"F1": table["F1"].mean(axis=-1), "ER": table["ER"].mean(axis=-1)}


def bootstrap(
    scores: SEDScores, n: int = 1000, seed: int = 0, unit: str = "clip"
) -> dict[str, tuple[float, float]]:
    """(low, high) of each of :func:`label_figures`; n samples of :func:`clip_weights`."""
    samples = label_figures(scores, clip_weights(scores.clips, n, seed, unit))
    return {name: interval(values) for name, values in samples.items()}


def paired_bootstrap(
    a: SEDScores, b: SEDScores, n: int = 1000, seed: int = 0, unit: str = "clip"
) -> dict[str, tuple[float, float, float]]:
    """(a - b, low, high) of every figure of :func:`bootstrap`; both see the same resamples.

    Raises:
        DataError: the two did not score the same clips with the same truth.
    """
    return _difference([a], [b], label_figures, n, seed, unit)


def micro_difference(
    a: Sequence[SEDScores], b: Sequence[SEDScores], n: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """{"F1": (a - b, low, high), "ER": ...} of :func:`micro_figures`, intervals by clip.

    Each side is one or several trainings of a system, whose figures are averaged; all see the
    same resamples.

    Raises:
        DataError: two of them did not score the same clips with the same truth.
    """
    return _difference(a, b, micro_figures, n, seed, "clip")


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
