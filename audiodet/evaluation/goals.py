"""Thresholds and shortest lengths of events for a goal: the best F1, a precision, a rate of alarms.

Found on validation clips, label by label, over every threshold that makes a difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import Matching, check_clips, of_label
from audiodet.evaluation.scores import rates
from audiodet.evaluation.thresholds import counts_by_threshold

# Shortest lengths that are tried: parts of the length that 95 % of a label's true events reach.
LENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
WORTH = 1.0  # points of F1 or recall that a shortest length has to bring
COLUMNS = ("threshold", "precision", "recall", "F1", "false_alarms_per_hour")


@dataclass(frozen=True)
class Goal:
    """What thresholds are chosen for, each label by itself.

    Attributes:
        precision: in percent; the most hits with at least this precision.
        false_alarms_per_hour: the most hits with at most so many. Neither: the best F1.
    """

    precision: float | None = None
    false_alarms_per_hour: float | None = None

    def __str__(self) -> str:
        if self.precision is not None:
            return f"precision of at least {self.precision:g} %"
        if self.false_alarms_per_hour is not None:
            return f"at most {self.false_alarms_per_hour:g} false alarms an hour"
        return "best F1"

    def choose(self, curve: np.ndarray) -> tuple[int, bool]:
        """The row of a :func:`curve` that serves best, and whether it reaches the goal."""
        _, precision, recall, f1, alarms = curve.T
        good = np.ones(len(curve), bool)
        closest = np.zeros(len(curve))
        if self.precision is not None:
            good = precision >= self.precision
            closest = -precision
        elif self.false_alarms_per_hour is not None:
            good = (alarms <= self.false_alarms_per_hour) & (recall > 0)
            closest = np.where(recall > 0, alarms, np.inf)
        else:
            recall = f1
        if good.any():
            return int(np.lexsort((-f1, -recall, ~good))[0]), True
        return int(np.lexsort((-recall, closest))[0]), False


@dataclass
class Tuned:
    """What was chosen.

    Attributes:
        thresholds: lowest score of a reported event, by label.
        min_lengths: shortest reported event in seconds, by label.
        curves: {label: (T, 5)} of COLUMNS, from high thresholds to low, with the chosen shortest
            length; rates in percent, false alarms an hour of that label. Labels without a true
            event have none.
        chosen: {label: (5,)} of the chosen threshold.
        missed: {label: why its goal could not be reached, and what is the best that can}.
    """

    thresholds: dict[str, float] = field(default_factory=dict)
    min_lengths: dict[str, float] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    chosen: dict[str, np.ndarray] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)

    def decisions(self, goal: Goal, matching: Matching) -> dict:
        """What :func:`audiodet.inference.decisions.write_decisions` leaves beside a model."""
        return {
            "thresholds": self.thresholds,
            "min_lengths": self.min_lengths,
            "goal": str(goal),
            "collar": matching.collar,
            "offsets_scored": matching.evaluate_offset,
            "missed": self.missed,
        }


def tune_for_goal(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    goal: Goal = Goal(),
    matching: Matching = Matching(),
    fallback: dict[str, float] | None = None,
    lengths: bool = True,
) -> Tuned:
    """The threshold and shortest length of each label that serve a goal best.

    A threshold is the middle between the lowest score let in and the next one kept out. A shortest
    length other than 0 is chosen only where it brings a point of F1 or recall.

    Args:
        clips: validation recordings with their truth and all candidates, whatever their score.
        labels: of the model.
        fallback: thresholds of labels without a true event (0.5).
        lengths: choose shortest lengths too; else they are 0.

    Raises:
        DataError: no clips, or a label that is not the model's.
    """
    check_clips(clips, labels)
    hours = sum(clip.duration for clip in clips) / 3600
    if not hours:
        raise DataError("0 validation recordings, expected some to tune on")
    tuned = Tuned()
    for label in labels:
        scored = [clip for clip in clips if clip.is_scored(label)]
        true = sum(len(of_label(clip.reference, label)) for clip in scored)
        if not true:
            tuned.thresholds[label] = (fallback or {}).get(label, 0.5)
            tuned.min_lengths[label] = 0.0
            tuned.missed[label] = f"no true event, its threshold stays {tuned.thresholds[label]:g}"
            continue
        _tune_label(tuned, scored, label, goal, matching, hours, LENGTHS if lengths else (0.0,))
    return tuned


def _tune_label(tuned: Tuned, clips, label: str, goal: Goal, matching, hours: float, parts) -> None:
    best = None
    for part in parts:
        shortest = round(part * _usual_shortest(clips, label), 4)
        table = curve(clips, label, matching, shortest, hours)
        row, reached = goal.choose(table)
        worth = table[row, 3 if str(goal) == str(Goal()) else 2]
        if best is None or (reached, worth) > (best[3], best[4] + WORTH):
            best = (shortest, table, row, reached, worth)
    shortest, table, row, reached, _ = best
    below = min(row + 1, len(table) - 1)
    tuned.thresholds[label] = float((table[row, 0] + table[below, 0]) / 2)
    tuned.min_lengths[label] = float(shortest)
    tuned.curves[label] = table
    tuned.chosen[label] = table[row]
    if not reached:
        _, precision, recall, _, alarms = table[row]
        tuned.missed[label] = (
            f"{goal} cannot be reached; the best that can: precision {precision:.1f} %, recall "
            f"{recall:.1f} %, {alarms:.3g} false alarms an hour"
        )


def _usual_shortest(clips, label: str) -> float:
    """The length in seconds that 95 % of a label's true events reach."""
    lengths = []
    for clip in clips:
        lengths += [event.offset - event.onset for event in of_label(clip.reference, label)]
    return float(np.percentile(lengths, 5))


def curve(
    clips: Sequence[ClipResult], label: str, matching: Matching, shortest: float, hours: float
) -> np.ndarray:
    """(T, 5) of COLUMNS of a label at every threshold that makes a difference, from high to low.

    The first row reports nothing, and each next lets in one more score; a row holds for thresholds
    down to, but without, that of the next row.

    Args:
        shortest: events shorter than this, in seconds, are left out.
        hours: of all clips, in which false alarms are counted.
    """
    thresholds, counts = counts_by_threshold(clips, label, matching, shortest=shortest)
    table = rates(counts)
    columns = [table[name] for name in COLUMNS[1:4]]
    return np.column_stack([thresholds, *columns, counts[:, 1] / hours])
