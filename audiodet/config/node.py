"""detectron2's configuration, read without running code, whose classes follow its labels."""

import io

import yaml
from detectron2.config import CfgNode

from audiodet.config.expressions import Loader

# Architectures whose number of classes stands in MODEL.RETINANET.
DENSE_DETECTORS = ("RetinaNet", "FCOS")


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
        """See :meth:`detectron2.config.CfgNode.merge_from_other_cfg`."""
        super().merge_from_other_cfg(_with_floats(cfg_other, self))
        self._follow_labels()

    def merge_from_list(self, cfg_list: list) -> None:
        """See :meth:`detectron2.config.CfgNode.merge_from_list`."""
        merged = list(cfg_list)
        for place in range(0, len(merged) - 1, 2):
            merged[place + 1] = _as_float(merged[place + 1], self._value_of(merged[place]))
        super().merge_from_list(merged)
        self._follow_labels()

    def _value_of(self, full_key: str):
        """The value of a dotted key, or None where there is no such key."""
        value = self
        for part in full_key.split("."):
            if not isinstance(value, CfgNode) or part not in value:
                return None
            value = value[part]
        return value

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
