"""Post-processing hooks by name: what acts on a model's events before they become seconds."""

from detectron2.utils.registry import Registry

from audiodet.errors import ConfigError

# Hooks behind a detector, built from the configuration: (input dicts with "image", [Instances]
# with boxes in frames) -> [Instances]. They act before boxes become seconds.
POSTPROCESSOR_REGISTRY = Registry("POSTPROCESSOR")


def build_postprocessors(cfg) -> list:
    """The hooks named in ``MODEL.POSTPROCESSORS``, in order.

    Raises:
        ConfigError: no such hook.
    """
    for name in cfg.MODEL.POSTPROCESSORS:
        if name not in POSTPROCESSOR_REGISTRY:
            known = ", ".join(name for name, _ in POSTPROCESSOR_REGISTRY)
            raise ConfigError(f"MODEL.POSTPROCESSORS names {name!r}, expected hooks among: {known}")
    return [POSTPROCESSOR_REGISTRY.get(name)(cfg) for name in cfg.MODEL.POSTPROCESSORS]
