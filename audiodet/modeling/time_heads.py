"""The box branch of a whole batch at once: detectron2's StandardROIHeads without a loop over clips.

Shape shorthand: N clips, P proposals, S samples, R = N P or N S regions, K classes, C channels.
"""

import torch
from detectron2.modeling import StandardROIHeads
from detectron2.structures import Boxes, Instances
from torch.nn import functional as F

from audiodet.modeling.intervals import (
    Truth,
    as_truth,
    decode,
    deltas,
    match,
    pick,
    receive,
    sample,
    suppress,
)
from audiodet.modeling.logged import log_later, logging_together
from audiodet.modeling.time_pooling import full_height, pool
from audiodet.modeling.time_rpn import Proposals, ends


class BatchedBoxHeads(StandardROIHeads):
    """StandardROIHeads that take :class:`Proposals`; of lists of Instances they are detectron2's.

    Regions and their deltas are float32, whatever the maps are computed in.
    """

    def forward(self, images, features, proposals, targets=None):
        """See :meth:`StandardROIHeads.forward`; in training the samples are not returned."""
        if not (isinstance(proposals, Proposals) and self.is_plain):
            return super().forward(images, features, list(proposals), targets)
        maps = [features[name] for name in self.box_in_features]
        if not self.training:
            return self._detect(maps, proposals), {}
        with logging_together():
            truth = as_truth(targets, proposals.times.device)
            times, of_samples = self._sample(proposals, truth)
            scores, moves = self._predict(maps, times, proposals.image_sizes[0][0])
            return proposals, self._losses(scores, moves, times, of_samples)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing that only detectron2's own code does."""
        layers = self.box_predictor
        others = self.mask_on or self.keypoint_on or self.train_on_pred_boxes
        softmax = not (layers.use_fed_loss or layers.use_sigmoid_ce)
        return softmax and layers.box_reg_loss_type == "smooth_l1" and not others

    @torch.no_grad()
    def _sample(self, proposals: Proposals, truth: Truth):
        """Sampled regions (N, S, 2), and what they should be; the background has class K."""
        times, valid = proposals.times, proposals.valid
        if self.proposal_append_gt:
            times = torch.cat((times, truth.times), dim=1)
            valid = torch.cat((valid, truth.valid), dim=1)
        event, labels = match(truth, times, self.proposal_matcher)
        share = (self.batch_size_per_image, self.positive_fraction)
        places, filled = sample(valid & (labels == 1), valid & (labels == 0), *share)
        event = event.gather(1, places)
        times = pick(times, places)
        positive = filled & (labels.gather(1, places) == 1)
        classes = truth.classes.gather(1, event).masked_fill(~positive, self.num_classes)
        return times, Truth(pick(truth.times, event), classes, filled)

    def _predict(self, maps, times, height):
        """Logits (N, P, K + 1) and (dx, dw) (N, P, K or 1, 2) of regions (N, P, 2), float32."""
        regions = pool(self.box_pooler, maps, times, height)
        x = self.box_head(regions)
        with torch.autocast(x.device.type, enabled=False):
            scores, moves = self.box_predictor(x.float())
        shape = times.shape[:2]
        return scores.unflatten(0, shape), moves.unflatten(0, shape).unflatten(2, (-1, 4))[
            ..., 0::2
        ]

    def _losses(self, scores, moves, times, wanted: Truth) -> dict:
        """See :meth:`FastRCNNOutputLayers.losses`; places that are not filled do not count."""
        layers = self.box_predictor
        filled = wanted.valid
        count = filled.sum().clamp(min=1)
        wrong = F.cross_entropy(scores.flatten(0, 1), wanted.classes.flatten(), reduction="none")
        positive = wanted.classes < self.num_classes
        if moves.shape[2] > 1:
            own = wanted.classes.clamp(max=self.num_classes - 1)
            own = own[..., None, None].expand(-1, -1, 1, 2)
            moves = moves.gather(2, own)
        aims = deltas(times, wanted.times, layers.box2box_transform, positive)
        off = F.smooth_l1_loss(moves[:, :, 0], aims, reduction="none", beta=layers.smooth_l1_beta)
        losses = {
            "loss_cls": (wrong * filled.flatten()).sum() / count,
            "loss_box_reg": (off * positive[..., None]).sum() / count,
        }
        self._log(scores.detach(), wanted, positive)
        return {name: loss * layers.loss_weight.get(name, 1.0) for name, loss in losses.items()}

    def _log(self, scores, wanted: Truth, positive) -> None:
        """What detectron2 logs of samples and classification."""
        found = scores.argmax(-1)
        right = (found == wanted.classes) & wanted.valid
        missed = positive & (found == self.num_classes)
        masks = (wanted.valid, positive, right, right & positive, missed)
        clips = len(positive)

        def names(numbers):
            filled, events, right, right_events, missed = numbers
            logged = {
                "roi_head/num_fg_samples": events / clips,
                "roi_head/num_bg_samples": (filled - events) / clips,
                "fast_rcnn/cls_accuracy": right / max(filled, 1),
            }
            if events:
                logged["fast_rcnn/fg_cls_accuracy"] = right_events / events
                logged["fast_rcnn/false_negative"] = missed / events
            return logged

        log_later(torch.stack([mask.sum() for mask in masks]), names)

    def _detect(self, maps, proposals: Proposals) -> list[Instances]:
        """See ``fast_rcnn_inference`` of detectron2; the Instances are on the CPU."""
        layers = self.box_predictor
        height = proposals.image_sizes[0][0]
        scores, moves = self._predict(maps, proposals.times, height)
        times = decode(moves, proposals.times[:, :, None], layers.box2box_transform)
        scores = scores.softmax(-1)[..., :-1]
        times = times.expand(-1, -1, scores.shape[2], -1).flatten(1, 2)  # (N, P K, 2)
        classes = torch.arange(scores.shape[2], device=scores.device)
        valid = (scores > layers.test_score_thresh) & proposals.valid[..., None]
        valid = valid.flatten(1) & times.isfinite().all(-1)
        times = torch.minimum(times.clamp(min=0), ends(proposals.image_sizes, times))
        scores = scores.flatten(1).masked_fill(~valid, -1.0)
        scores, order = scores.sort(dim=1, descending=True, stable=True)
        times, valid = pick(times, order), valid.gather(1, order)
        classes = classes.repeat(proposals.times.shape[1])[order]
        most = layers.test_topk_per_image if layers.test_topk_per_image >= 0 else valid.shape[1]
        kept = suppress(times, valid, layers.test_nms_thresh, most, classes)
        kept = kept & (kept.cumsum(1) <= most)
        received = receive([kept, full_height(times, height), scores, classes])  # the one wait
        results = []
        for size, own, box, score, kinds in zip(proposals.image_sizes, *received):
            fields = {"pred_boxes": Boxes(box[own]), "scores": score[own]}
            results.append(Instances(size, **fields, pred_classes=kinds[own]))
        return results
