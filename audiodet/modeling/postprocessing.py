"""From a model's boxes to events, and from candidate events to the ones that are reported."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

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


class Event(NamedTuple):
    """One sound event; onset and offset are in seconds from the clip's start.

    ``low_hz`` and ``high_hz`` are its frequencies, None where the system does not know them.
    """

    onset: float
    offset: float
    label: str
    score: float = 1.0
    low_hz: float | None = None
    high_hz: float | None = None


def inside(instances, duration: float):
    """The Instances, boxes in seconds, that have something in [0, duration]."""
    onsets, _, offsets, _ = instances.pred_boxes.tensor.clamp(0.0, duration).unbind(1)
    return instances[offsets > onsets]


def events_from_instances(instances, labels: Sequence[str], duration: float) -> list[Event]:
    """A clip's detections as candidate events, in the order of the instances.

    Args:
        instances: detectron2 Instances with ``pred_boxes`` in seconds, ``scores`` and
            ``pred_classes``; ``low_hz`` and ``high_hz`` where a mask gives them.
        labels: label of each class.
        duration: the clip's end in seconds; events are cut to [0, duration], and one that has
            nothing in it is dropped.
    """
    instances = inside(instances, duration)
    boxes = instances.pred_boxes.tensor[:, [0, 2]].clamp(0.0, duration).tolist()
    scores, classes = instances.scores.tolist(), instances.pred_classes.tolist()
    bands = [(None, None)] * len(boxes)
    if instances.has("low_hz"):
        bands = zip(instances.low_hz.tolist(), instances.high_hz.tolist())
    return [
        Event(onset, offset, labels[k], score, *band)
        for (onset, offset), score, k, band in zip(boxes, scores, classes, bands)
    ]


def decide(
    events: Iterable[Event], thresholds: Mapping[str, float], best_event_per_clip: bool = False
) -> list[Event]:
    """The events of one clip that are reported, in order of onset.

    Args:
        events: candidate events of the clip.
        thresholds: an event stays when its score is at least the threshold of its label.
        best_event_per_clip: of each label only the highest score stays (of equal scores the
            earliest onset), the protocol of DCASE 2017 Task 2.
    """
    kept = sorted(event for event in events if event.score >= thresholds[event.label])
    if best_event_per_clip:
        best = {}
        for event in kept:
            if event.label not in best or event.score > best[event.label].score:
                best[event.label] = event
        kept = sorted(best.values())
    return kept


def thresholds_by_label(
    thresholds: float | Sequence[float] | Mapping[str, float], labels: Sequence[str]
) -> dict[str, float]:
    """One threshold for each label, from any form that a configuration or a model holds.

    Args:
        thresholds: one number for all labels (alone or in a sequence), one per label in their
            order, or a mapping that names every label.

    Raises:
        ConfigError: a label has no threshold, or there are too many.
    """
    if isinstance(thresholds, Mapping):
        if set(thresholds) != set(labels):
            raise ConfigError(
                f"thresholds are given for {sorted(thresholds)}, expected {sorted(labels)}"
            )
        return {label: float(thresholds[label]) for label in labels}
    values = list(thresholds) if isinstance(thresholds, Sequence) else [thresholds]
    if len(values) == 1:
        values *= len(labels)
    if len(values) != len(labels):
        raise ConfigError(
            f"TEST.THRESHOLDS has {len(values)} numbers, expected 1 or {len(labels)}, "
            f"one for each of {list(labels)}"
        )
    return dict(zip(labels, map(float, values)))
