"""Overlapping events of one label, which a label per frame cannot tell apart."""

import logging
from collections import defaultdict
from itertools import chain

logger = logging.getLogger(__name__)


def merge_overlaps(clips: list[dict], name: str) -> list[dict]:
    """The same dataset dicts with overlapping or touching events of one label joined into one.

    Logs how many events of ``name`` went into another; the dicts given are left as they are.
    """
    merged = []
    count = 0
    for clip in clips:
        annotations = clip.get("annotations", ())
        joined = _merge(annotations)
        count += len(annotations) - len(joined)
        merged.append({**clip, "annotations": joined})
    if count:
        logger.info(f"{name}: {count} events were merged into overlapping ones of their label")
    return merged


def _merge(annotations) -> list[dict]:
    by_label = defaultdict(list)
    for annotation in sorted(annotations, key=_onset):
        events = by_label[annotation["category_id"]]
        onset, _, offset, _ = annotation["bbox"]
        if events and onset <= events[-1]["bbox"][2]:
            first, _, last, _ = events[-1]["bbox"]
            events[-1] = {**events[-1], "bbox": [first, 0.0, max(last, offset), 1.0]}
        else:
            events.append(annotation)
    return sorted(chain.from_iterable(by_label.values()), key=_onset)


def _onset(annotation: dict) -> float:
    return annotation["bbox"][0]
