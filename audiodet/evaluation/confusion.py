"""Which labels are taken for which: true events against reported ones of any label."""

from collections.abc import Sequence

import numpy as np
from tabulate import tabulate

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import Matching, of_label
from audiodet.events import Event
from audiodet.matching import by_score, match, possible_hits

NOTHING = "(nothing)"


def confusion(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: dict[str, float],
    matching: Matching = Matching(),
) -> np.ndarray:
    """(K + 1, K + 1) events by true label (rows) and reported label (columns).

    The last row counts reports where nothing is, the last column events where nothing is reported.
    First each label's hits are matched, as they are scored; of what is left, a report of another
    label at a true event's time is a confusion. So the diagonal is the hits of the scores, and a
    row's other numbers are its misses.
    """
    number = {label: k for k, label in enumerate(labels)}
    table = np.zeros((len(labels) + 1, len(labels) + 1), int)
    for clip in clips:
        missed = []
        wrong = []
        reported = clip.decided(thresholds, False)
        for label in labels:
            true = [event for event in of_label(clip.reference, label) if clip.is_scored(label)]
            hits, *others = _pairs(true, of_label(reported, label), matching)
            table[number[label], number[label]] += len(hits)
            missed += others[0]
            wrong += others[1]
        confused, missed, wrong = _pairs(missed, wrong, matching)
        for true, found in confused:
            table[number[true.label], number[found.label]] += 1
        for event in missed:
            table[number[event.label], -1] += 1
        for event in wrong:
            table[-1, number[event.label]] += 1
    return table


def _pairs(true: list[Event], reported: list[Event], matching: Matching) -> tuple[list, list, list]:
    """The largest matching: pairs, true events left over, reported ones left over."""
    ranked = by_score(reported)
    _, taken = match(possible_hits(true, ranked, matching))
    pairs = [(true[i], ranked[j]) for i, j in taken.items()]
    matched = set(taken.values())
    missed = [event for i, event in enumerate(true) if i not in taken]
    wrong = [event for j, event in enumerate(ranked) if j not in matched]
    return pairs, missed, wrong


def confusion_text(table: np.ndarray, labels: Sequence[str]) -> str:
    """The table for people; labels without any event in it are left out."""
    names = [*labels, NOTHING]
    size = len(names)
    kept = [k for k in range(size) if k == size - 1 or table[k].any() or table[:, k].any()]
    rows = [[names[k], *(table[k, j] or "" for j in kept)] for k in kept]
    heads = ["true \\ reported", *(names[j] for j in kept)]
    return tabulate(rows, heads, disable_numparse=True, colalign=["left"] + ["right"] * len(kept))
