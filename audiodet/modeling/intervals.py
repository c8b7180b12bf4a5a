"""Arithmetic of intervals of a whole batch: no loop over clips, no wait for a clip.

What detectron2 does image by image with boxes (matching, sampling, decoding, NMS), for boxes that
span all frequencies, on a CPU or a GPU. Times are in frames.

Shape shorthand: N clips, A and B intervals, G events (padded to the most that a clip has).
"""

from collections.abc import Sequence
from itertools import chain, islice
from typing import NamedTuple

import torch

BLOCKS = {"cpu": 64, "cuda": 1024}  # intervals of a clip that NMS looks at together
PASSES = 2  # of NMS, between two looks at whether anything changed


class Truth(NamedTuple):
    """The events of a batch, padded.

    Attributes:
        times: (N, G, 2), onset and offset.
        classes: (N, G).
        valid: (N, G), False where a clip has no such event.
    """

    times: torch.Tensor
    classes: torch.Tensor
    valid: torch.Tensor


def as_truth(targets, device) -> Truth:
    """Instances of each clip with ``gt_boxes`` and ``gt_classes`` -> Truth; a Truth stays."""
    if isinstance(targets, Truth):
        return targets
    counts = [len(x) for x in targets]
    boxes = torch.cat([x.gt_boxes.tensor for x in targets])
    valid = torch.arange(max(1, *counts)) < torch.tensor(counts)[:, None]
    places = valid.to(boxes.device)
    times = boxes.new_zeros(*valid.shape, 2)
    times[places] = boxes[:, 0::2]
    classes = torch.zeros(valid.shape, dtype=torch.int64, device=boxes.device)
    classes[places] = torch.cat([x.gt_classes for x in targets])
    return Truth(*(send(x, device) for x in (times, classes, places)))


def send(x: torch.Tensor, device) -> torch.Tensor:
    """``x`` on a device; what comes from a CPU to a GPU is copied while both go on."""
    if torch.device(device).type == "cuda" and x.device.type == "cpu":
        return x.pin_memory().to(device, non_blocking=True)
    return x.to(device)


def receive(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The same on the CPU; a GPU is waited for once, when all copies have been asked for."""
    copies = [x.to("cpu", non_blocking=True) for x in tensors]
    if tensors and tensors[0].device.type == "cuda":
        torch.cuda.synchronize(tensors[0].device)
    return copies


def receive_each(groups: Sequence[tuple]) -> list[list[torch.Tensor]]:
    """:func:`receive` of tensors in groups, as those of a batch's clips."""
    received = iter(receive(list(chain.from_iterable(groups))))
    return [list(islice(received, len(group))) for group in groups]


def iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(..., A, 2) and (..., B, 2) -> (..., A, B)."""
    a = a[..., :, None, :]
    b = b[..., None, :, :]
    both = torch.minimum(a[..., 1], b[..., 1]) - torch.maximum(a[..., 0], b[..., 0])
    both = both.clamp_(min=0)
    either = (a[..., 1] - a[..., 0]) + (b[..., 1] - b[..., 0]) - both
    return both.div_(either.clamp_(min=1e-12))


def match(truth: Truth, times: torch.Tensor, matcher) -> tuple[torch.Tensor, torch.Tensor]:
    """The event of each interval and its label, as a detectron2 ``Matcher`` gives them.

    Args:
        times: (N, A, 2), or (A, 2) that are the same for all clips.

    Returns:
        Indices (N, A) into a clip's events; labels (N, A) of -1 (ignore), 0 and 1.
    """
    quality = iou(truth.times, times).masked_fill(~truth.valid[..., None], -1.0)
    best, event = quality.max(1)
    labels = torch.full_like(event, matcher.labels[0])
    for threshold, label in zip(matcher.thresholds[1:-1], matcher.labels[1:]):
        labels = labels.masked_fill(best >= threshold, label)
    if matcher.allow_low_quality_matches:
        nearest = quality == quality.amax(2, keepdim=True)
        labels = labels.masked_fill((nearest & truth.valid[..., None]).any(1), 1)
    return event, labels


def sample(positive: torch.Tensor, negative: torch.Tensor, count: int, fraction: float):
    """At most ``count`` of each clip at random, of them at most ``fraction`` positive.

    detectron2's ``subsample_labels``. Masks (N, A) -> indices (N, count), the positive ones first,
    and which of these places are filled.
    """
    keys = torch.rand(positive.shape, device=positive.device)
    most = min(int(count * fraction), keys.shape[1])
    drawn, places = keys.masked_fill(~positive, -1.0).topk(most, dim=1)
    order = keys.masked_fill(~negative, -1.0)
    order = order.scatter(1, places, torch.where(drawn >= 0, drawn + 2.0, order.gather(1, places)))
    drawn, places = order.topk(min(count, keys.shape[1]), dim=1)
    return places, drawn >= 0


def pick(times: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Of (N, A, 2) those at (N, B) -> (N, B, 2)."""
    return times.gather(1, places[..., None].expand(-1, -1, 2))


def deltas(source: torch.Tensor, target: torch.Tensor, transform, positive) -> torch.Tensor:
    """(..., 2) and (..., 2) -> (dx, dw) (..., 2), see detectron2's ``Box2BoxTransform``.

    ``positive`` (...) says where they are wanted; elsewhere they are finite.
    """
    width = (source[..., 1] - source[..., 0]).masked_fill(~positive, 1.0)
    new_width = (target[..., 1] - target[..., 0]).masked_fill(~positive, 1.0)
    shift = (target[..., 0] + 0.5 * new_width) - (source[..., 0] + 0.5 * width)
    dx = transform.weights[0] * shift / width
    dw = transform.weights[2] * torch.log(new_width / width)
    return torch.stack((dx, dw), dim=-1)


def decode(moves: torch.Tensor, source: torch.Tensor, transform) -> torch.Tensor:
    """(dx, dw) (..., 2) and (..., 2) -> moved intervals (..., 2), float32."""
    moves = moves.float()
    width = source[..., 1] - source[..., 0]
    centre = moves[..., 0] / transform.weights[0] * width + (source[..., 0] + 0.5 * width)
    stretch = (moves[..., 1] / transform.weights[2]).clamp(max=transform.scale_clamp)
    half = 0.5 * (torch.exp(stretch) * width)
    return torch.stack((centre - half, centre + half), dim=-1)


def suppress(times, valid, threshold: float, most: int, groups=None) -> torch.Tensor:
    """NMS: which of (N, A, 2), the best first, stay -> (N, A).

    Args:
        valid: (N, A); the others neither stay nor suppress.
        threshold: highest IoU of two that stay.
        most: so many of a clip are wanted; there may be more where another clip has fewer.
        groups: (N, A); only members of one group suppress each other.
    """
    if threshold >= 1:
        return valid
    kept = torch.zeros_like(valid)
    size = BLOCKS.get(times.device.type, 1024)
    for start in range(0, times.shape[1], size):
        part = slice(start, start + size)
        before = slice(0, start + size)
        stronger = iou(times[:, before], times[:, part]) > threshold
        if groups is not None:
            stronger &= groups[:, before, None] == groups[:, None, part]
        stronger = stronger.to(torch.float32)  # row i suppresses column j
        alive = valid[:, part]
        if start:
            alive = alive & ~_any(kept[:, :start], stronger[:, :start])
        kept[:, part] = _settle(alive, stronger[:, start:].triu_(1))
        if start + size < times.shape[1] and bool((kept.sum(1) >= most).all()):
            break
    return kept


def _any(chosen: torch.Tensor, stronger: torch.Tensor) -> torch.Tensor:
    """Which columns of (N, A, B) have a one in the rows (N, A) that are chosen."""
    return torch.bmm(chosen[:, None].float(), stronger)[:, 0] > 0


def _settle(alive: torch.Tensor, stronger: torch.Tensor) -> torch.Tensor:
    """Who stays of (N, A): each pass settles those whose chain of suppressors is one longer."""
    kept = alive
    while True:
        before = kept
        for _ in range(PASSES):
            kept = alive & ~_any(kept, stronger)
        if torch.equal(kept, before):
            return kept
