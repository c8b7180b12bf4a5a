"""Overlapping events of one label, which a label per frame cannot tell apart."""

import logging
from collections import defaultdict

logger = logging.getLogger(__name__)


def merge_overlaps(clips: list[dict], name: str) -> list[dict]:
    """The same dataset dicts with overlapping or touching events of one label joined into one.

    Logs how many events of ``name`` went into another; the dicts given are left as they are.
    """
    merged = [{**clip, "annotations": _merge(clip.get("annotations", ()))} for clip in clips]
    count = sum(
        len(a.get("annotations", ())) - len(b["annotations"]) for a, b in zip(clips, merged)
    )
    if count:
        logger.info(f"{name}: {count} events were merged into overlapping ones of their label")
    return merged


def _merge(annotations) -> list[dict]:
    of_label = defaultdict(list)
    for annotation in sorted(annotations, key=lambda a: a["bbox"][0]):
        events = of_label[annotation["category_id"]]
        onset, _, offset, _ = annotation["bbox"]
        if events and onset <= events[-1]["bbox"][2]:
            last = events[-1]["bbox"]
            events[-1] = {**events[-1], "bbox": [last[0], 0.0, max(last[2], offset), 1.0]}
        else:
            events.append(annotation)
    return sorted((a for events in of_label.values() for a in events), key=lambda a: a["bbox"][0])
