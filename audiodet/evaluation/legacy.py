"""The F1 of earlier work on TUT-SED 2009 (Çakır et al. 2017, section III-B and Table V)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import Segments


def legacy_f1(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    seconds: float = 1.0,
) -> float:
    """F1 in percent of each segment, averaged over a scene's segments, then over the scenes.

    A segment without a true or a reported event has no F1 and is left out. NaN without any other.
    """
    rule = Segments(seconds)
    by_scene = defaultdict(list)
    for clip in clips:
        true = rule.roll(labels, clip.reference, clip.duration)
        reported = rule.roll(labels, clip.decided(thresholds, False), clip.duration)
        total = true.sum(1) + reported.sum(1)
        hits = (true & reported).sum(1)
        by_scene[clip.scene].append(200 * hits[total > 0] / total[total > 0])
    means = []
    for values in by_scene.values():
        values = np.concatenate(values)
        if len(values):
            means.append(values.mean())
    return float(np.mean(means)) if means else float("nan")
