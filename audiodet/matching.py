"""Hits of one label at every threshold, in one pass: the largest matching grows by one path.

sed_eval counts hits as the largest one-to-one matching of true and reported events. Events are let
in by falling score; one more makes the matching larger by at most one, along one augmenting path
(Berge 1957), and what was matched stays matched. So each next threshold costs a search and not a
matching of its own: hours with thousands of events stay seconds.

Shape shorthand: C candidates, R true events.
"""

from collections.abc import Sequence

import numpy as np

from audiodet.events import Agreement, Event


def hits_by_score(
    reference: Sequence[Event], candidates: Sequence[Event], matching: Agreement
) -> tuple[np.ndarray, np.ndarray]:
    """How each candidate changes a clip's counts, when they are let in by falling score.

    Args:
        reference, candidates: of one clip and one label.

    Returns:
        scores (C,) from high to low, and gains (C,): 1 where the candidate is a hit more, else 0
        (a false alarm more). Sums over equal scores are those of sed_eval.
    """
    ranked = by_score(candidates)
    found, _ = match(possible_hits(reference, ranked, matching))
    gains = np.array([true is not None for true in found], int)
    return np.array([event.score for event in ranked]), gains


def by_score(events: Sequence[Event]) -> list[Event]:
    """Events from the highest score to the lowest."""
    return sorted(events, key=lambda event: -event.score)


def possible_hits(
    reference: Sequence[Event], candidates: Sequence[Event], matching: Agreement
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


def match(edges: list[list[int]]) -> tuple[list[int | None], dict[int, int]]:
    """The largest matching, grown candidate by candidate.

    Args:
        edges: of :func:`possible_hits`.

    Returns:
        for each candidate the true event that is found since it was let in, None where it made the
        matching no larger; and at the end {true event: the candidate matched with it}.
    """
    taken = {}  # true event -> the candidate matched with it
    held = {}  # and the other way round
    found = [_augment(number, edges, taken, held) for number in range(len(edges))]
    return found, taken


def _augment(candidate: int, edges: list[list[int]], taken: dict, held: dict) -> int | None:
    """Match a candidate more along the shortest path -> the true event at its end, if any."""
    came_from = {}  # true event -> the candidate that leads to it
    waiting = [candidate]
    for current in waiting:
        for true in edges[current]:
            if true in came_from:
                continue
            came_from[true] = current
            if true not in taken:
                _move(true, came_from, taken, held)
                return true
            waiting.append(taken[true])
    return None


def _move(true: int | None, came_from: dict, taken: dict, held: dict) -> None:
    """Give a free true event, and all that this frees, to the candidates that lead there."""
    while true is not None:
        candidate = came_from[true]
        freed = held.get(candidate)  # None for the new candidate, which ends the path
        taken[true] = candidate
        held[candidate] = true
        true = freed
