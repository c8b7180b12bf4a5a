"""What the frame-level systems share: step scores to losses, to events, to regions.

Shape shorthand: N clips, S time steps of ``stride`` frames, T frames, K classes, R regions,
L frames of a segment.
"""

import torch
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.utils.events import get_event_storage, has_event_storage
from torch import nn
from torch.nn import functional as F

from audiodet.data.label_kinds import kind_of
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.decisions import decision_settings
from audiodet.modeling.frame_events import (
    RunRules,
    events_from_scores,
    frames_of_segments,
    smooth,
    step_edges,
    step_targets,
    widened,
)
from audiodet.modeling.hooks.registry import build_postprocessors
from audiodet.modeling.intervals import receive_each
from audiodet.modeling.model import SEDModel


class FrameClassifier(SEDModel, nn.Module):
    """A probability of each class at each time step.

    Training returns the binary cross-entropy over steps. Inference returns per clip "instances"
    (events in seconds), "frame_scores" (S, K), "frame_edges" (S + 1,), where the steps begin and
    end in seconds, "frame_seconds" (S,), their centres, and "clip_scores" (K,), the maximum over
    time. A subclass has :meth:`step_logits`.

    Attributes:
        map_names: what :meth:`clip_maps` has.
    """

    map_names = ("scores",)

    def __init__(
        self,
        *,
        clip_input,
        num_classes,
        stride,
        offset,
        low,
        median_frames,
        rules=RunRules(),
        widen=0,
        shrink=0,
        postprocessors=(),
    ):
        """
        Args:
            stride, offset: the centre of step i is frame (i + offset) * stride.
            low: an event ends where its score falls below this; a number or one a class.
            median_frames: width of the median filter over the scores, in frames; likewise.
            rules: which events are joined or dropped.
            widen: steps before and after an event that are taught as part of it.
            shrink: steps at either end of an event that are taught as silence; detected events
                get them back.
            postprocessors: see :class:`Postprocessor`; they act in turn on the events.
        """
        super().__init__()
        self.clip_input = clip_input
        self.num_classes = num_classes
        self.stride = stride
        self.offset = offset
        self.low = low
        self.rules = rules
        self.widen = widen
        self.shrink = shrink
        self.median_steps = _steps(median_frames, stride)
        self.postprocessors = list(postprocessors)

    @staticmethod
    def shared_config(cfg, size_divisibility: int = 0) -> dict:
        """Arguments of this class that a configuration holds."""
        return {
            "clip_input": ClipInput.from_config(cfg, size_divisibility),
            "num_classes": cfg.MODEL.ROI_HEADS.NUM_CLASSES,
            "widen": cfg.MODEL.TAGGER.WIDEN_STEPS,
            "shrink": cfg.MODEL.TAGGER.SHRINK_STEPS,
            "postprocessors": build_postprocessors(cfg),
            **decision_settings(cfg),
        }

    def decide_by(self, cfg) -> None:
        """Take another configuration's settings of how scores become events."""
        settings = decision_settings(cfg)
        self.low = settings["low"]
        self.rules = settings["rules"]
        self.median_steps = _steps(settings["median_frames"], self.stride)

    @property
    def time_stride(self) -> int:
        """Frames of a step."""
        return self.stride

    @property
    def deciding(self) -> "FrameClassifier":
        """The model whose rules make scores events."""
        return self

    @property
    def device(self):
        return next(self.parameters()).device

    def step_logits(self, batched_inputs) -> list:
        """Input dicts -> the (S, K) logits of each clip."""
        raise NotImplementedError

    def step_scores(self, batched_inputs) -> list:
        """Input dicts -> the (S, K) probabilities of each clip."""
        return [logits.sigmoid() for logits in self.step_logits(batched_inputs)]

    def clip_maps(self, x: torch.Tensor) -> dict:
        """One normalised clip (1, 1, H, T) -> {"scores": (S, K), ...} by ``map_names``.

        For an export: a tracer sees the length of the clip in all that follows from it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no clip_maps: it is not exported")

    def clip_segments(self, x: torch.Tensor, frames, starts, length: int) -> torch.Tensor:
        """:meth:`segment_scores` of one normalised clip (1, 1, H, T or more), for an export.

        Args:
            frames: T, a tensor.
            starts: (R,) int64.
        """
        scores = self.clip_maps(x)["scores"]
        places = (torch.arange(frames, device=x.device) + 0.5) / self.stride - self.offset + 0.5
        steps = torch.minimum(places.floor().long(), torch.as_tensor(scores.shape[0] - 1))
        scores = F.pad(scores[steps.clamp(min=0)], (0, 0, 0, length))
        return scores[frames_of_segments(starts, length)]

    def segment_scores(self, batched_inputs, starts, length: int) -> list:
        """Frame probabilities of segments, (R, L, K) of each clip.

        Args:
            batched_inputs: dicts with "image" (1, H, T).
            starts: for each clip the first frames of its segments, (R,) int64.
            length: L; what follows a clip's end has probability 0.
        """
        segments = []
        for scores, first, clip in zip(self.step_scores(batched_inputs), starts, batched_inputs):
            frames = torch.arange(clip["image"].shape[-1], device=scores.device)
            steps = ((frames + 0.5) / self.stride - self.offset + 0.5).floor().long()
            scores = scores[steps.clamp(0, len(scores) - 1)]
            scores = F.pad(scores, (0, 0, 0, max(0, length - len(scores))))
            segments.append(scores[frames_of_segments(first, length)])
        return segments

    def step_seconds(self, steps: int, clip: dict) -> torch.Tensor:
        """Centres of a clip's first steps, (S,), in the unit of its "width"."""
        frames = clip["image"].shape[-1]
        centres = (torch.arange(steps) + self.offset) * self.stride
        return centres * clip.get("width", frames) / frames

    def forward(self, batched_inputs):
        """Dicts with "image" (1, H, T), an un-normalised log-mel, and "instances" in training."""
        if self.training:
            return self.losses(self.step_logits(batched_inputs), batched_inputs)
        with torch.no_grad():
            clips = zip(receive_each(self.class_maps(batched_inputs)), batched_inputs)
            return [self.from_maps(*maps, clip) for maps, clip in clips]

    def class_maps(self, batched_inputs) -> list:
        """All that a clip's output follows from, as an ensemble averages it.

        Returns:
            list: for each clip a tuple of tensors whose first axis is the class; here (K, S) alone.
        """
        return [(scores.T,) for scores in self.step_scores(batched_inputs)]

    def from_maps(self, scores, clip) -> dict:
        """One clip's :meth:`class_maps` -> its output at inference."""
        return self.inference(scores.T, clip)

    def undecided(self, scores) -> tuple:
        """One clip's :meth:`class_maps` -> its (S, K) step scores, and clip scores that gate them.

        Those are (K,), or None where a system has no gate.
        """
        return scores.T, None

    def losses(self, logits, batched_inputs) -> dict:
        """Binary cross-entropy over steps; logits are (S, K) of each clip."""
        grid = (self.stride, self.offset, self.num_classes)
        targets = []
        for clip, rows in zip(batched_inputs, logits):
            steps = step_targets(clip["instances"], len(rows), *grid, self.shrink)
            targets.append(widened(steps, self.widen))
        logits = torch.cat(logits)
        targets = torch.cat(targets).to(logits)
        if has_event_storage():
            right = ((logits > 0) == (targets > 0.5)).float().mean().item()
            get_event_storage().put_scalar("frame_accuracy", right)
        return {"loss_frame": F.binary_cross_entropy_with_logits(logits, targets)}

    def strong_loss(self, logits, batched_inputs) -> torch.Tensor:
        """:meth:`FrameClassifier.losses` of the clips whose labels have times; 0 without any."""
        pairs = zip(logits, batched_inputs)
        strong = [(rows, clip) for rows, clip in pairs if kind_of(clip) == "strong"]
        if not strong:
            return logits[0].sum() * 0.0
        return FrameClassifier.losses(self, *zip(*strong))["loss_frame"]

    def inference(self, scores, clip) -> dict:
        """(S, K) step scores of one clip -> events in seconds, frame scores, clip scores."""
        size = tuple(clip["image"].shape[-2:])
        smoothed = smooth(scores.float().cpu().numpy(), self.median_steps)
        grid = (self.stride, self.offset, size)
        events = events_from_scores(smoothed, self.low, *grid, self.rules, self.shrink)
        for hook in self.postprocessors:
            (events,) = hook([clip], [events])
        height = clip.get("height", size[0])
        width = clip.get("width", size[1])
        edges = step_edges(len(smoothed), self.stride, self.offset, size[1])
        return {
            "instances": detector_postprocess(events, height, width),
            "frame_scores": torch.from_numpy(smoothed),
            "frame_seconds": self.step_seconds(len(smoothed), clip),
            "frame_edges": edges * (width / size[1]),
            "clip_scores": scores.amax(0),
        }


def _steps(frames, stride: int):
    """Frames, one number or a tuple -> the nearest numbers of steps."""
    if isinstance(frames, tuple):
        return tuple(round(x / stride) for x in frames)
    return round(frames / stride)
