"""Event- and segment-based scores: sed_eval counts, clip by clip; this module only adds up.

Policy where a ratio has no denominator: a label of which nothing was predicted has precision 0,
F1 0 and ER 1; a label without a single true event has no ER and no F1, is left out of the mean,
and stands in ``SEDScores.without_reference``. ``SEDScores.zero_f1`` scores its F1 0 instead.

Shape shorthand: N clips, K labels; the last axis of counts is (hits, insertions, deletions).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sed_eval.sound_event import EventBasedMetrics, SegmentBasedMetrics

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event


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

    def metrics(self, labels: Sequence[str]) -> EventBasedMetrics:
        """sed_eval's own, of these labels, with nothing counted yet."""
        return EventBasedMetrics(
            event_label_list=list(labels),
            evaluate_offset=self.evaluate_offset,
            t_collar=self.collar,
            percentage_of_length=self.offset_fraction,
        )

    def counts(self, label: str, true: Iterable[Event], found: Iterable[Event]) -> tuple:
        """(hits, insertions, deletions) of one clip; all events have this label."""
        metrics = self.metrics([label])
        return _counts(metrics.evaluate(sed_eval_list(true), sed_eval_list(found)), label)


@dataclass(frozen=True)
class SEDScores:
    """Counts of every clip and label, and the figures that follow from them.

    Attributes:
        labels: the K labels.
        clips: the N clips.
        counts: (N, K, 3); zeros where a clip is not scored for a label.
        zero_f1: a label without a true event has F1 0 and counts in the mean.
    """

    labels: tuple[str, ...]
    clips: list[ClipResult]
    counts: np.ndarray
    zero_f1: bool = False

    def rates(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """:func:`rates` by the policy of ``zero_f1``."""
        table = rates(counts)
        return {**table, "F1": np.nan_to_num(table["F1"])} if self.zero_f1 else table

    @property
    def totals(self) -> dict[str, np.ndarray]:
        """(hits, insertions, deletions) of each label over all clips."""
        return dict(zip(self.labels, self.counts.sum(axis=0)))

    @property
    def per_label(self) -> dict[str, dict[str, float]]:
        """:func:`rates` of each label."""
        table = self.rates(self.counts.sum(axis=0))
        return {
            label: {name: float(values[k]) for name, values in table.items()}
            for k, label in enumerate(self.labels)
        }

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each rate over the labels that have it."""
        table = self.rates(self.counts.sum(axis=0))
        return {name: float(mean_over_labels(values)) for name, values in table.items()}

    @property
    def without_reference(self) -> list[str]:
        """Labels without a true event."""
        return [label for label, (hits, _, missed) in self.totals.items() if hits + missed == 0]


def rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of counts (..., 3): arrays (...), NaN where there is no true event.

    ER = deletions + insertions, all three per true event; F1, precision and recall in percent.
    """
    hits, inserted, missed = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    true = np.where(hits + missed > 0, hits + missed, np.nan)
    return {
        "ER": (missed + inserted) / true,
        "F1": 100 * 2 * hits / (true + hits + inserted),
        "precision": 100 * hits / np.maximum(hits + inserted, 1) + 0 * true,
        "recall": 100 * hits / true,
        "deletions": missed / true,
        "insertions": inserted / true,
    }


def mean_over_labels(values: np.ndarray) -> np.ndarray:
    """(..., K) -> (...), leaving NaN out; NaN when no label is left."""
    known = ~np.isnan(values)
    number = known.sum(axis=-1)
    return np.where(number > 0, np.where(known, values, 0).sum(axis=-1), np.nan) / np.maximum(
        number, 1
    )


def score_clips(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    matching: Matching = Matching(),
) -> SEDScores:
    """Event-based scores of the decided events (:func:`audiodet.events.decide`).

    Raises:
        DataError: two clips share a name, or an event has a label that is not in `labels`.
    """

    def count(clip, label, true, found):
        return matching.counts(label, true, found)

    return _score(clips, labels, thresholds, best_event_per_clip, count)


def score_segments(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    seconds: float = 1.0,
) -> SEDScores:
    """Segment-based scores (sed_eval's SegmentBasedMetrics): each segment of a clip that holds
    a part of an event counts for one. `seconds` is the segment's length.

    Raises:
        DataError: see :func:`score_clips`.
    """

    def count(clip, label, true, found):
        metrics = SegmentBasedMetrics(event_label_list=[label], time_resolution=float(seconds))
        metrics.evaluate(sed_eval_list(true), sed_eval_list(found), clip.duration)
        return _counts(metrics, label)

    return _score(clips, labels, thresholds, best_event_per_clip, count)


def pool_scores(scores: Sequence[SEDScores]) -> SEDScores:
    """One result from several, such as the folds of a cross-validation with thresholds of their
    own.

    Raises:
        DataError: the labels differ, or a clip is in two of them.
    """
    labels = scores[0].labels
    for other in scores[1:]:
        if other.labels != labels:
            raise DataError(f"pooling scores of labels {other.labels}, expected {labels}")
    clips = [clip for part in scores for clip in part.clips]
    check_clips(clips, labels)
    counts = np.concatenate([part.counts for part in scores])
    return SEDScores(labels, clips, counts, scores[0].zero_f1)


def _score(clips, labels, thresholds, best_event_per_clip, count: Callable) -> SEDScores:
    """Call `count`(clip, label, true, found) wherever a clip is scored for a label."""
    check_clips(clips, labels)
    counts = np.zeros((len(clips), len(labels), 3))
    for i, clip in enumerate(clips):
        decided = clip.decided(thresholds, best_event_per_clip)
        for k, label in enumerate(labels):
            if clip.is_scored(label):
                true, found = of_label(clip.reference, label), of_label(decided, label)
                counts[i, k] = count(clip, label, true, found)
    return SEDScores(tuple(labels), list(clips), counts)


def of_label(events: Iterable[Event], label: str) -> list[Event]:
    """The events of one label."""
    return [event for event in events if event.label == label]


def check_clips(clips: Sequence[ClipResult], labels: Sequence[str]) -> None:
    """See :func:`score_clips` for what is refused."""
    seen = set()
    for clip in clips:
        if clip.name in seen:
            raise DataError(f"{clip.name}: scored twice, expected every clip once")
        seen.add(clip.name)
        named = {event.label for event in [*clip.reference, *clip.candidates]}
        if clip.target is not None:
            named.add(clip.target)
        if not named <= set(labels):
            raise DataError(
                f"{clip.name}: label {sorted(named - set(labels))[0]!r}, expected {list(labels)}"
            )


def sed_eval_list(events: Iterable[Event]) -> list[dict]:
    """Events as sed_eval reads them."""
    return [
        {"event_onset": e.onset, "event_offset": e.offset, "event_label": e.label} for e in events
    ]


def _counts(metrics, label: str) -> tuple:
    count = metrics.class_wise[label]
    return count["Ntp"], count["Nfp"], count["Nfn"]
