"""Events and labels as dataset dicts hold them."""

from detectron2.structures import BoxMode


def event_annotation(onset: float, offset: float, category: int) -> dict:
    """The annotation of an event: a box of height 1 from onset to offset, in seconds."""
    return {
        "bbox": [onset, 0.0, offset, 1.0],
        "bbox_mode": BoxMode.XYXY_ABS,
        "category_id": category,
        "iscrowd": 0,
    }


def weakened(clip: dict) -> dict:
    """A strong dataset dict with the labels of its events, but without when they sound."""
    labels = sorted({annotation["category_id"] for annotation in clip["annotations"]})
    return {**clip, "annotations": [], "label_kind": "weak", "clip_labels": labels}
