"""Recordings that are longer than the clips a system works on, or shorter than their labels."""

import logging
from dataclasses import replace

from audiodet.data.labels.table import Row, outside_clip

logger = logging.getLogger(__name__)


def cut_long_clips(clips: list[dict], seconds: float, name: str) -> list[dict]:
    """The same dataset dicts with nothing behind ``seconds``; one warning for all of ``name``.

    A clip that is cut has "cut_seconds", and only events that begin before; its weak labels stay
    as they are.
    """
    longer = [clip for clip in clips if clip["width"] > seconds]
    if longer:
        longest = max(clip["width"] for clip in longer)
        logger.warning(
            f"{name}: {len(longer)} of {len(clips)} recordings are longer than {seconds:g} s (the "
            f"longest {longest:.2f} s), only their first {seconds:g} s are used"
        )
    return [_cut(clip, seconds) if clip["width"] > seconds else clip for clip in clips]


def _cut(clip: dict, seconds: float) -> dict:
    annotations = [
        {**a, "bbox": [a["bbox"][0], 0.0, min(a["bbox"][2], seconds), 1.0]}
        for a in clip.get("annotations", ())
        if a["bbox"][0] < seconds
    ]
    return {**clip, "width": seconds, "cut_seconds": seconds, "annotations": annotations}


def cut_late_events(clips: dict, seconds: dict, name: str) -> dict:
    """The rows of each recording with nothing behind its end; one warning for all of ``name``.

    An event that begins behind the end is left out. What ends up to 0.05 s behind it is cut as
    everywhere, and not counted.

    Args:
        clips: {recording: its :class:`Row` s}.
        seconds: {recording: its duration}.
    """
    problems = [outside_clip(row, seconds[key]) for key, rows in clips.items() for row in rows]
    late = [problem for problem in problems if problem]
    if late:
        logger.warning(
            f"{name}: {len(late)} events end behind their recording and are cut there or left out, "
            f"the first one: {late[0]}"
        )
    return {key: _inside(rows, seconds[key]) for key, rows in clips.items()}


def _inside(rows: list[Row], end: float) -> list[Row]:
    return [
        row if row.onset is None else replace(row, offset=min(row.offset, end))
        for row in rows
        if row.onset is None or row.onset < end
    ]
