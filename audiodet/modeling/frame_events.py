"""Events <-> frame-level targets and scores; segments of equal length around regions.

Shape shorthand: S time steps, K classes, R events or regions, L frames of a segment, T frames of
the clip.
"""

from dataclasses import dataclass

import numpy as np
import torch
from detectron2.structures import Boxes, Instances
from scipy.ndimage import median_filter
from torch.nn import functional as F


def step_targets(
    instances: Instances, steps: int, stride: int, offset: float, num_classes: int, shrink: int = 0
):
    """Truth in frames -> (S, K) zeros and ones.

    Step i covers frames [(i + offset - 0.5) * stride, (i + offset + 0.5) * stride). It belongs to
    an event that fills at least half of it; the step at an event's centre always does. With
    ``shrink`` an event begins that many steps later and ends as many earlier.
    """
    targets = torch.zeros(steps, num_classes)
    starts = (torch.arange(steps) + offset - 0.5) * stride
    for (onset, _, end, _), label in zip(instances.gt_boxes.tensor, instances.gt_classes):
        margin = shrink * stride
        overlap = torch.minimum(end - margin, starts + stride)
        overlap = overlap - torch.maximum(onset + margin, starts)
        centre = int(((onset + end) / 2 / stride - offset + 0.5).clamp(0, steps - 1))
        targets[:, label] = torch.maximum(targets[:, label], (overlap >= stride / 2).float())
        targets[centre, label] = 1.0
    return targets


def widened(targets: torch.Tensor, steps: int) -> torch.Tensor:
    """(S, K) zeros and ones -> the same with every event longer by some steps at either end."""
    if not steps:
        return targets
    return F.max_pool1d(targets.T[None], 2 * steps + 1, 1, steps)[0].T


def step_edges(steps: int, stride: int, offset: float, frames: int) -> torch.Tensor:
    """Where steps begin and end, in frames inside the clip: (S + 1,)."""
    edges = (torch.arange(steps + 1, dtype=torch.float64) + offset - 0.5) * stride
    return edges.clamp(0, frames)


def smooth(scores: np.ndarray, width: int | tuple) -> np.ndarray:
    """Median filter over time: (S, K) scores, ``width`` steps (made odd), or a width a class."""
    if isinstance(width, tuple):
        columns = zip(scores.T, width, strict=True)
        return np.stack([smooth(column[:, None], one)[:, 0] for column, one in columns], 1)
    return scores if width < 2 else median_filter(scores, size=(width | 1, 1), mode="nearest")


def runs_above(scores: np.ndarray, low: float):
    """Runs of one class's (S,) scores that are at least ``low``: [(first, end, peak), ...]."""
    active = np.concatenate(([0], (scores >= low).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(active))
    runs = []
    for first, end in zip(edges[::2], edges[1::2]):
        runs.append((first, end, float(scores[first:end].max())))
    return runs


def cut_runs(scores: np.ndarray, runs: list, fraction: float, dip: int = 0) -> list:
    """Runs of one class's (S,) scores, each cut where it falls below a part of its peak.

    What is left before and after a peak is a run of its own: [(first, end, peak), ...]. Where the
    scores fall below that part for at most ``dip`` steps, the run goes on.
    """
    waiting = [(first, end) for first, end, _ in runs]
    cut = []
    while waiting:
        first, end = waiting.pop()
        if first >= end:
            continue
        peak = first + int(scores[first:end].argmax())
        inside = np.flatnonzero(scores[first:end] >= fraction * scores[peak]) + first
        breaks = np.flatnonzero(np.diff(inside) > dip + 1)
        parts = np.split(inside, breaks + 1)
        onset, offset = next((x[0], x[-1] + 1) for x in parts if x[0] <= peak <= x[-1])
        cut.append((onset, offset, float(scores[peak])))
        waiting += [(first, onset), (offset, end)]
    return cut


@dataclass(frozen=True)
class RunRules:
    """When runs of scores are joined or dropped (Kong et al. 2019, section IV-C).

    Attributes:
        gap: runs with at most this many steps between them are joined; one for all classes or one
            for each.
        length: then a run of at most this many steps is dropped; likewise.
        high: lowest peak of a run that may be joined, one for all classes or one for each. A run
            that does not reach it goes only if it is short.
        fraction: last, a run is cut where it falls below this part of its peak (:func:`cut_runs`).
        dip: steps for which it may do so, one for all classes or one for each.
    """

    gap: int | tuple = 0
    length: int | tuple = 0
    high: tuple = (0.0,)
    fraction: float = 0.0
    dip: tuple = (0,)

    def apply(self, runs: list, label: int) -> list:
        """[(first, end, peak), ...] of one class in order of time -> the same by these rules."""
        high = of_label(self.high, label)
        gap = of_label(self.gap, label)
        length = of_label(self.length, label)
        faint = []
        joined = []
        for first, end, peak in runs:
            if peak < high:
                faint.append((first, end, peak))
                continue
            if joined and first - joined[-1][1] <= gap:
                first, last, highest = joined.pop()
                end = max(end, last)
                peak = max(peak, highest)
            joined.append((first, end, peak))
        return [run for run in faint + joined if run[1] - run[0] > length]

    def cut(self, scores: np.ndarray, runs: list, label: int) -> list:
        """The same runs of a class's (S,) scores after ``fraction``."""
        if not self.fraction:
            return runs
        return cut_runs(scores, runs, self.fraction, of_label(self.dip, label))

    def runs(self, scores: np.ndarray, low: float, label: int) -> list:
        """(S,) scores of a class -> its runs that are at least ``low``, by all these rules."""
        return self.cut(scores, self.apply(runs_above(scores, low), label), label)


def of_label(values, label: int):
    """A class's value where there is one for each, else that of all."""
    if not isinstance(values, tuple):
        return values
    return values[label if len(values) > 1 else 0]


def events_from_scores(
    scores, low, stride, offset, image_size, rules=RunRules(), grow: int = 0
) -> Instances:
    """(S, K) scores -> events as full-height boxes in frames, scored by their highest step.

    ``low`` is a number or one for each class. An event is ``grow`` steps longer at either end than
    its run of scores.
    """
    events = []
    for label in range(scores.shape[1]):
        for first, end, peak in rules.runs(scores[:, label], of_label(low, label), label):
            onset = (first - grow + offset - 0.5) * stride
            events.append((onset, (end + grow + offset - 0.5) * stride, peak, label))
    result = as_instances(events, tuple(image_size))
    result.pred_boxes.clip(tuple(image_size))
    return result


def as_instances(events: list, image_size) -> Instances:
    """[(onset, offset, score, label), ...] in frames -> full-height boxes, best first."""
    ranked = sorted(events, key=lambda event: -event[2])
    table = torch.tensor(ranked, dtype=torch.float32).reshape(-1, 4)
    boxes = torch.zeros_like(table)
    boxes[:, 0::2] = table[:, :2]
    boxes[:, 3] = image_size[0]
    return Instances(
        image_size,
        pred_boxes=Boxes(boxes),
        scores=table[:, 2],
        pred_classes=table[:, 3].long(),
    )


def segment_starts(boxes: torch.Tensor, frames: int, length: int) -> torch.Tensor:
    """First frame of the segment of each region (AudioMask, section III-C), (R,) int64.

    A region that is longer than a segment is cropped about its centre, a shorter one takes its
    neighbours on both sides; at the clip's borders the segment shifts inside. A clip that is
    shorter than a segment has them all start at 0.

    Args:
        boxes: (R, 4) in frames.
        frames: T.
        length: L.
    """
    centres = (boxes[:, 0] + boxes[:, 2]) / 2
    return (centres - length / 2).round().long().clamp(0, max(0, frames - length))


def frames_of_segments(starts: torch.Tensor, length: int) -> torch.Tensor:
    """(R,) first frames -> (R, L) frames."""
    return starts[:, None] + torch.arange(length, device=starts.device)


def mean_in_boxes(scores: torch.Tensor, boxes: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Mean of (R, L) frame scores over the frames of each segment that its region touches, (R,).

    A region of no length counts as the frame that it lies in.
    """
    frames = frames_of_segments(starts, scores.shape[1])
    touched = (frames + 1 > boxes[:, :1]) & (frames < boxes[:, 2:3])
    centres = ((boxes[:, 0] + boxes[:, 2]) / 2).floor().long()
    last = starts + scores.shape[1] - 1
    touched |= frames == torch.minimum(torch.maximum(centres, starts), last)[:, None]
    return (scores * touched).sum(1) / touched.sum(1)
