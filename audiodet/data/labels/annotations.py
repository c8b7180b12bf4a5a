"""Events and labels as dataset dicts hold them: made, weakened, merged, cut."""

import logging
from collections import defaultdict
from dataclasses import replace
from itertools import chain

from detectron2.structures import BoxMode

from audiodet.data.labels.rows import outside_clip

logger = logging.getLogger(__name__)


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


def lengthened(clip: dict, shortest: float) -> dict:
    """The same dataset dict with events of at least ``shortest`` seconds, inside the clip.

    A shorter one ends later, or begins earlier where the clip ends before.
    """
    annotations = []
    for annotation in clip["annotations"]:
        onset, _, offset, _ = annotation["bbox"]
        offset = min(max(offset, onset + shortest), max(offset, clip["width"]))
        onset = max(0.0, min(onset, offset - shortest))
        annotations.append({**annotation, "bbox": [onset, 0.0, offset, 1.0]})
    return {**clip, "annotations": annotations}


def merge_overlaps(clips: list[dict], name: str) -> list[dict]:
    """The same dataset dicts with overlapping or touching events of one label joined into one.

    A label per frame cannot tell them apart. Logs how many events of ``name`` went into another;
    the dicts given are left as they are.
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


def cut_long_clips(clips: list[dict], seconds: float, name: str) -> list[dict]:
    """The same dataset dicts with nothing after ``seconds``; one warning for all of ``name``.

    A clip that is cut has "cut_seconds", and only events that begin before; its weak labels stay
    as they are.
    """
    longer = [clip["width"] for clip in clips if clip["width"] > seconds]
    if longer:
        logger.warning(
            f"{name}: {len(longer)} of {len(clips)} recordings are longer than {seconds:g} s (the "
            f"longest {max(longer):.2f} s), only their first {seconds:g} s are used"
        )
    return [_cut(clip, seconds) if clip["width"] > seconds else clip for clip in clips]


def _cut(clip: dict, seconds: float) -> dict:
    annotations = []
    for annotation in clip.get("annotations", ()):
        onset, _, offset, _ = annotation["bbox"]
        if onset < seconds:
            annotations.append({**annotation, "bbox": [onset, 0.0, min(offset, seconds), 1.0]})
    return {**clip, "width": seconds, "cut_seconds": seconds, "annotations": annotations}


def cut_late_events(clips: dict, seconds: dict, name: str) -> dict:
    """The rows of each recording with nothing after its end; one warning for all of ``name``.

    An event that begins after the end is left out. What ends up to 0.05 s after it is cut as
    everywhere, and not counted.

    Args:
        clips: {recording: its :class:`Row` s}.
        seconds: {recording: its duration}.
    """
    late = []
    cut = {}
    for recording, rows in clips.items():
        end = seconds[recording]
        cut[recording] = []
        for row in rows:
            problem = outside_clip(row, end)
            if problem:
                late.append(problem)
            if row.onset is None:
                cut[recording].append(row)
            elif row.onset < end:
                cut[recording].append(replace(row, offset=min(row.offset, end)))
    if late:
        logger.warning(
            f"{name}: {len(late)} events end after their recording and are cut there or left out, "
            f"the first one: {late[0]}"
        )
    return cut
