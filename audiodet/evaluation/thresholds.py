"""Final thresholds: every one that matters is tried, on validation clips only."""

import logging
from collections.abc import Sequence

import numpy as np

from audiodet.evaluation.clips import ClipResult
from audiodet.evaluation.counts import Matching, of_label
from audiodet.evaluation.scores import rates
from audiodet.events import decide
from audiodet.matching import hits_by_score

logger = logging.getLogger(__name__)

LOG_ODDS = np.linspace(-9, 9, 361)  # thresholds that are tried where `log_odds` says so


def sweep_thresholds(
    clips: Sequence[ClipResult],
    labels: Sequence[str],
    best_event_per_clip: bool = False,
    matching: Matching = Matching(),
) -> dict[str, np.ndarray]:
    """ER and F1 of each label at every threshold that makes a difference.

    Returns:
        for each label an array (T, 3) of (threshold, ER, F1 in percent), NaN without true events;
        the rows are those of :func:`counts_by_threshold`.
    """
    sweeps = {}
    for label in labels:
        scored = [clip for clip in clips if clip.is_scored(label)]
        thresholds, counts = counts_by_threshold(scored, label, matching, best_event_per_clip)
        table = rates(counts)
        sweeps[label] = np.column_stack([thresholds, table["ER"], table["F1"]])
    return sweeps


def counts_by_threshold(
    clips: Sequence[ClipResult],
    label: str,
    matching: Matching,
    best_event_per_clip: bool = False,
    shortest: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds (T,) of a label from high to low; hits, insertions and deletions (T, 3) at each.

    The first row reports nothing, and the next each let in one more score. A row holds for
    thresholds down to, but without, that of the next row.

    Args:
        clips: those that are scored for the label.
        shortest: events shorter than this, in seconds, are left out.
    """
    scores = [np.zeros(0)]
    gains = [np.zeros(0)]
    true = 0
    rules = ({label: -np.inf}, best_event_per_clip, {label: shortest})
    for clip in clips:
        reference = of_label(clip.reference, label)
        true += len(reference)
        events = decide(of_label(clip.candidates, label), *rules)
        for values, part in zip((scores, gains), hits_by_score(reference, events, matching)):
            values.append(part)
    distinct, place = np.unique(-np.concatenate(scores), return_inverse=True)
    changes = np.zeros((len(distinct), 2))  # reported, hits
    np.add.at(changes, place, np.column_stack([np.ones(len(place)), np.concatenate(gains)]))
    reported, hits = np.vstack([np.zeros(2), changes.cumsum(axis=0)]).T
    nothing = max(1.0, 0.01 - distinct[0]) if len(distinct) else 1.0  # a score may be 1.0
    counts = np.column_stack([hits, reported - hits, true - hits])
    return np.append(nothing, -distinct), counts


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
