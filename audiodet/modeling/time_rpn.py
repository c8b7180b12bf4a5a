"""Proposals of a whole batch at once: detectron2's RPN for boxes that span all frequencies.

Shape shorthand: N clips, A anchors, P proposals.
"""

from collections.abc import Sequence

import torch
from detectron2.modeling import PROPOSAL_GENERATOR_REGISTRY
from detectron2.modeling.proposal_generator.rpn import RPN
from detectron2.structures import Boxes, Instances
from torch.nn import functional as F

from audiodet.modeling.intervals import (
    Truth,
    as_truth,
    decode,
    deltas,
    match,
    pick,
    sample,
    send,
    suppress,
)
from audiodet.modeling.logged import log_later, logging_together
from audiodet.modeling.time_pooling import full_height


class Proposals(Sequence):
    """Proposals as tensors; item i is the Instances of clip i, for heads that want those.

    Attributes:
        times: (N, P, 2), in frames; P is the same for all clips.
        logits: (N, P), the highest first.
        valid: (N, P), False where a clip has no such proposal.
        image_sizes: (bands, frames) of each clip.
    """

    def __init__(self, times, logits, valid, image_sizes):
        self.times = times
        self.logits = logits
        self.valid = valid
        self.image_sizes = image_sizes
        self._counts = None

    def __len__(self) -> int:
        return len(self.image_sizes)

    def __getitem__(self, i):
        if self._counts is None:
            self._counts = self.valid.sum(1).tolist()
        count = self._counts[i]  # the valid ones come first
        clip = Instances(self.image_sizes[i])
        clip.proposal_boxes = Boxes(full_height(self.times[i, :count], self.image_sizes[i][0]))
        clip.objectness_logits = self.logits[i, :count]
        return clip


def ends(image_sizes, like: torch.Tensor) -> torch.Tensor:
    """Frames of each clip, (N, 1, 1)."""
    frames = torch.tensor([float(size[1]) for size in image_sizes])
    return send(frames, like.device)[:, None, None]


@PROPOSAL_GENERATOR_REGISTRY.register()
class TimeRPN(RPN):
    """detectron2's RPN; all in float32, whatever the maps are computed in."""

    def forward(self, images, features, gt_instances=None):
        """See :meth:`RPN.forward`; the proposals are :class:`Proposals`."""
        maps = {name: features[name].float() for name in self.in_features}
        kind = maps[self.in_features[0]].device.type
        with logging_together(), torch.autocast(kind, enabled=False):
            return super().forward(images, maps, gt_instances)

    @torch.no_grad()
    def label_and_sample_anchors(self, anchors, gt_instances):
        """-> (indices (N, S) of the sampled anchors, which are positive, which are filled), Truth.

        See :func:`audiodet.modeling.intervals.sample`; the Truth's events are those of the S.
        """
        times = Boxes.cat(anchors).tensor[:, 0::2]
        truth = as_truth(gt_instances, times.device)
        event, labels = match(truth, times, self.anchor_matcher)
        share = (self.batch_size_per_image, self.positive_fraction)
        places, filled = sample(labels == 1, labels == 0, *share)
        positive = filled & (labels.gather(1, places) == 1)
        event = event.gather(1, places)
        of_samples = Truth(pick(truth.times, event), truth.classes.gather(1, event), filled)
        return (places, positive, filled), of_samples

    def losses(self, anchors, pred_objectness_logits, gt_labels, pred_anchor_deltas, gt_boxes):
        """See :meth:`RPN.losses`; labels and boxes are :meth:`label_and_sample_anchors`'."""
        places, positive, filled = gt_labels
        source = Boxes.cat(anchors).tensor[:, 0::2][places]
        wanted = deltas(source, gt_boxes.times, self.box2box_transform, positive)
        moves = pick(torch.cat(pred_anchor_deltas, dim=1)[..., 0::2], places)
        off = F.smooth_l1_loss(moves, wanted, reduction="none", beta=self.smooth_l1_beta)
        logits = torch.cat(pred_objectness_logits, dim=1).gather(1, places)
        wrong = F.binary_cross_entropy_with_logits(logits, positive.float(), reduction="none")
        clips = len(places)
        counts = torch.stack((positive.sum(), filled.sum() - positive.sum())) / clips
        names = ("rpn/num_pos_anchors", "rpn/num_neg_anchors")
        log_later(counts, lambda numbers: dict(zip(names, numbers)))
        each = 1 / (self.batch_size_per_image * clips)
        losses = {
            "loss_rpn_cls": (wrong * filled).sum() * each,
            "loss_rpn_loc": (off * positive[..., None]).sum() * each,
        }
        return {name: loss * self.loss_weight.get(name, 1.0) for name, loss in losses.items()}

    @torch.no_grad()
    def predict_proposals(self, anchors, pred_objectness_logits, pred_anchor_deltas, image_sizes):
        """See :meth:`RPN.predict_proposals`; all that it takes image by image at once."""
        times, logits, levels = [], [], []
        parts = zip(anchors, pred_objectness_logits, pred_anchor_deltas)
        for level, (boxes, scores, moves) in enumerate(parts):
            moved = decode(moves[..., 0::2], boxes.tensor[:, 0::2], self.box2box_transform)
            most = self.pre_nms_topk[self.training]
            if scores.shape[1] > most:
                scores, best = scores.topk(most, dim=1)
                moved = pick(moved, best)
            times.append(moved)
            logits.append(scores)
            levels.append(torch.full_like(scores, level, dtype=torch.int64))
        logits, order = torch.cat(logits, dim=1).sort(dim=1, descending=True, stable=True)
        times = pick(torch.cat(times, dim=1), order)
        finite = times.isfinite().all(-1) & logits.isfinite()
        times = torch.minimum(times.clamp(min=0), ends(image_sizes, times))
        valid = finite & (times[..., 1] - times[..., 0] > self.min_box_size)
        groups = torch.cat(levels, dim=1).gather(1, order) if len(anchors) > 1 else None
        most = min(self.post_nms_topk[self.training], valid.shape[1])
        kept = suppress(times, valid, self.nms_thresh, most, groups)
        logits, best = logits.masked_fill(~kept, -torch.inf).topk(most, dim=1)
        return Proposals(pick(times, best), logits, logits.isfinite(), list(image_sizes))
