"""Intervals of figures: how far they would move with other clips, or with other recordings.

Two units are resampled. "clip": how far would the figure move with other mixtures of the same
recordings. "source": whole source groups; how far with other recordings. The second is the
honest one where few recordings were mixed many times. A clip that holds several recordings cannot
be drawn for one of them alone: then the number of times that a recording is drawn moves the weight
of all its clips by a little (STEP), and how far a figure moves is divided by STEP again, as in the
infinitesimal jackknife (Efron 1982). Clips that share a recording move together.

Shape shorthand: N clips, n bootstrap samples.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from audiodet.evaluation.clips import ClipResult

UNITS = {"clip": "", "source": "-source"}  # what is resampled, and how its intervals are named
STEP = 0.02  # of a weight, where clips hold several sources: so small that figures follow in line


def intervals(
    clips: Sequence[ClipResult],
    counts: np.ndarray,
    figures: Callable,
    n: int,
    seed: int = 0,
    units: Sequence[str] = tuple(UNITS),
) -> dict[str, float]:
    """{"ER-low": ..., "ER-high", "ER-source-low" ...}: 95 % intervals by clip and by source.

    Those by source need clips that know the recording that their event was cut from.

    Args:
        counts: (N, ...) of the clips.
        figures: sums of counts over drawn clips (n, ...) -> {metric: values (n,)}.
        n: bootstrap samples; 0 gives no interval.
    """

    def summed(weights) -> dict:
        return figures(np.tensordot(weights, counts, axes=1))

    return bootstrap(clips, summed, n, seed, units)


def bootstrap(
    clips: Sequence[ClipResult],
    figures: Callable,
    n: int,
    seed: int = 0,
    units: Sequence[str] = tuple(UNITS),
) -> dict[str, float]:
    """:func:`intervals` of ``figures``: weights of the clips (n, N) -> {metric: values (n,)}."""
    flat = {}
    for unit in units if n else ():
        if unit == "source" and not any(map(sources_of, clips)):
            continue
        for name, values in resampled(clips, n, seed, unit, figures).items():
            flat[f"{name}{UNITS[unit]}-low"], flat[f"{name}{UNITS[unit]}-high"] = interval(values)
    return flat


def resampled(
    clips: Sequence[ClipResult], n: int, seed: int, unit: str, figures: Callable
) -> dict[str, np.ndarray]:
    """{metric: (n,) values} of n bootstrap samples.

    Args:
        unit: "clip" or "source".
        figures: weights of the clips (n, N) -> {metric: values (n,)}.
    """
    if unit == "clip" or not any(clip.sources for clip in clips):
        return figures(clip_weights(clips, n, seed, unit))
    here = figures(np.ones((1, len(clips))))
    moved = figures(1 + STEP * source_moves(clips, n, seed))
    return {name: here[name] + (values - here[name]) / STEP for name, values in moved.items()}


def sources_of(clip: ClipResult) -> tuple[str, ...]:
    """The recordings that a clip's events were cut from, as far as they are known."""
    return tuple(clip.sources) or tuple(filter(None, [clip.source_group]))


def source_moves(clips: Sequence[ClipResult], n: int, seed: int) -> np.ndarray:
    """How much more often than once all of a clip's sources are drawn together, (n, N).

    A clip without a source stands for itself.
    """
    column = {}
    rows = []
    for i, clip in enumerate(clips):
        for source in sources_of(clip) or (i,):
            rows.append((i, column.setdefault(source, len(column))))
    holds = np.zeros((len(column), len(clips)))
    for i, source in rows:
        holds[source, i] = 1.0
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(column), np.full(len(column), 1 / len(column)), size=n)
    return (drawn - 1) @ holds


def clip_weights(clips: Sequence[ClipResult], n: int, seed: int, unit: str) -> np.ndarray:
    """How often each clip is drawn in each of n bootstrap samples, (n, N).

    Equal clips, seed and unit give equal samples. It is
    stratified: every target keeps its number of clips; by source, every label keeps its number of
    groups, and each clip without a group stands for itself.

    Args:
        unit: "clip" or "source", where a clip has at most one.
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
    """95 % percentile interval, leaving NaN out; NaN where nothing is left."""
    values = values[~np.isnan(values)]
    low, high = np.percentile(values, (2.5, 97.5)) if len(values) else (np.nan, np.nan)
    return (float(low), float(high))
