"""Hits of one label at every threshold, in one pass: the largest matching grows by one path.

sed_eval counts hits as the largest one-to-one matching of true and reported events. An event more
makes it larger by at most one, along one augmenting path (Berge 1957), so each next threshold costs
a search and not a matching of its own: hours with thousands of events stay seconds.

Shape shorthand: C candidates, R true events, S distinct scores.
"""

from collections.abc import Sequence

import numpy as np

from audiodet.evaluation.counts import Matching
from audiodet.events import Event


def hits_by_score(
    reference: Sequence[Event], candidates: Sequence[Event], matching: Matching
) -> tuple[np.ndarray, np.ndarray]:
    """How each candidate changes a clip's counts, when they are let in by falling score.

    Args:
        reference, candidates: of one clip and one label.

    Returns:
        scores (C,) from high to low, and gains (C,): 1 where the candidate is a hit more, else 0
        (a false alarm more). Sums over equal scores are those of sed_eval.
    """
    ranked = sorted(candidates, key=lambda event: -event.score)
    gains = np.zeros(len(ranked), int)
    match(possible_hits(reference, ranked, matching), gains)
    return np.array([event.score for event in ranked]), gains


def match(edges: list[list[int]], gains: np.ndarray | None = None) -> dict[int, int]:
    """The largest matching, grown candidate by candidate -> {true event: candidate}.

    Args:
        edges: of :func:`possible_hits`.
        gains: (C,) gets 1 where a candidate made it larger.
    """
    taken = {}  # true event -> the candidate matched with it, by their indices
    held = {}  # and the other way round
    for number in range(len(edges)):
        found = _augment(number, edges, taken, held)
        if gains is not None:
            gains[number] = found
    return taken


def possible_hits(
    reference: Sequence[Event], candidates: Sequence[Event], matching: Matching
) -> list[list[int]]:
    """For each candidate the indices of the true events, of any label, that it may hit."""
    onsets = np.array([event.onset for event in reference])
    offsets = np.array([event.offset for event in reference])
    offset_collars = np.maximum(matching.collar, matching.offset_fraction * (offsets - onsets))
    edges = []
    for event in candidates:
        near = np.abs(onsets - event.onset) <= matching.collar
        if matching.evaluate_offset:
            near &= np.abs(offsets - event.offset) <= offset_collars
        edges.append(np.flatnonzero(near).tolist())
    return edges


def _augment(candidate: int, edges: list[list[int]], taken: dict, held: dict) -> bool:
    """Match a candidate more, moving others along a path; whether there is such a path."""
    came_from = {}  # true event -> the candidate that leads to it
    waiting = [candidate]
    while waiting:
        current = waiting.pop()
        for true in edges[current]:
            if true in came_from:
                continue
            came_from[true] = current
            if true not in taken:
                _move(true, came_from, taken, held)
                return True
            waiting.append(taken[true])
    return False


def _move(true: int | None, came_from: dict, taken: dict, held: dict) -> None:
    """Give a free true event, and all that this frees, to the candidates that lead there."""
    while true is not None:
        candidate = came_from[true]
        freed = held.get(candidate)  # None for the new candidate, which ends the path
        taken[true] = candidate
        held[candidate] = true
        true = freed
