"""Events <-> frame-level targets and scores; segments of equal length around regions.

Shape shorthand: S time steps, K classes, R events or regions, L frames of a segment, T frames of
the clip.
"""

import torch
from detectron2.structures import Boxes, Instances
from torch.nn import functional as F

from audiodet.postprocessing import fusing, runs
from audiodet.postprocessing.regions import Regions
from audiodet.postprocessing.runs import RunRules, cut_runs, runs_above, smooth

__all__ = ["RunRules", "cut_runs", "runs_above", "smooth"]  # of numpy, and below what torch needs


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
    """:func:`audiodet.postprocessing.runs.step_edges` as a tensor."""
    return torch.from_numpy(runs.step_edges(steps, stride, offset, frames))


def events_from_scores(
    scores, low, stride, offset, image_size, rules=RunRules(), grow: int = 0
) -> Instances:
    """(S, K) scores -> events as full-height boxes in frames, scored by their highest step.

    ``low`` is a number or one for each class. An event is ``grow`` steps longer at either end than
    its run of scores.
    """
    found = runs.regions_of_scores(scores, low, stride, offset, image_size[1], rules, grow)
    return instances_of(found, image_size)


def as_instances(events: list, image_size) -> Instances:
    """[(onset, offset, score, label), ...] in frames -> full-height boxes, best first."""
    return instances_of(Regions.of(events), image_size)


def instances_of(regions: Regions, image_size) -> Instances:
    """Events in frames -> full-height boxes, in the same order."""
    boxes = torch.zeros(len(regions), 4)
    boxes[:, 0::2] = torch.from_numpy(regions.times)
    boxes[:, 3] = image_size[0]
    return Instances(
        tuple(image_size),
        pred_boxes=Boxes(boxes),
        scores=torch.from_numpy(regions.scores),
        pred_classes=torch.from_numpy(regions.classes),
    )


def regions_of(instances: Instances) -> Regions:
    """Boxes -> their onsets and offsets, scores, classes and frequencies, in the same order."""
    times = instances.pred_boxes.tensor.detach()[:, 0::2].float().cpu().numpy()
    bands = None
    if instances.has("low_hz"):
        bands = torch.stack([instances.low_hz, instances.high_hz], 1).cpu().numpy()
    scores = instances.scores.detach().float().cpu().numpy()
    return Regions(times, scores, instances.pred_classes.cpu().numpy(), bands)


def segment_starts(boxes: torch.Tensor, frames: int, length: int) -> torch.Tensor:
    """:func:`audiodet.postprocessing.fusing.segment_starts` of (R, 4) boxes in frames."""
    starts = fusing.segment_starts(boxes.cpu().numpy()[:, 0::2], frames, length)
    return torch.from_numpy(starts).to(boxes.device)


def frames_of_segments(starts: torch.Tensor, length: int) -> torch.Tensor:
    """(R,) first frames -> (R, L) frames."""
    return starts[:, None] + torch.arange(length, device=starts.device)


def mean_in_boxes(scores: torch.Tensor, boxes: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """:func:`audiodet.postprocessing.fusing.mean_in_times` of (R, 4) boxes in frames."""
    arrays = (scores.cpu().numpy(), boxes.cpu().numpy()[:, 0::2], starts.cpu().numpy())
    return torch.from_numpy(fusing.mean_in_times(*arrays)).to(scores)


def clip_targets(batched_inputs, num_classes: int) -> torch.Tensor:
    """(N, K) zeros and ones: the input dicts' "clip_labels", or the labels of their events."""
    targets = torch.zeros(len(batched_inputs), num_classes)
    for row, clip in zip(targets, batched_inputs):
        if "clip_labels" in clip:
            row.copy_(clip["clip_labels"])
        else:
            row[clip["instances"].gt_classes] = 1.0
    return targets
