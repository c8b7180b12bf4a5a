"""Why events are missed: the best candidate of each clip, and what another system changes."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import of_label

KINDS = ("hit", "unsure", "early", "late", "elsewhere", "nothing")


def error_kinds(
    clips: Iterable[ClipResult], thresholds: Mapping[str, float], collar: float = 0.5
) -> dict[str, Counter]:
    """{label: how often each of KINDS}, and "false alarm": empty clips with an event reported.

    For clips with a target and at most one event of it, whose most confident candidate is looked
    at: "unsure" is at the right place but under the threshold; "early" and "late" overlap the event
    but begin more than ``collar`` seconds off; "elsewhere" does not overlap it.
    """
    counts = {}
    for clip in clips:
        label = clip.target
        kinds = counts.setdefault(label, Counter())
        best = max(of_label(clip.candidates, label), key=lambda e: e.score, default=None)
        for event in of_label(clip.reference, label):
            kinds[_kind(event, best, thresholds[label], collar)] += 1
        if not clip.reference and best is not None and best.score >= thresholds[label]:
            kinds["false alarm"] += 1
    return counts


def _kind(event, best, threshold: float, collar: float) -> str:
    if best is None:
        return "nothing"
    if abs(best.onset - event.onset) <= collar:
        return "hit" if best.score >= threshold else "unsure"
    if min(best.offset, event.offset) <= max(best.onset, event.onset):
        return "elsewhere"
    return "early" if best.onset < event.onset else "late"


def changes(before, after) -> dict[str, int]:
    """Clips that are wholly right after and were not before ("won"), and the reverse ("lost").

    Returns:
        {"<label> event won", "<label> empty lost", ...: clips}.
    """
    was_right, is_right = (
        scores.counts[:, :, 1:].sum(axis=(1, 2)) == 0 for scores in (before, after)
    )
    changed = Counter()
    for i in np.flatnonzero(was_right != is_right):
        clip = before.clips[i]
        kind = "event" if clip.reference else "empty"
        changed[f"{clip.target} {kind} {'won' if is_right[i] else 'lost'}"] += 1
    return dict(sorted(changed.items()))
