"""The promise that every system keeps, so that nothing outside this package names one.

A system is a class in detectron2's META_ARCH_REGISTRY that inherits from :class:`SEDModel` and
from ``nn.Module`` or a detectron2 architecture. In training a call returns {name: loss}. In eval
mode it returns, without a gradient, for each clip a dict with

- "instances": ``pred_boxes`` (R, 4) in the unit of the input dict's "width" (seconds), ``scores``
  and ``pred_classes`` (R,), best first; ``low_hz`` and ``high_hz`` (R,) where it knows them;
- "frame_scores" (S, K), "frame_seconds" (S,), "frame_edges" (S + 1,) and "clip_scores" (K,), where
  it is a frame-level one;
- "masks" (K, H, T) where it ``has_masks``.

Shape shorthand: R events, S time steps, T frames, H mel bands, K classes.
"""

from detectron2.modeling import META_ARCH_REGISTRY
from torch import nn

from audiodet.data.label_kinds import LabelKinds
from audiodet.errors import ConfigError
from audiodet.modeling.clip_input import ClipInput
from audiodet.modeling.hooks.registry import Postprocessor


class SEDModel:
    """What a system offers; a mixin that stands in front of the class with the layers.

    Attributes:
        clip_input: input dicts -> normalised batch; every system sets it. Training from scratch
            fits its ``normalizer``.
        postprocessors: hooks that act on the events at inference, see :class:`Postprocessor`.
        has_masks: whether a clip's output has "masks".
        has_proposals: whether :meth:`propose` works.
    """

    clip_input: ClipInput
    postprocessors = ()
    has_masks = False
    has_proposals = False

    @classmethod
    def label_kinds(cls, cfg) -> LabelKinds:
        """Which clips the system learns from; by default from those whose labels have times."""
        return LabelKinds(("strong",))

    @property
    def has_backbone(self) -> bool:
        """Whether there is a child "backbone": the part that a freeze or other weights mean."""
        return "backbone" in dict(self.named_children())

    def backbone_for(self, key: str) -> nn.Module:
        """The part that the configuration's ``key`` is about; ConfigError if there is none."""
        if not self.has_backbone:
            raise ConfigError(f"{key} is set, but {type(self).__name__} has no backbone")
        return self.backbone

    @property
    def time_stride(self) -> int:
        """Frames of the coarsest time step; long recordings are cut at multiples of it."""
        if not self.has_backbone:
            raise NotImplementedError(f"{type(self).__name__} does not say its time stride")
        return max(shape.stride for shape in self.backbone.output_shape().values())

    def measure(self, records) -> None:
        """Look at the training records (dataset dicts) before the first step of a new training.

        What is measured belongs into buffers, which the checkpoint keeps. By default nothing is.
        """

    def published_tensors(self, path: str) -> dict | None:
        """Tensors by this model's names out of a file that its authors published.

        None, as by default, where the system reads only checkpoints of audiodet.
        """
        return None

    def propose(self, batched_inputs) -> list:
        """Input dicts -> Instances with ``proposal_boxes`` in frames and ``objectness_logits``."""
        raise NotImplementedError(f"{type(self).__name__} has no region proposals")

    @property
    def deciding(self):
        """The frame-level model whose rules make scores events; None where there is none."""
        return None

    @property
    def verifiers(self) -> list:
        """The other models that the hooks ask; their weights are no part of this one's."""
        models = []
        for hook in self.postprocessors:
            if isinstance(hook, Postprocessor) and hook.verifier is not None:
                models.append(hook.verifier)
        return models


def system_class(cfg) -> type:
    """The class that ``MODEL.META_ARCHITECTURE`` names; ConfigError if none is registered."""
    name = cfg.MODEL.META_ARCHITECTURE
    if name not in META_ARCH_REGISTRY:
        known = ", ".join(sorted(name for name, _ in META_ARCH_REGISTRY))
        raise ConfigError(f"MODEL.META_ARCHITECTURE is {name!r}, expected one of {known}")
    return META_ARCH_REGISTRY.get(name)


def label_kinds(cfg) -> LabelKinds:
    """Which clips the configured system learns from; detectron2's own learn from boxes."""
    system = system_class(cfg)
    if not (isinstance(system, type) and issubclass(system, SEDModel)):
        system = SEDModel
    return system.label_kinds(cfg)
