"""detectron2's configuration, read without running code, whose classes follow its labels."""

import io
from collections.abc import Mapping

import yaml
from detectron2.config import CfgNode

from audiodet.config.expressions import Loader

# Architectures whose number of classes stands in MODEL.RETINANET.
DENSE_DETECTORS = ("RetinaNet", "FCOS")
# Paths of the training's machine, of no use elsewhere.
PATHS = (
    "MODEL.WEIGHTS",
    "MODEL.BACKBONE.INIT_WEIGHTS",
    "MODEL.PRETRAINED.CACHE_DIR",
    "INPUT.CACHE_DIR",
    "DATASETS.SOUNDBANK",
)


def follow_labels(cfg: CfgNode) -> None:
    """Give every head that ``cfg`` builds as many classes as DATASETS.LABELS, in place.

    A frozen configuration, too: yacs merges into those as well.
    """
    classes = len(cfg.DATASETS.LABELS)
    cfg.MODEL.ROI_HEADS["NUM_CLASSES"] = classes
    if cfg.MODEL.META_ARCHITECTURE in DENSE_DETECTORS:
        cfg.MODEL.RETINANET["NUM_CLASSES"] = classes


def with_class_counts(cfg: CfgNode) -> CfgNode:
    """A copy of ``cfg`` for which :func:`follow_labels` holds."""
    copy = cfg.clone()
    follow_labels(copy)
    return copy


def value_of(cfg: CfgNode, full_key: str):
    """The value of a dotted key, or None where there is no such key."""
    for part in full_key.split("."):
        if not isinstance(cfg, CfgNode) or part not in cfg:
            return None
        cfg = cfg[part]
    return cfg


def as_arguments(settings: Mapping) -> list[str]:
    """{key: value} as the KEY VALUE pairs of a command line."""
    arguments = []
    for key, value in settings.items():
        arguments += [key, str(value)]
    return arguments


def to_detect_with(cfg: CfgNode, thresholds: dict[str, float]) -> CfgNode:
    """A training's configuration for use anywhere: final thresholds by label, no paths of its home.

    One event a clip, the protocol of benchmarks, is not kept: a recording may hold many.
    """
    cfg = cfg.clone()
    cfg.defrost()
    cfg.TEST.THRESHOLDS = [float(thresholds[label]) for label in cfg.DATASETS.LABELS]
    cfg.TEST.TUNE_THRESHOLDS = False
    cfg.TEST.BEST_EVENT_PER_CLIP = False
    for key in PATHS:
        if value_of(cfg, key) is not None:  # an older version has not all of them
            cfg.merge_from_list([key, ""])
    cfg.DATASETS.CUSTOM = []
    cfg.OUTPUT_DIR = "output"
    return cfg


class ConfigNode(CfgNode):
    """What :func:`audiodet.get_cfg` returns: detectron2's node, with three differences.

    A YAML never runs code (of the python tags only arithmetic is read, see
    :mod:`audiodet.config.expressions`); an integer may stand where a float is expected; and the
    number of classes follows DATASETS.LABELS whenever something is merged.
    """

    @classmethod
    def _open_cfg(cls, filename: str) -> io.StringIO:
        """The file as plain YAML, its arithmetic done."""
        with super()._open_cfg(filename) as file:
            content = yaml.load(file, Loader)
        return io.StringIO(yaml.safe_dump(content, sort_keys=False))

    @classmethod
    def _decode_cfg_value(cls, value):
        """yacs would make this class of a part, and then find that types differ."""
        return value if isinstance(value, CfgNode) else super()._decode_cfg_value(value)

    def merge_from_other_cfg(self, cfg_other: CfgNode) -> None:
        super().merge_from_other_cfg(_with_floats(cfg_other, self))
        self._follow_labels()

    def merge_from_list(self, cfg_list: list) -> None:
        merged = list(cfg_list)
        for place in range(0, len(merged) - 1, 2):
            merged[place + 1] = _as_float(merged[place + 1], value_of(self, merged[place]))
        super().merge_from_list(merged)
        self._follow_labels()

    def _follow_labels(self) -> None:
        if "LABELS" in self.get("DATASETS", {}):  # not in a part of a configuration
            follow_labels(self)


def _with_floats(changes: CfgNode, known: CfgNode) -> CfgNode:
    """``changes`` as nodes of the types of ``known``, with floats wherever that has floats."""
    result = type(known)()
    for key, value in changes.items():
        before = known.get(key)
        if isinstance(value, CfgNode) and isinstance(before, CfgNode):
            result[key] = _with_floats(value, before)
        else:
            result[key] = _as_float(value, before)
    return result


def _as_float(value, known):
    """A float for an integer, also for its text, where the known value is a float."""
    if not isinstance(known, float):
        return value
    decoded = CfgNode._decode_cfg_value(value)
    is_whole = isinstance(decoded, int) and not isinstance(decoded, bool)
    return float(decoded) if is_whole else value
