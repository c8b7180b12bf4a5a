"""From a model's boxes in seconds to candidate events."""

from collections.abc import Sequence

from audiodet.events import Event
from audiodet.modeling.frame_events import regions_of


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
    return regions_of(instances).events(labels, duration)
