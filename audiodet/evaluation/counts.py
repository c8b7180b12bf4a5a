"""Counts of hits and errors, clip by clip: of each label, and of all labels together.

Events are counted by sed_eval, segments by sed_eval's rules in one pass of numpy.

One rule at the edges of segments and frames, whose times are no whole numbers in binary: a time
within EDGE seconds of an edge lies on it. An event that ends on an edge does not touch the next
segment; one that ends at 3.0000000000000004 s does not touch the fourth second.

Shape shorthand: N clips, K labels, S segments; the last axis of counts is (hits, insertions,
deletions), that of overall counts :data:`audiodet.evaluation.scores.OVERALL`.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sed_eval.sound_event import EventBasedMetrics

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.scores import OVERALL, SEDScores
from audiodet.events import Event

EDGE = 1e-5
# sed_eval's names of the overall counts of events.
EVENT_COUNTS = ("Nref", "Nsys", "Ntp", "Nsubs", "Nfn", "Nfp")


@dataclass(frozen=True)
class Matching:
    """When a predicted event is a hit of a true one (sed_eval's EventBasedMetrics).

    Attributes:
        collar: largest distance of the onsets, in seconds.
        evaluate_offset: the offsets must agree too, within the larger of `collar` and
            `offset_fraction` of the true event's length.
    """

    collar: float = 0.5
    evaluate_offset: bool = False
    offset_fraction: float = 0.5

    @classmethod
    def from_config(cls, cfg) -> "Matching":
        return cls(cfg.TEST.COLLAR, cfg.TEST.EVALUATE_OFFSET, cfg.TEST.OFFSET_FRACTION)

    def count(
        self, labels: Sequence[str], true: Iterable[Event], reported: Iterable[Event]
    ) -> tuple[list, list]:
        """Counts of one clip: (K, 3), and (6,) of all labels together."""
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


def score_clips(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    matching: Matching = Matching(),
) -> SEDScores:
    """Event-based scores of the decided events (:func:`audiodet.events.decide`).

    Overall, a missed event with a wrong one of another label in its place is one substitution.

    Raises:
        DataError: two clips share a name, or an event has a label that is not in `labels`.
    """

    def count(clip, true, reported):
        return matching.count(labels, true, reported)

    return _score(clips, labels, thresholds, best_event_per_clip, count)


def score_segments(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    seconds: float = 1.0,
) -> SEDScores:
    """Segment-based scores: each segment of a clip that holds a part of an event counts for one.

    As sed_eval's SegmentBasedMetrics, but for the edges (see the module). `seconds` is the
    segment's length.

    Raises:
        DataError: see :func:`score_clips`.
    """

    def count(clip, true, reported):
        shape = (labels, math.ceil(clip.duration / seconds), seconds)
        return segment_counts(segment_roll(true, *shape), segment_roll(reported, *shape))

    return _score(clips, labels, thresholds, best_event_per_clip, count)


def segment_roll(
    events: Iterable[Event], labels: Sequence[str], segments: int, seconds: float
) -> np.ndarray:
    """(S, K) whether a label's event is in a segment."""
    roll = np.zeros((segments, len(labels)), bool)
    for event in events:
        onset = event.onset + EDGE
        offset = max(event.offset - EDGE, onset)
        first = math.floor(onset / seconds)
        end = math.ceil(offset / seconds)
        roll[first:end, labels.index(event.label)] = True
    return roll


def segment_counts(true: np.ndarray, reported: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two rolls (S, K) -> counts (K, 3), and (6,) of all labels together."""
    hits = true & reported
    errors = (reported & ~true, true & ~reported)
    counts = np.stack([hits, *errors], axis=-1).sum(axis=0)
    in_truth = true.sum(axis=1)
    in_report = reported.sum(axis=1)
    correct = hits.sum(axis=1)
    # In a segment, a missed label and an inserted one are one substitution.
    substitutions = np.minimum(in_truth, in_report) - correct
    deletions = np.maximum(in_truth - in_report, 0)
    insertions = np.maximum(in_report - in_truth, 0)
    overall = np.stack([in_truth, in_report, correct, substitutions, deletions, insertions])
    return counts, overall.sum(axis=1)


def _score(clips, labels, thresholds, best_event_per_clip, count: Callable) -> SEDScores:
    """Call `count`(clip, true events, reported events) once for every clip."""
    check_clips(clips, labels)
    counts = np.zeros((len(clips), len(labels), 3))
    overall = np.zeros((len(clips), len(OVERALL)))
    for i, clip in enumerate(clips):
        true = [event for event in clip.reference if clip.is_scored(event.label)]
        reported = clip.decided(thresholds, best_event_per_clip)
        if true or reported:
            counts[i], overall[i] = count(clip, true, reported)
    return SEDScores(tuple(labels), list(clips), counts, overall)


def pool_scores(scores: Sequence[SEDScores]) -> SEDScores:
    """One result from several, such as the folds of a cross-validation, each with its thresholds.

    Raises:
        DataError: the labels differ, or a clip is in two of them.
    """
    first = scores[0]
    clips = []
    for part in scores:
        if part.labels != first.labels:
            raise DataError(f"pooling scores of labels {part.labels}, expected {first.labels}")
        clips += part.clips
    check_clips(clips, first.labels)
    counts = np.concatenate([part.counts for part in scores])
    overall = np.concatenate([part.overall for part in scores])
    return SEDScores(first.labels, clips, counts, overall, first.zero_f1)


def of_label(events: Iterable[Event], label: str) -> list[Event]:
    """The events of one label."""
    return [event for event in events if event.label == label]


def check_clips(clips: Sequence[ClipResult], labels: Sequence[str]) -> None:
    """See :func:`score_clips` for what is refused."""
    names = set()
    for clip in clips:
        if clip.name in names:
            raise DataError(f"{clip.name}: scored twice, expected every clip once")
        names.add(clip.name)
        known = {event.label for event in (*clip.reference, *clip.candidates)}
        unknown = (known | {clip.target}) - {None, *labels}
        if unknown:
            raise DataError(f"{clip.name}: label {min(unknown)!r}, expected {list(labels)}")


def sed_eval_list(events: Iterable[Event]) -> list[dict]:
    """Events as sed_eval reads them."""
    keys = ("event_onset", "event_offset", "event_label")
    return [dict(zip(keys, event)) for event in events]
