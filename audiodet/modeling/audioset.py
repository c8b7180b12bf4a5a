"""AudioSet's 527 classes with times, from a network that was trained on it; nothing is added."""

import torch
from detectron2.config import configurable
from detectron2.modeling import META_ARCH_REGISTRY, build_backbone

from audiodet.errors import ConfigError
from audiodet.modeling.backbones.mn04 import AUDIOSET_CLASSES
from audiodet.modeling.backbones.mn04_weights import read_mn04
from audiodet.modeling.backbones.pretrained import SCORE_STEPS, steps_of
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.frame_classifier import FrameClassifier

LAST_LAYER = 16
STRIDE = 32  # frames of its time step


@META_ARCH_REGISTRY.register()
class AudioSetTagger(FrameClassifier):
    """The published classifier at every time step (0.32 s), over the mean of about a second."""

    @configurable
    def __init__(self, *, backbone, **kwargs):
        """
        Args:
            backbone: see :class:`PretrainedMaps`.

        Raises:
            ConfigError: another number of labels than AudioSet's.
        """
        super().__init__(stride=STRIDE, **kwargs)
        if self.num_classes != AUDIOSET_CLASSES:
            raise ConfigError(
                f"DATASETS.LABELS has {self.num_classes} labels, AudioSetTagger expects the "
                f"{AUDIOSET_CLASSES} of AudioSet (configs/pretrained/audioset.yaml)"
            )
        self.backbone = backbone
        backbone.trunk.classifier.requires_grad_(True)

    @classmethod
    def from_config(cls, cfg):
        return {
            **cls.shared_config(cfg),
            "backbone": build_backbone(cfg),
            "offset": cfg.MODEL.ANCHOR_GENERATOR.OFFSET,
        }

    def published_tensors(self, path: str) -> dict:
        """See :meth:`SEDModel.published_tensors`, and :func:`read_mn04` for its errors."""
        return {f"backbone.trunk.{name}": tensor for name, tensor in read_mn04(path).items()}

    def step_logits(self, batched_inputs) -> list:
        images = self.clip_input(batched_inputs, self.device)
        logits = self.batch_logits(images.tensor, ClipInput.lengths(images))
        steps = [steps_of(int(size[1]), STRIDE) for size in images.image_sizes]
        return [clip[:count] for clip, count in zip(logits, steps)]

    def batch_logits(self, x: torch.Tensor, lengths=None) -> torch.Tensor:
        """Clips (N, 1, H, T), and the frames of each where they differ -> (N, S, 527)."""
        last = self.backbone.flat_maps(x, lengths)[LAST_LAYER]
        ends = lengths and [steps_of(count, STRIDE) for count in lengths]
        return self.backbone.trunk.step_scores(last, SCORE_STEPS, ends).mT

    def clip_maps(self, x: torch.Tensor) -> dict:
        return {"scores": self.batch_logits(x)[0].sigmoid()}
