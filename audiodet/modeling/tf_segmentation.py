"""Time-frequency segmentation from clip labels (Kong et al. 2019).

Shape shorthand: N clips, H mel bands, T frames, K classes, C channels, R events; H' is H where
each bin has a probability and 1 where each frame has one.
"""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, build_backbone
from torch import nn
from torch.nn import functional as F

from audiodet.data.label_kinds import LabelKinds
from audiodet.data.spectrogram import LogMel
from audiodet.errors import ConfigError
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.frame_events import clip_targets, regions_of
from audiodet.modeling.pooling import AttentionPooling, GlobalRankPooling
from audiodet.postprocessing.decoding import with_bands


@META_ARCH_REGISTRY.register()
class TFSegmentation(FrameClassifier):
    """A mask of each class over time and frequency, learned from clip labels alone.

    A 1x1 convolution and a sigmoid turn the backbone's features into masks (segmentation mapping),
    global pooling turns masks into clip scores (classification mapping), which the binary
    cross-entropy compares with the clip's labels (Eq. 1, with both of its terms).

    Inference adds "masks" (K, H, T) to what :class:`FrameClassifier` returns; "clip_scores" are the
    pooled ones, and "frame_scores" the masks' mean over frequency, 0 for a class whose clip score
    is not above ``gate``. Events have ``low_hz`` and ``high_hz`` (R,), the range of their mask.

    With ``level`` "frame" the features are averaged over frequency first: a frame-wise CNN, which
    has no masks.
    """

    @configurable
    def __init__(self, *, backbone, level, pooling, decay, gate, band_edges, **kwargs):
        """
        Args:
            level: "bin" or "frame".
            pooling: "rank" or "attention".
            decay: r of the rank pooling.
            gate: highest clip score that leaves a class without frame scores; one or one a class.
            band_edges: H + 1 frequencies that part the mel bands, in Hz.
        """
        if level not in ("bin", "frame"):
            raise ConfigError(f"MODEL.TFSEG.LEVEL is {level!r}, expected 'bin' or 'frame'")
        if pooling not in ("rank", "attention"):
            raise ConfigError(f"MODEL.TFSEG.POOLING is {pooling!r}, expected 'rank' or 'attention'")
        super().__init__(stride=1, offset=0.5, **kwargs)
        ((self.feature, shape),) = backbone.output_shape().items()
        self.backbone = backbone
        self.level = level
        self.has_masks = level == "bin"
        self.register_buffer("gate", torch.tensor(gate), persistent=False)
        self.classifier = nn.Conv2d(shape.channels, self.num_classes, 1)
        self.attention = None
        if pooling == "attention":
            self.attention = nn.Conv2d(shape.channels, self.num_classes, 1)
        self.pooling = AttentionPooling() if self.attention else GlobalRankPooling(decay)
        self.register_buffer("band_edges", torch.tensor(band_edges), persistent=False)

    @classmethod
    def from_config(cls, cfg):
        backbone = build_backbone(cfg)
        tfseg = cfg.MODEL.TFSEG
        return {
            **cls.shared_config(cfg, backbone.size_divisibility),
            "backbone": backbone,
            "level": tfseg.LEVEL,
            "pooling": tfseg.POOLING,
            "decay": tfseg.RANK_DECAY,
            "gate": gates(cfg),
            "band_edges": LogMel.from_config(cfg).band_edges(),
        }

    @classmethod
    def label_kinds(cls, cfg) -> LabelKinds:
        """Clip labels alone."""
        return LabelKinds(("weak",))

    def forward(self, batched_inputs):
        """See :meth:`FrameClassifier.forward`; training needs "clip_labels" (K,) alone."""
        if not self.training:
            return super().forward(batched_inputs)
        return self.losses([tags for _, tags in self.class_maps(batched_inputs)], batched_inputs)

    def class_maps(self, batched_inputs) -> list:
        """Input dicts -> (masks (K, H', T), clip scores (K,)) of each clip, probabilities."""
        images = self.clip_input(batched_inputs, self.device)
        x = self.backbone(images.tensor, ClipInput.lengths(images))[self.feature]
        if self.level == "frame":
            x = x.mean(2, keepdim=True)  # (N, C, H, T) -> (N, C, 1, T)
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            maps = [self.classifier(x).sigmoid()]
            if self.attention:
                maps.append(self.attention(x))
            if ClipInput.lengths(images) is None:
                return list(zip(maps[0], self._pooled(maps)))
            clips = []
            for i, (_, frames) in enumerate(images.image_sizes):
                cut = [one[i : i + 1, ..., :frames] for one in maps]
                clips.append((cut[0][0], self._pooled(cut)[0]))
            return clips

    @property
    def map_names(self) -> tuple:
        return ("scores", "masks") if self.has_masks else ("scores",)

    def clip_maps(self, x: torch.Tensor) -> dict:
        """See :meth:`FrameClassifier.clip_maps`; "masks" are (K, H, T)."""
        features = self.backbone(x)[self.feature]
        if self.level == "frame":
            features = features.mean(2, keepdim=True)
        maps = [self.classifier(features).sigmoid()]
        if self.attention:
            maps.append(self.attention(features))
        masks = maps[0][0]
        return {"scores": self._frame_scores(masks, self._pooled(maps)[0]), "masks": masks}

    def _pooled(self, maps) -> torch.Tensor:
        """Masks (N, K, H', T), and their attention logits where there are some -> (N, K)."""
        return self.pooling(*(one.flatten(2) for one in maps))

    def step_scores(self, batched_inputs) -> list:
        return [self._frame_scores(*maps) for maps in self.class_maps(batched_inputs)]

    def _frame_scores(self, masks, tags):
        """Masks and clip scores -> (T, K): mean over frequency, gated by the clip score."""
        return (masks.mean(1) * (tags > self.gate.to(tags.device))[:, None]).T

    def undecided(self, masks, tags) -> tuple:
        return masks.mean(1).T, tags

    def decide_by(self, cfg) -> None:
        """See :meth:`FrameClassifier.decide_by`; also the gates."""
        super().decide_by(cfg)
        self.gate = torch.tensor(gates(cfg), device=self.device)

    def losses(self, scores, batched_inputs) -> dict:
        """Binary cross-entropy over clips; scores are the (K,) probabilities of each clip."""
        targets = clip_targets(batched_inputs, self.num_classes)
        scores = torch.stack(scores)
        with torch.autocast(scores.device.type, enabled=False):
            return {"loss_clip": F.binary_cross_entropy(scores, targets.to(scores))}

    def from_maps(self, masks, tags, clip) -> dict:
        output = self.inference(self._frame_scores(masks, tags), clip)
        output["clip_scores"] = tags
        if self.has_masks:
            output["masks"] = masks
            seconds = clip.get("width", masks.shape[2]) / masks.shape[2]
            self._add_bands(output["instances"], masks, seconds)
        return output

    def _add_bands(self, instances, masks, seconds: float) -> None:
        """Give events the frequencies in Hz between which their mask is strong.

        Args:
            seconds: of a frame, in the unit of the instances' boxes.
        """
        found = regions_of(instances)
        edges = self.band_edges.cpu().numpy()
        found = with_bands(found, masks.detach().float().cpu().numpy(), edges, seconds)
        bounds = torch.from_numpy(found.bands)
        instances.low_hz, instances.high_hz = bounds.unbind(1)


def gates(cfg) -> list | float:
    """``MODEL.TFSEG.GATES``, one for each label, or ``GATE``; ConfigError for other numbers."""
    given = list(cfg.MODEL.TFSEG.GATES)
    if given and len(given) != len(cfg.DATASETS.LABELS):
        raise ConfigError(
            f"MODEL.TFSEG.GATES has {len(given)} numbers, expected 0 or "
            f"{len(cfg.DATASETS.LABELS)}, one for each of {list(cfg.DATASETS.LABELS)}"
        )
    return given or cfg.MODEL.TFSEG.GATE
