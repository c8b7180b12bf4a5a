"""Polyphonic scores: sed_eval's counts of all labels together (micro average).

Segments are summed over the clips; where clips have scenes, over each scene's clips, and the
figures are the means over scenes (Çakır et al. 2017, section III-B; Mesaros et al. 2016).

Shape shorthand: N clips, G scenes, K labels; the last axis of counts is COUNTS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sed_eval.sound_event import SegmentBasedMetrics
from tabulate import tabulate

from audiodet.errors import DataError
from audiodet.evaluation.bootstrap import has_sources, interval, resample
from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import (
    Matching,
    check_clips,
    mean_over_labels,
    rates,
    sed_eval_list,
)

COUNTS = ("Nref", "Nsys", "Ntp", "S", "D", "I")
EVENT_COUNTS = ("Nref", "Nsys", "Ntp", "Nsubs", "Nfn", "Nfp")  # sed_eval's names of them for events
# A frame's edge is no whole number of frames in binary: events are narrowed to both sides by this,
# in seconds, so that rounding does not let them touch one more segment.
EPSILON = 1e-5


@dataclass(frozen=True)
class MicroScores:
    """Segment counts of every clip.

    Attributes:
        labels: the K labels.
        clips: the N clips.
        counts: (N, G, 6), zeros but for the clip's own scene.
        per_label: (N, K, 3) hits, insertions, deletions.
        scenes: the G scenes; (None,) where clips have none.
    """

    labels: tuple[str, ...]
    clips: list[ClipResult]
    counts: np.ndarray
    per_label: np.ndarray
    scenes: tuple


def score_micro(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    seconds: float = 1.0,
) -> MicroScores:
    """Count segments of ``seconds``; a segment that holds a part of an event is active.

    Raises:
        DataError: two clips share a name, or an event has a label that is not in ``labels``.
    """
    check_clips(clips, labels)
    scenes = sorted({clip.scene for clip in clips}, key=str)
    counts = np.zeros((len(clips), len(scenes), len(COUNTS)))
    per_label = np.zeros((len(clips), len(labels), 3))
    for i, clip in enumerate(clips):
        metrics = SegmentBasedMetrics(list(labels), time_resolution=float(seconds))
        decided = clip.decided(thresholds, best_event_per_clip)
        metrics.evaluate(_narrowed(clip.reference), _narrowed(decided), clip.duration)
        counts[i, scenes.index(clip.scene)] = [metrics.overall[name] for name in COUNTS]
        found = [metrics.class_wise[label] for label in labels]
        per_label[i] = [(c["Ntp"], c["Nfp"], c["Nfn"]) for c in found]
    return MicroScores(tuple(labels), list(clips), counts, per_label, tuple(scenes))


def _narrowed(events) -> list[dict]:
    inner = (
        e._replace(onset=e.onset + EPSILON, offset=max(e.offset - EPSILON, e.onset + EPSILON))
        for e in events
    )
    return sed_eval_list(inner)


def micro_events(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    thresholds: Mapping[str, float],
    best_event_per_clip: bool = False,
    matching: Matching = Matching(),
) -> dict[str, float]:
    """Event-based :func:`micro_rates` of all clips: sed_eval's overall figures.

    A missed event with a wrong one of another label in its place is one substitution. Clips count
    for the labels that they are scored for.
    """
    metrics = matching.metrics(labels)
    for clip in clips:
        true = [event for event in clip.reference if clip.is_scored(event.label)]
        found = clip.decided(thresholds, best_event_per_clip)
        metrics.evaluate(sed_eval_list(true), sed_eval_list(found))
    counts = [metrics.overall[name] for name in EVENT_COUNTS]
    return {name: float(value) for name, value in micro_rates(counts).items()}


def micro_rates(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Counts (..., 6) -> "F1" in percent, "ER" and its parts per true segment or event: (...)."""
    reference, system, hits, *errors = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    reference = np.where(reference > 0, reference, np.nan)
    names = ("substitutions", "deletions", "insertions")
    return {
        "F1": 200 * hits / (reference + system),
        "ER": sum(errors) / reference,
        **{name: count / reference for name, count in zip(names, errors)},
    }


def micro_results(scores: MicroScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value}: the means over scenes, "F1-<scene>" where there are scenes, "F1-<label>".

    "F1-low", "ER-high", "F1-source-low" ... bound 95 % intervals by clip and by source.
    """
    table = micro_rates(scores.counts.sum(axis=0))
    flat = {name: float(values.mean()) for name, values in table.items()}
    if scores.scenes != (None,):
        for name in ("F1", "ER"):
            flat.update({f"{name}-{s}": float(x) for s, x in zip(scores.scenes, table[name])})
    per_label = rates(scores.per_label.sum(axis=0))
    for name in ("F1", "ER"):
        flat.update({f"{name}-{k}": float(x) for k, x in zip(scores.labels, per_label[name])})
    for unit, suffix in [("clip", ""), ("source", "-source")] if n_bootstrap else ():
        if unit == "clip" or has_sources(scores):
            samples = micro_rates(resample([scores], n_bootstrap, seed, unit)[0])
            for name in ("F1", "ER"):
                low, high = interval(samples[name].mean(axis=-1))
                flat[f"{name}{suffix}-low"], flat[f"{name}{suffix}-high"] = low, high
    return flat


def label_results(scores: MicroScores, n_bootstrap: int = 0, seed: int = 0) -> dict[str, float]:
    """{metric: value}: "F1-<label>", "ER-<label>", "F1-mean", "ER-mean" over the labels that occur.

    "F1-<label>-low" ... bound 95 % intervals by clip.
    """

    def figures(counts):
        table = {name: rates(counts)[name] for name in ("F1", "ER")}
        flat = {f"{name}-mean": mean_over_labels(values) for name, values in table.items()}
        each = enumerate(scores.labels)
        flat.update({f"{name}-{x}": table[name][..., k] for k, x in each for name in table})
        return flat

    flat = {name: float(x) for name, x in figures(scores.per_label.sum(axis=0)).items()}
    if n_bootstrap:
        by_label = replace(scores, counts=scores.per_label)
        for name, drawn in figures(resample([by_label], n_bootstrap, seed, "clip")[0]).items():
            flat[f"{name}-low"], flat[f"{name}-high"] = interval(drawn)
    return flat


def micro_table(scores: MicroScores, flat: dict[str, float]) -> str:
    """F1 and ER in all, of each scene and of each label, for people."""
    names = ["", *(f"-{name}" for name in (*scores.scenes, *scores.labels) if name)]
    rows = [
        [name[1:] or "all", f"{flat[f'F1{name}']:.1f}", f"{flat[f'ER{name}']:.2f}"]
        for name in names
    ]
    return tabulate(rows, ["", "F1 %", "ER"], disable_numparse=True)


def micro_difference(a: Sequence[MicroScores], b: Sequence[MicroScores], n=1000, seed=0) -> dict:
    """{"F1": (a - b, low, high), "ER": ...} with 95 % intervals by clip.

    Each side is one or several trainings of a system, whose figures are averaged; all see the
    same resamples.

    Raises:
        DataError: two of them did not score the same clips.
    """
    everyone = [*a, *b]
    names = [[clip.name for clip in scores.clips] for scores in everyone]
    if any(other != names[0] for other in names):
        raise DataError("comparison of systems that did not score the same clips in one order")
    points = [micro_rates(scores.counts.sum(axis=0)) for scores in everyone]
    samples = [micro_rates(counts) for counts in resample(everyone, n, seed, "clip")]
    found = {}
    for name in ("F1", "ER"):
        point, drawn = (
            np.mean([t[name].mean(axis=-1) for t in tables[: len(a)]], axis=0)
            - np.mean([t[name].mean(axis=-1) for t in tables[len(a) :]], axis=0)
            for tables in (points, samples)
        )
        found[name] = (float(point), *interval(drawn))
    return found
