"""What is exported: one clip's samples -> what :mod:`audiodet.postprocessing.decoding` decodes.

Shape shorthand: H mel bands, T frames, S time steps, A anchors a step, R regions, K classes,
D frames of a step of the coarsest map.
"""

import torch
from detectron2.structures import Boxes, ImageList
from torch import nn
from torch.nn import functional as F
from torchvision.ops import nms

from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError
from audiodet.export.front_end import traceable
from audiodet.modeling.backbones.batches import MelBackbone
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.time_rcnn import TimeRCNN


class ClipGraph(nn.Module):
    """(samples,) -> tensors in the order of :attr:`names`, the first of which is T."""

    names = ("frames",)

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.front_end = traceable(LogMel.from_config(model.cfg))
        # A tracer does not see that a network pads clips that are too short for it.
        self.least_frames = 1
        if model.has_backbone and isinstance(model.backbone, MelBackbone):
            self.least_frames = model.backbone.min_frames

    def padded(self, samples: torch.Tensor) -> tuple:
        """(samples,) -> T, and (1, 1, H, T or more) as the network takes it."""
        clip_input = self.model.clip_input
        image = self.front_end(samples)[None]
        frames = torch.as_tensor(image.shape[-1])
        if clip_input.shortest:
            short = torch.clamp(clip_input.shortest - frames, min=0)
            image = F.pad(image, (0, short), value=clip_input.silence)
        image = clip_input.normalizer(image)
        length = torch.as_tensor(image.shape[-1])
        missing = torch.clamp(self.least_frames - length, min=0)
        divisor = max(1, clip_input.size_divisibility)
        missing = missing + (divisor - (length + missing) % divisor) % divisor
        return frames, F.pad(image, (0, missing))[None]


class FrameGraph(ClipGraph):
    """A frame-level system: T, (S, K), and what else :meth:`FrameClassifier.clip_maps` has."""

    def __init__(self, model: FrameClassifier):
        super().__init__(model)
        self.names = ("frames", *model.map_names)

    def forward(self, samples: torch.Tensor) -> tuple:
        frames, x = self.padded(samples)
        maps = self.model.clip_maps(x)
        if self.model.clip_input.shortest:  # what follows the clip says nothing of it
            maps["scores"] = maps["scores"][: self.model.backbone.steps(frames)]
        return (frames, *(maps[name] for name in self.model.map_names))


class SegmentGraph(ClipGraph):
    """A verifier: (samples,) and first frames (R,) -> probabilities (R, L, K) of segments."""

    names = ("segments",)

    def __init__(self, model: FrameClassifier, length: int):
        super().__init__(model)
        self.length = length

    def forward(self, samples: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        frames, x = self.padded(samples)
        return self.model.clip_segments(x, frames, starts, self.length)


class RegionGraph(ClipGraph):
    """A region detector: T, (R, K + 1) probabilities, (R, K, 2) onsets and offsets in frames."""

    names = ("frames", "scores", "times")

    def forward(self, samples: torch.Tensor) -> tuple:
        frames, x = self.padded(samples)
        features = self.model.features(ImageList(x, [(x.shape[2], frames)]))
        proposals = self.proposals(features, frames)
        heads = self.model.roi_heads
        maps = [features[name] for name in heads.box_in_features]
        logits, deltas = heads.box_predictor(
            heads.box_head(heads.box_pooler(maps, [Boxes(proposals)]))
        )
        boxes = heads.box_predictor.box2box_transform.apply_deltas(deltas, proposals)
        times = boxes.reshape(-1, boxes.shape[1] // 4, 4)[..., 0::2]  # (R, K, 2)
        times = torch.minimum(times.clamp(min=0), frames.to(times))
        if times.shape[1] == 1:  # one box for all classes
            times = times.expand(-1, logits.shape[1] - 1, -1)
        return frames, logits.softmax(1), times

    def proposals(self, features: dict, frames: torch.Tensor) -> torch.Tensor:
        """The boxes that the RPN proposes, (R, 4) in frames, best first."""
        rpn = self.model.proposal_generator
        maps = [features[name] for name in rpn.in_features]
        anchors = rpn.anchor_generator(maps)
        levels = []
        for grid, logits, deltas in zip(anchors, *rpn.rpn_head(maps)):
            scores = logits.permute(0, 2, 3, 1).flatten()  # (1, A, 1, S) -> (S * A,)
            four = deltas[0].permute(1, 2, 0).reshape(-1, 4)  # (1, 4A, 1, S) -> (S * A, 4)
            levels.append(self.best_of_level(rpn, scores, four, grid.tensor, frames))
        boxes = torch.cat([boxes for boxes, _ in levels])
        scores = torch.cat([scores for _, scores in levels])
        return boxes[scores.topk(at_most(scores, rpn.post_nms_topk[False])).indices]

    @staticmethod
    def best_of_level(rpn, scores, deltas, anchors, frames) -> tuple:
        """Boxes (R, 4) and logits (R,) of one map that NMS leaves."""
        scores, best = scores.topk(at_most(scores, rpn.pre_nms_topk[False]))
        boxes = rpn.box2box_transform.apply_deltas(deltas[best], anchors[best])
        onset, low, offset, high = boxes.unbind(1)
        end = frames.to(boxes)
        onset = torch.minimum(onset.clamp(min=0), end)
        offset = torch.minimum(offset.clamp(min=0), end)
        boxes = torch.stack([onset, low, offset, high], 1)
        inside = (offset - onset > rpn.min_box_size).nonzero()[:, 0]
        boxes, scores = boxes[inside], scores[inside]
        kept = nms(boxes, scores, rpn.nms_thresh)
        return boxes[kept], scores[kept]


def at_most(values: torch.Tensor, number: int) -> torch.Tensor:
    """How many of the (R,) values there are, at most ``number``, as a tracer sees it."""
    return torch.clamp(torch.as_tensor(values.shape[0]), max=number)


def graph_of(model: nn.Module) -> ClipGraph:
    """What is traced of a model; ConfigError for a system that cannot be exported."""
    if isinstance(model, TimeRCNN):
        return RegionGraph(model)
    if isinstance(model, FrameClassifier):
        return FrameGraph(model)
    name = model.cfg.MODEL.META_ARCHITECTURE
    raise ConfigError(
        f"{name}: is not exported, expected a frame-level system or a detector on audiodet's heads"
    )
