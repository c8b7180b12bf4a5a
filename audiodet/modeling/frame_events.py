"""Events <-> frame-level targets and scores.

Shape shorthand: S time steps, K classes, R events.
"""

from dataclasses import dataclass

import numpy as np
import torch
from detectron2.structures import Boxes, Instances
from scipy.ndimage import median_filter


def step_targets(instances: Instances, steps: int, stride: int, offset: float, num_classes: int):
    """Truth in frames -> (S, K) zeros and ones.

    Step i covers frames [(i + offset - 0.5) * stride, (i + offset + 0.5) * stride). It belongs to
    an event that fills at least half of it; the step at an event's centre always does.
    """
    targets = torch.zeros(steps, num_classes)
    starts = (torch.arange(steps) + offset - 0.5) * stride
    for (onset, _, end, _), label in zip(instances.gt_boxes.tensor, instances.gt_classes):
        overlap = torch.minimum(end, starts + stride) - torch.maximum(onset, starts)
        centre = int(((onset + end) / 2 / stride - offset + 0.5).clamp(0, steps - 1))
        targets[:, label] = torch.maximum(targets[:, label], (overlap >= stride / 2).float())
        targets[centre, label] = 1.0
    return targets


def step_edges(steps: int, stride: int, offset: float, frames: int) -> torch.Tensor:
    """Where steps begin and end, in frames inside the clip: (S + 1,)."""
    edges = (torch.arange(steps + 1, dtype=torch.float64) + offset - 0.5) * stride
    return edges.clamp(0, frames)


def smooth(scores: np.ndarray, width: int) -> np.ndarray:
    """Median filter over time: (S, K) scores, ``width`` steps (made odd)."""
    return scores if width < 2 else median_filter(scores, size=(width | 1, 1), mode="nearest")


def runs_above(scores: np.ndarray, low: float):
    """Runs of one class's (S,) scores that are at least ``low``: [(first, end, peak), ...]."""
    active = np.concatenate(([0], (scores >= low).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(active))
    return [(a, b, float(scores[a:b].max())) for a, b in zip(edges[::2], edges[1::2])]


def cut_run(scores: np.ndarray, first: int, end: int, fraction: float) -> list:
    """A run of (S,) scores -> the part around its peak that is at least ``fraction`` of it.

    What is left before and after it are runs of their own: [(first, end, peak), ...].
    """
    if first >= end:
        return []
    peak = first + int(scores[first:end].argmax())
    outside = np.flatnonzero(scores[first:end] < fraction * scores[peak]) + first
    onset = max(outside[outside < peak], default=first - 1) + 1
    offset = min(outside[outside > peak], default=end)
    cut = [(onset, offset, float(scores[peak]))]
    before = cut_run(scores, first, onset, fraction)
    return before + cut + cut_run(scores, offset, end, fraction)


@dataclass(frozen=True)
class RunRules:
    """When runs of scores are joined or dropped (Kong et al. 2019, section IV-C).

    Attributes:
        gap: runs with so many steps between them, or fewer, are joined.
        length: then a run of so many steps or fewer is dropped.
        high: lowest peak of a run that may be joined, one for all classes or one for each. A run
            that does not reach it goes only if it is short.
        fraction: last, a run is cut where it falls below this part of its peak (:func:`cut_run`).
    """

    gap: int = 0
    length: int = 0
    high: tuple = (0.0,)
    fraction: float = 0.0

    def apply(self, runs: list, label: int) -> list:
        """[(first, end, peak), ...] of one class in order of time -> the same by these rules."""
        high = self.high[label if len(self.high) > 1 else 0]
        kept = [run for run in runs if run[2] < high]
        joined = []
        for first, end, peak in (run for run in runs if run[2] >= high):
            if joined and first - joined[-1][1] <= self.gap:
                before, _, highest = joined.pop()
                first, peak = before, max(peak, highest)
            joined.append((first, end, peak))
        return [run for run in kept + joined if run[1] - run[0] > self.length]


def events_from_scores(scores, low, stride, offset, image_size, rules=RunRules()) -> Instances:
    """(S, K) scores -> events as full-height boxes in frames, scored by their highest step."""
    found = []
    for label in range(scores.shape[1]):
        runs = rules.apply(runs_above(scores[:, label], low), label)
        if rules.fraction:
            parts = [
                cut_run(scores[:, label], first, end, rules.fraction) for first, end, _ in runs
            ]
            runs = [run for part in parts for run in part]
        found += [(*run, label) for run in runs]
    found.sort(key=lambda event: -event[2])
    table = torch.tensor(found, dtype=torch.float32).reshape(-1, 4)
    boxes = torch.zeros(len(found), 4)
    boxes[:, 0::2] = (table[:, :2] + offset - 0.5) * stride
    boxes[:, 3] = image_size[0]
    result = Instances(tuple(image_size))
    result.pred_boxes = Boxes(boxes)
    result.pred_boxes.clip(tuple(image_size))
    result.scores = table[:, 2]
    result.pred_classes = table[:, 3].long()
    return result
