"""Why events are missed: what became of the best candidate of each clip that holds one."""

from collections import Counter
from collections.abc import Iterable, Mapping

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
    found = {}
    for clip in clips:
        label = clip.target
        kinds = found.setdefault(label, Counter())
        best = max(of_label(clip.candidates, label), key=lambda e: e.score, default=None)
        for event in of_label(clip.reference, label):
            kinds[_kind(event, best, thresholds[label], collar)] += 1
        if not clip.reference and best is not None and best.score >= thresholds[label]:
            kinds["false alarm"] += 1
    return found


def _kind(event, best, threshold: float, collar: float) -> str:
    if best is None:
        return "nothing"
    if abs(best.onset - event.onset) <= collar:
        return "hit" if best.score >= threshold else "unsure"
    if min(best.offset, event.offset) <= max(best.onset, event.onset):
        return "elsewhere"
    return "early" if best.onset < event.onset else "late"
