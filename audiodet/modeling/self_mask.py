"""ResNet with a self-mask module on weak and strong labels (Kiyokawa et al., DCASE 2019 Task 4).

Shape shorthand: N clips, S cells of 8 frames, K classes, M maps, H mel bands, T frames.
"""

from typing import NamedTuple

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, build_backbone
from torch import nn
from torch.nn import functional as F

from audiodet.data.label_kinds import LabelKinds, kind_of
from audiodet.modeling.backbones.self_mask_resnet import STRIDE, pooled
from audiodet.modeling.frame_classifier import FrameClassifier
from audiodet.modeling.frame_events import clip_targets

KINDS = ("weak", "strong")


class Streams(NamedTuple):
    """What the network says about one clip; all but ``sound`` are logits.

    Attributes:
        cells: f^s, (S, K), each class in each cell.
        clip: f^c, (K,), the maximum of f^s over the cells.
        event: f^e, (S,), the maximum of f^s over the classes.
        mask: f^p, (S,), the mask's maximum over its bands and the frames of a cell; None without.
        sound: f^r, (S,) in [0, 1], the same of the spectrogram, see :func:`sounding`.
        mask_map: M^R, (M, H / 2, T / 2); None without a mask module.
    """

    cells: torch.Tensor
    clip: torch.Tensor
    event: torch.Tensor
    mask: torch.Tensor | None
    sound: torch.Tensor
    mask_map: torch.Tensor | None


def sounding(x: torch.Tensor) -> torch.Tensor:
    """f^r of normalised spectrograms (N, 1, H, T): (N, S).

    The paper's "tanh, threshold 0.5" is read as tanh(V) of the cell's maximum V where V is at
    least 0.5, else 0.
    """
    v = pooled(x, STRIDE)
    return torch.where(v >= 0.5, v.tanh(), 0.0)


@META_ARCH_REGISTRY.register()
class SelfMaskNet(FrameClassifier):
    """:class:`SelfMaskResNet` and one linear layer per cell; trained on weak and strong labels.

    Losses, with alpha = ``MODEL.SELF_MASK.ALPHA``:

    - ``loss_clip``: binary cross-entropy of f^c with the clip's labels, of weak and of strong clips
      (each the mean over its own), (1 / K) sum_k w_k BCE_k with w = softmax_k(1 / n_k) over the
      labels n_k of the training data of that kind (Eq. 3). As written, w is nearly 1 / K: the
      loss is a tenth of a plain mean with ten classes, and balances nothing.
    - ``loss_cell``: binary cross-entropy of f^s with the cells of strong clips.
    - ``loss_region``: alpha times :func:`region_loss` (Eq. 8).
    """

    @configurable
    def __init__(self, *, backbone, alpha: float, **kwargs):
        shape = backbone.output_shape()["time"]
        super().__init__(stride=shape.stride, **kwargs)
        self.backbone = backbone
        self.alpha = alpha
        self.classifier = nn.Linear(shape.channels, self.num_classes)
        uniform = torch.full((len(KINDS), self.num_classes), 1 / self.num_classes)
        self.register_buffer("class_weights", uniform)  # w of Eq. 3, a row for each kind of labels

    @classmethod
    def from_config(cls, cfg):
        return {
            **cls.shared_config(cfg),
            "backbone": build_backbone(cfg),
            "alpha": cfg.MODEL.SELF_MASK.ALPHA,
            "offset": cfg.MODEL.ANCHOR_GENERATOR.OFFSET,
        }

    @classmethod
    def label_kinds(cls, cfg) -> LabelKinds:
        """Weak and strong clips, each kind with its own losses."""
        return LabelKinds(("strong", "weak"), ignored=("unlabelled",), apart=True)

    @torch.no_grad()
    def measure(self, records) -> None:
        """Measure Eq. 3 on training records: clips of a label if weak, its events if strong."""
        for row, kind in enumerate(KINDS):
            counts = torch.zeros(self.num_classes)
            for record in records:
                if kind_of(record) != kind:
                    continue
                classes = record.get("clip_labels", ())
                if kind == "strong":
                    classes = [event["category_id"] for event in record.get("annotations", ())]
                for k in classes:
                    counts[k] += 1
            if counts.all():
                self.class_weights[row] = (1 / counts).softmax(0)

    def streams(self, batched_inputs) -> list[Streams]:
        """Input dicts -> the streams of each clip.

        Silence follows a clip up to ``INPUT.SPECTROGRAM.PAD_SECONDS``; its streams end with it. Of
        longer clips, at inference equally long ones go through together, so that a clip's streams
        do not depend on the others; in training batch norm sees one batch.
        """
        images = self.clip_input(batched_inputs, self.device)
        groups = self.clip_input.groups(images)
        if self.training:
            groups = [(range(len(batched_inputs)), images)]
        streams = [None] * len(batched_inputs)
        for members, group in groups:
            features = self.backbone(group.tensor)
            cells = self.classifier(features["time"].squeeze(2).transpose(1, 2))  # (N, S, K)
            sound = sounding(group.tensor)
            for place, i in enumerate(members):
                steps = self.backbone.steps(batched_inputs[i]["image"].shape[-1])
                clip = cells[place, :steps]
                mask = None
                mask_map = None
                if "mask" in features:
                    mask_map = features["mask"][place, ..., : steps * STRIDE // 2]
                    mask = pooled(mask_map[None], STRIDE // 2)[0]
                heard = sound[place, :steps]
                streams[i] = Streams(clip, clip.amax(0), clip.amax(1), mask, heard, mask_map)
        return streams

    def step_logits(self, batched_inputs) -> list:
        return [clip.cells for clip in self.streams(batched_inputs)]

    def clip_maps(self, x: torch.Tensor) -> dict:
        features = self.backbone(x)["time"]
        return {"scores": self.classifier(features.squeeze(2).transpose(1, 2))[0].sigmoid()}

    def forward(self, batched_inputs):
        if not self.training:
            return super().forward(batched_inputs)
        streams = self.streams(batched_inputs)
        losses = {
            "loss_clip": self.clip_loss(streams, batched_inputs),
            "loss_cell": self.strong_loss([clip.cells for clip in streams], batched_inputs),
        }
        if self.backbone.mask is not None:
            losses["loss_region"] = self.alpha * region_loss(streams)
        return losses

    def clip_loss(self, streams, batched_inputs) -> torch.Tensor:
        """The weighted binary cross-entropies of weak and of strong clips, added."""
        logits = torch.stack([clip.clip for clip in streams])
        targets = clip_targets(batched_inputs, self.num_classes)
        each = F.binary_cross_entropy_with_logits(logits, targets.to(logits), reduction="none")
        kinds = [kind_of(x) == "strong" for x in batched_inputs]
        strong = torch.tensor(kinds, device=logits.device)
        total = logits.new_zeros(())
        for weights, chosen in zip(self.class_weights, (~strong, strong)):  # by KINDS
            if chosen.any():
                total = total + (each[chosen] * weights).mean()  # over clips and classes
        return total


def region_loss(streams) -> torch.Tensor:
    """Eq. 8: the mean over all cells of BCE(f^p; target f^e) + BCE(f^e; target f^r).

    The mask learns from the classifier, the classifier from the spectrogram. The target of the
    first term is detached: the mask is to follow f^e and not to change it. f^r depends on no
    parameter.
    """
    mask = torch.cat([clip.mask for clip in streams])
    event = torch.cat([clip.event for clip in streams])
    sound = torch.cat([clip.sound for clip in streams])
    loss = F.binary_cross_entropy_with_logits
    return loss(mask, event.sigmoid().detach()) + loss(event, sound)
