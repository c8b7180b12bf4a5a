"""Counts of hits and errors, clip by clip: of each label, and of all labels together.

Events are counted by sed_eval, segments by sed_eval's rules in one pass of numpy.

One rule at the edges of segments and frames, whose times are no whole numbers in binary: a time
within EDGE seconds of an edge lies on it. An event that ends on an edge does not touch the next
segment; one that ends at 3.0000000000000004 s does not touch the fourth second.

Shape shorthand: K labels, S segments; for the last axis of counts see
:mod:`audiodet.evaluation.scores`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sed_eval.sound_event import EventBasedMetrics

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.scores import OVERALL, SEDScores
from audiodet.events import Agreement, Event

EDGE = 1e-5
# sed_eval's names of the overall counts of events.
EVENT_COUNTS = ("Nref", "Nsys", "Ntp", "Nsubs", "Nfn", "Nfp")


@dataclass(frozen=True)
class Matching(Agreement):
    """When a predicted event is a hit of a true one, counted by sed_eval's EventBasedMetrics."""

    @classmethod
    def from_config(cls, cfg) -> "Matching":
        """As the TEST section of a configuration says."""
        return cls(cfg.TEST.COLLAR, cfg.TEST.EVALUATE_OFFSET, cfg.TEST.OFFSET_FRACTION)

    def count(
        self, labels: Sequence[str], true: list[Event], reported: list[Event], duration: float
    ) -> tuple[list, list]:
        """Counts of one clip of `duration` seconds: (K, 3), and (6,) of all labels together.

        Overall, a missed event with a wrong one of another label in its place is one substitution.
        """
        metrics = EventBasedMetrics(
            event_label_list=list(labels),
            evaluate_offset=self.evaluate_offset,
            t_collar=self.collar,
            percentage_of_length=self.offset_fraction,
        )
        metrics.evaluate(sed_eval_list(true), sed_eval_list(reported))
        counts = []
        for label in labels:
            count = metrics.class_wise[label]
            counts.append((count["Ntp"], count["Nfp"], count["Nfn"]))
        return counts, [metrics.overall[name] for name in EVENT_COUNTS]


@dataclass(frozen=True)
class Segments:
    """Each segment of a clip that holds a part of an event counts for one.

    As sed_eval's SegmentBasedMetrics, but for the edges (see the module).

    Attributes:
        seconds: length of a segment.
    """

    seconds: float = 1.0

    def roll(self, labels: Sequence[str], events: Iterable[Event], duration: float) -> np.ndarray:
        """(S, K) whether a label's event is in a segment."""
        roll = np.zeros((math.ceil(duration / self.seconds), len(labels)), bool)
        for event in events:
            onset = event.onset + EDGE
            offset = max(event.offset - EDGE, onset)
            first = math.floor(onset / self.seconds)
            end = math.ceil(offset / self.seconds)
            roll[first:end, labels.index(event.label)] = True
        return roll

    def count(self, labels, true, reported, duration) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Matching.count`; the same in a segment."""
        true = self.roll(labels, true, duration)
        reported = self.roll(labels, reported, duration)
        hits = true & reported
        counts = np.stack([hits, reported & ~true, true & ~reported], axis=-1).sum(axis=0)
        in_truth = true.sum(axis=1)
        in_report = reported.sum(axis=1)
        correct = hits.sum(axis=1)
        substitutions = np.minimum(in_truth, in_report) - correct
        deletions = np.maximum(in_truth - in_report, 0)
        insertions = np.maximum(in_report - in_truth, 0)
        overall = np.stack([in_truth, in_report, correct, substitutions, deletions, insertions])
        return counts, overall.sum(axis=1)


def sed_eval_list(events: Iterable[Event]) -> list[dict]:
    """Events as sed_eval reads them."""
    keys = ("event_onset", "event_offset", "event_label")
    return [dict(zip(keys, event)) for event in events]


def score_clips(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    matching: Matching | Segments = Matching(),
) -> SEDScores:
    """Scores of the decided events (:func:`audiodet.events.decide`), event- or segment-based.

    Raises:
        DataError: two clips share a name, or an event has a label that is not in `labels`.
    """
    check_clips(clips, labels)
    counts = np.zeros((len(clips), len(labels), 3))
    overall = np.zeros((len(clips), len(OVERALL)))
    for i, clip in enumerate(clips):
        true = [event for event in clip.reference if clip.is_scored(event.label)]
        reported = clip.decided(thresholds, best_event_per_clip)
        if true or reported:
            counts[i], overall[i] = matching.count(labels, true, reported, clip.duration)
    return SEDScores(tuple(labels), list(clips), counts, overall)


def check_clips(clips: Sequence[ClipResult], labels: Sequence[str]) -> None:
    """See :func:`score_clips` for what is refused."""
    names = set()
    for clip in clips:
        if clip.name in names:
            raise DataError(f"{clip.name}: scored twice, expected every clip once")
        names.add(clip.name)
        known = {clip.target} | {event.label for event in (*clip.reference, *clip.candidates)}
        unknown = known - {None, *labels}
        if unknown:
            raise DataError(f"{clip.name}: label {min(unknown)!r}, expected {list(labels)}")


def of_label(events: Iterable[Event], label: str) -> list[Event]:
    """The events of one label."""
    return [event for event in events if event.label == label]
