"""Scores of events weighed against what else their surroundings made a model believe.

Shape shorthand: R candidates of one label.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from audiodet.errors import ConfigError
from audiodet.events import Event

FLOOR = 0.003  # mean score of a quiet clip, from which on it counts
TINY = 1e-6  # scores are kept this far from 0 and 1
SURROUNDINGS = 30.0  # seconds about the middle of an event of a recording


def checked_weight(weight: float, name: str) -> float:
    """The weight of a contrast; ConfigError, which calls it ``name``, if it cannot be one."""
    if not (weight >= 0 and math.isfinite(weight)):
        raise ConfigError(f"{name} is {weight}, expected 0 or more")
    return weight


def contrasted(
    scores: Sequence[float], lengths: Sequence[float], whole: float, weight: float
) -> np.ndarray:
    """Scores of one clip's events of one label, each less what the others say of the clip.

    A background that resembles a label raises many candidates all along the clip; a threshold from
    other recordings does not know of it. The mean score of the rest of the clip does: with the
    length of the others as their weight it is the part of the clip that is believed to hold the
    label. From the log-odds of a score goes ``weight`` times the logarithm of that mean over FLOOR.

    Args:
        scores, lengths: of every candidate of the label, (R,), whatever their score.
        whole: length of the clip, in the unit of ``lengths``.
        weight: 0 leaves the scores as they are.

    Returns:
        (R,), none above its score.
    """
    scores = np.clip(np.asarray(scores, dtype=float), TINY, 1 - TINY)
    parts = scores * np.asarray(lengths, dtype=float) / whole
    return _less(scores, parts.sum() - parts, weight)


def contrasted_nearby(events: Iterable[Event], weight: float) -> list[Event]:
    """A recording's candidates with scores contrasted as a clip's are, in order of onset.

    Each has a clip of its own: the SURROUNDINGS about its middle, and the candidates of its label
    whose middle lies there.
    """
    by_label = {}
    for event in sorted(events, key=lambda event: event.onset + event.offset):
        by_label.setdefault(event.label, []).append(event)
    found = []
    for own in by_label.values():
        onsets, offsets, scores = np.array([(e.onset, e.offset, e.score) for e in own]).T
        scores = scores.clip(TINY, 1 - TINY)
        parts = scores * (offsets - onsets) / SURROUNDINGS
        sums = np.concatenate([[0.0], parts.cumsum()])
        middles = (onsets + offsets) / 2
        first = np.searchsorted(middles, middles - SURROUNDINGS / 2)
        after = np.searchsorted(middles, middles + SURROUNDINGS / 2, side="right")
        scores = _less(scores, sums[after] - sums[first] - parts, weight)
        found += [event._replace(score=float(score)) for event, score in zip(own, scores)]
    return sorted(found)


def _less(scores: np.ndarray, rest: np.ndarray, weight: float) -> np.ndarray:
    """Scores (R,) of which goes ``weight`` times the log of the mean score of the rest (R,)."""
    logits = np.log(scores / (1 - scores)) - weight * np.log1p(np.maximum(rest, 0.0) / FLOOR)
    return 1 / (1 + np.exp(-logits))
