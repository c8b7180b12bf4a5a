"""Recordings that are longer than the clips a system works on, or shorter than their labels."""

import logging
from dataclasses import replace

from audiodet.data.labels.table import outside_clip

logger = logging.getLogger(__name__)


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
