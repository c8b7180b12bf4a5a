"""Differences of two systems that scored the same recordings, with paired bootstrap intervals."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.resampling import interval, resampled
from audiodet.evaluation.scores import SEDScores


def paired_bootstrap(
    a: SEDScores, b: SEDScores, n: int = 1000, seed: int = 0, unit: str = "clip"
) -> dict[str, tuple[float, float, float]]:
    """(a - b, low, high) of "ER", "F1", "ER-<label>" ...; both see the same resamples.

    Args:
        n: bootstrap samples.
        unit: "clip" or "source", see :mod:`audiodet.evaluation.resampling`.

    Raises:
        DataError: the two did not score the same clips with the same truth.
    """

    def figures(scores, weights):
        return scores.figures(np.tensordot(weights, scores.counts, axes=1))

    return difference([a], [b], figures, n, seed, unit)


def difference(a, b, figures: Callable, n: int, seed: int, unit: str) -> dict:
    """(mean over a - mean over b, low, high) of ``figures``(scores, weights)."""
    aligned = []
    for side in (a, b):
        aligned.append([_aligned(a[0], scores) for scores in side])

    def differences(weights) -> dict:
        means = []
        for side in aligned:
            tables = [figures(scores, weights) for scores in side]
            means.append({})
            for name in tables[0]:
                means[-1][name] = sum(table[name] for table in tables) / len(side)
        return {name: values - means[1][name] for name, values in means[0].items()}

    clips = a[0].clips
    found = differences(np.ones((1, len(clips))))
    samples = resampled(clips, n, seed, unit, differences)
    return {name: (float(value[0]), *interval(samples[name])) for name, value in found.items()}


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


def only_both(a: Sequence[ClipResult], b: Sequence[ClipResult]) -> tuple[list, list]:
    """The clips that are in both, in the order of the first."""
    others = {clip.name: clip for clip in b}
    shared = [clip for clip in a if clip.name in others]
    return shared, [others[clip.name] for clip in shared]


def won_clips(a: SEDScores, b: SEDScores) -> dict:
    """Clips in which a system misses and invents fewer events than the other.

    Returns:
        {"a": [(clip's name, its errors, the other's)], "b": likewise, most clearly won first;
        "equal": number of the others}.
    """
    won = {"a": [], "b": [], "equal": 0}
    aligned = _aligned(a, b)
    for clip, mine, other in zip(a.clips, a.counts, aligned.counts):
        errors = (int(mine[:, 1:].sum()), int(other[:, 1:].sum()))
        if errors[0] == errors[1]:
            won["equal"] += 1
        elif errors[0] < errors[1]:
            won["a"].append((clip.name, *errors))
        else:
            won["b"].append((clip.name, *errors[::-1]))
    for side in ("a", "b"):
        won[side].sort(key=lambda row: row[1] - row[2])
    return won
