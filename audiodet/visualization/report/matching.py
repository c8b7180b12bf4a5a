"""Which events are hits, at every threshold at once.

A threshold keeps the best-scored events, so events are let in from high to low. Whether one is a
hit then depends on those before it only: the largest matching (sed_eval's "optimal") of the
first n events grows by the n-th if and only if an augmenting path begins at it, and what was
matched stays matched (transversal matroid). So one score is kept of each true event, at which it
is found; misses and false alarms at a threshold are counted from that.
"""

from collections.abc import Sequence

from audiodet.events import Agreement, Event


def agree(true: Event, found: Event, matching: Agreement) -> bool:
    """Whether the times of two events agree, whatever their labels."""
    if abs(true.onset - found.onset) > matching.collar:
        return False
    if not matching.evaluate_offset:
        return True
    length = true.offset - true.onset
    return abs(true.offset - found.offset) <= max(
        matching.collar, matching.offset_fraction * length
    )


def match(
    truth: Sequence[Event], events: Sequence[Event], matching: Agreement
) -> tuple[list[bool], list[float | None]]:
    """Match the events of one recording and one label.

    Returns:
        for each of ``events`` whether it is a hit; and for each of ``truth`` the threshold at and
        below which it is found, None where no event finds it.
    """
    near = []
    for event in events:
        near.append([i for i, true in enumerate(truth) if agree(true, event, matching)])
    owner: dict[int, int] = {}  # true event -> its event
    hits = [False] * len(events)
    found: list[float | None] = [None] * len(truth)
    for j in sorted(range(len(events)), key=lambda j: -events[j].score):
        path = _augmenting_path(j, near, owner)
        if path:
            hits[j] = True
            found[path[-1][0]] = events[j].score
            owner.update(path)
    return hits, found


def _augmenting_path(start: int, near, owner: dict[int, int]) -> list[tuple[int, int]]:
    """New (true event, event) pairs from an event to the first free true event; [] for none."""
    came_from: dict[int, int] = {}  # true event -> the event that reached it
    owned: dict[int, int] = {}  # the reverse of ``owner``, as far as it was followed
    queue = [start]
    for event in queue:
        for true in near[event]:
            if true in came_from:
                continue
            came_from[true] = event
            if true not in owner:
                return _trace(true, start, came_from, owned)
            owned[owner[true]] = true
            queue.append(owner[true])
    return []


def _trace(true: int, start: int, came_from, owned) -> list[tuple[int, int]]:
    pairs = [(true, came_from[true])]
    while pairs[-1][1] != start:
        true = owned[pairs[-1][1]]
        pairs.append((true, came_from[true]))
    return pairs[::-1]
