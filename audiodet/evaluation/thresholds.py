"""Final thresholds: every one that matters is tried, on validation clips only."""

import logging
from collections.abc import Sequence

import numpy as np

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import Matching, of_label
from audiodet.evaluation.scores import rates
from audiodet.events import decide

logger = logging.getLogger(__name__)

LOG_ODDS = np.linspace(-9, 9, 361)  # thresholds that are tried where `log_odds` says so


def sweep_thresholds(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    best_event_per_clip: bool = False,
    matching: Matching = Matching(),
) -> dict[str, np.ndarray]:
    """ER and F1 of each label at every threshold that makes a difference.

    A threshold keeps the best-scored events of a clip, so sed_eval counts each such prefix once.

    Returns:
        for each label an array (thresholds, 3) of (threshold, ER, F1 in percent), from high to
        low: the first row reports nothing, and the next each let in one more score. A row holds
        for thresholds down to, but without, that of the next row. NaN without true events.
    """
    sweeps = {}
    for label in labels:
        counts = np.zeros(3)  # of the first row
        scores = [np.zeros(0)]
        changes = [np.zeros((0, 3))]
        for clip in clips:
            if clip.is_scored(label):
                steps, counts_at = _steps(clip, label, best_event_per_clip, matching)
                counts += counts_at[0]
                scores.append(steps)
                changes.append(np.diff(counts_at, axis=0))
        # Every distinct score of all clips together, from high to low.
        distinct, place = np.unique(-np.concatenate(scores), return_inverse=True)
        change = np.zeros((len(distinct), 3))
        np.add.at(change, place, np.concatenate(changes))
        table = rates(np.vstack([counts, counts + change.cumsum(axis=0)]))
        nothing = max(1.0, 0.01 - distinct[0]) if len(distinct) else 1.0  # a score may be 1.0
        thresholds = np.append(nothing, -distinct)
        sweeps[label] = np.column_stack([thresholds, table["ER"], table["F1"]])
    return sweeps


def tune_thresholds(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    best_event_per_clip: bool = False,
    matching: Matching = Matching(),
    fallback: float = 0.5,
    smoothing: float = 0.0,
    common: bool = False,
    log_odds: bool = False,
) -> dict[str, float]:
    """The threshold of each label with the lowest ER on validation clips.

    Of equal ER the higher F1 wins (both are never equal: every row lets in an event more), and
    the threshold is the middle between the lowest score let in and the next one kept out. With
    `smoothing`, the ER of a threshold is its mean over thresholds up to that far away, because
    the exact best is luck where validation has few sources; `common` takes one threshold for
    all labels, the best for their mean ER (it needs `smoothing`). With `log_odds`, `smoothing`
    measures thresholds by their log-odds: scores may lie close together near 0 or 1.

    A label without a true event gets `fallback`, and a warning.
    """
    sweeps = sweep_thresholds(clips, labels, best_event_per_clip, matching)
    known = {label: sweep for label, sweep in sweeps.items() if not np.isnan(sweep[0, 1])}
    thresholds = dict.fromkeys(labels, fallback)
    if common:
        sweeps = list(known.values())
        best = _smoothed_best(sweeps, smoothing, log_odds) if known else fallback
        return dict.fromkeys(labels, best)
    for label in thresholds:
        if label not in known:
            logger.warning(f"no validation event of {label!r}: its threshold stays {fallback}")
        elif smoothing:
            thresholds[label] = _smoothed_best([known[label]], smoothing, log_odds)
        else:
            thresholds[label] = _middle_of_best(known[label])
    return thresholds


def _steps(clip: ClipResult, label: str, best_event_per_clip: bool, matching: Matching):
    """Scores (S,) from high to low at which the clip's counts change, and counts (S + 1, 3)."""
    everything = {label: -np.inf}
    events = decide(of_label(clip.candidates, label), everything, best_event_per_clip)
    scores = np.unique([event.score for event in events])[::-1]
    true = of_label(clip.reference, label)
    counts = []
    for score in (np.inf, *scores):
        reported = decide(events, {label: score})
        (count,), _ = matching.count([label], true, reported, clip.duration)
        counts.append(count)
    return scores, np.array(counts)


def _middle_of_best(sweep: np.ndarray) -> float:
    thresholds, error_rate, f1 = sweep.T
    best = np.lexsort((-f1, error_rate))[0]
    below = min(best + 1, len(thresholds) - 1)
    return float((thresholds[best] + thresholds[below]) / 2)


def _smoothed_best(sweeps: Sequence[np.ndarray], smoothing: float, log_odds: bool) -> float:
    """Threshold with the lowest ER, mean over sweeps and over thresholds up to `smoothing` away."""
    places = LOG_ODDS if log_odds else np.linspace(0, 1, 201)
    grid = 1 / (1 + np.exp(-places)) if log_odds else places
    near = np.abs(places[:, None] - places) <= smoothing
    total = np.zeros(len(grid))
    for sweep in sweeps:
        row = np.searchsorted(-sweep[:, 0], -grid, side="right") - 1  # last row at or above
        total += near @ sweep[row.clip(min=0), 1] / near.sum(axis=1)
    return float(grid[np.argmin(total)])
