"""Post-processing hooks by name: what acts on a model's events before they become seconds."""

from detectron2.structures import Instances
from detectron2.utils.registry import Registry

from audiodet.errors import ConfigError

POSTPROCESSOR_REGISTRY = Registry("POSTPROCESSOR")


class Postprocessor:
    """A hook that acts on a model's events at inference, before boxes become seconds.

    Made from the configuration. A call takes input dicts with "image" and a list of Instances,
    boxes in frames, and returns the list of Instances, best first; one that looks at each clip
    alone has :meth:`on_clip` instead.

    Attributes:
        verifier: another model that the hook asks, else None.
    """

    verifier = None

    def __call__(self, batched_inputs, results: list[Instances]) -> list[Instances]:
        return [self.on_clip(result) for result in results]

    def on_clip(self, result: Instances) -> Instances:
        """The events of one clip in frames -> those that are left, best first."""
        raise NotImplementedError

    def numbers(self) -> dict:
        """For an export: {"name", ...}, as :mod:`audiodet.postprocessing.decoding` reads it.

        Raises:
            ConfigError: as by default, it is not exported.
        """
        raise ConfigError(f"MODEL.POSTPROCESSORS has {type(self).__name__}, which is not exported")


def build_postprocessors(cfg) -> list:
    """The hooks of ``MODEL.POSTPROCESSORS``, in order; ConfigError if one is not registered."""
    for name in cfg.MODEL.POSTPROCESSORS:
        if name not in POSTPROCESSOR_REGISTRY:
            known = ", ".join(name for name, _ in POSTPROCESSOR_REGISTRY)
            raise ConfigError(f"MODEL.POSTPROCESSORS names {name!r}, expected hooks among: {known}")
    return [POSTPROCESSOR_REGISTRY.get(name)(cfg) for name in cfg.MODEL.POSTPROCESSORS]
