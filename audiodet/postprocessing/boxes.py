"""Overlapping detections of a clip: non-maximum suppression and box voting over intervals.

Shape shorthand: R events of a clip, K classes.
"""

import numpy as np

from audiodet.postprocessing.regions import Regions


def interval_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(R, 2) and (Q, 2) onsets and offsets -> (R, Q) intersection over union; 0 where both end."""
    onset = np.maximum(a[:, None, 0], b[None, :, 0])
    offset = np.minimum(a[:, None, 1], b[None, :, 1])
    both = (offset - onset).clip(0)
    either = (a[:, 1] - a[:, 0])[:, None] + (b[:, 1] - b[:, 0])[None] - both
    return np.divide(both, either, out=np.zeros_like(both), where=both > 0)


def suppressed(regions: Regions, iou: float) -> Regions:
    """What is left when no event overlaps a better one of its class by more than ``iou``."""
    order = np.argsort(-regions.scores, kind="stable")
    ranked = regions[order]
    kept = np.ones(len(ranked), bool)
    for i in range(len(ranked)):
        if kept[i]:
            same = np.flatnonzero(kept & (ranked.classes == ranked.classes[i]))
            later = same[same > i]
            overlaps = interval_iou(ranked.times[i : i + 1], ranked.times[later])[0]
            kept[later[overlaps > iou]] = False
    return ranked[kept]


def best_regions(times, scores, lowest: float, iou: float, most: int) -> Regions:
    """All boxes of a detector's heads -> the events it reports, best first.

    Args:
        times: (R, K, 2) float32, onset and offset of each region as each class, in frames.
        scores: (R, K + 1) probabilities, the background last.
        lowest: score that an event must exceed.
        iou: of :func:`suppressed`; 1 leaves all.
        most: events that are kept.
    """
    rows, classes = np.nonzero(scores[:, :-1] > lowest)
    found = Regions(times[rows, classes], scores[rows, classes], classes)
    return suppressed(found, iou)[:most]


def voted(regions: Regions, nms: float, iou: float) -> Regions:
    """NMS whose survivors move to the score-weighted mean of all boxes that they stand for.

    A box votes for a survivor of its class when their IoU is at least ``iou`` (Gidaris & Komodakis,
    ICCV 2015).
    """
    kept = suppressed(regions, nms)
    votes = interval_iou(kept.times, regions.times) >= iou
    votes = votes & (kept.classes[:, None] == regions.classes)
    weights = votes * regions.scores
    times = weights @ regions.times / weights.sum(1, keepdims=True)
    return Regions(times, kept.scores, kept.classes)
