"""A recording of any length as overlapping windows, and their events joined into one list.

Windows start on whole time steps of the network, so a sound meets the same feature cells in each.
Times are seconds from the start of the recording.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from audiodet.errors import ConfigError
from audiodet.events import Event

SAME = 0.3  # two windows' events of a label are one when they overlap by this (IoU)


@dataclass(frozen=True)
class Grid:
    """Where windows lie, in samples at the model's rate.

    Attributes:
        sample_rate: in Hz.
        cell: one time step of the network.
        size: length of a window.
        advance: from the start of a window to the start of the next.
    """

    sample_rate: int
    cell: int
    size: int
    advance: int

    @classmethod
    def build(cls, sample_rate, cell, window, overlap, shortest) -> "Grid":
        """Round lengths up to whole cells.

        Args:
            window, overlap: in seconds.
            shortest: samples that the front end needs; the overlap is not shorter.

        Raises:
            ConfigError: the overlap is negative or longer than half a window.
        """
        size = math.ceil(window * sample_rate / cell)
        shared = math.ceil(max(overlap * sample_rate, shortest) / cell)
        if overlap < 0 or 2 * shared > size:
            raise ConfigError(
                f"windows of {window} s overlap by {overlap} s, expected 0 to "
                f"{size // 2 * cell / sample_rate:.2f} s, half a window, and windows of at least "
                f"{2 * math.ceil(shortest / cell) * cell / sample_rate:.2f} s"
            )
        return cls(sample_rate, cell, size * cell, (size - shared) * cell)


class Window(NamedTuple):
    """A part of a recording: its first sample's number, its samples, and whether it is the last."""

    start: int
    samples: np.ndarray
    last: bool


def cut_windows(blocks: Iterable[np.ndarray], grid: Grid) -> Iterator[Window]:
    """Consecutive blocks of any lengths -> windows of ``grid.size``; the last may be shorter.

    The last is longer than the overlap, or the only one. Holds one window and one block.
    """
    start, held = 0, np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > grid.size:
            yield Window(start, held[: grid.size], False)
            start, held = start + grid.advance, held[grid.advance :]
    yield Window(start, held, True)


class Stitcher:
    """Joins the events of consecutive windows of one recording.

    In the overlap of two windows, events of one label that lie alike are one event: each of its
    ends comes from the window that hears more around that end, so an event longer than the overlap
    is put together of its parts. What only one of the windows found stays when its centre lies in
    that window's half of the overlap.
    """

    def __init__(self, grid: Grid):
        self.advance = grid.advance / grid.sample_rate
        self.tolerance = grid.cell / grid.sample_rate / 2
        self.end, self.open = None, []

    def add(self, events: Iterable[Event], start: float, end: float, last: bool) -> list[Event]:
        """Take the next window's events; return those that no later window can change.

        Args:
            events: times from the start of the window.
            start, end: of the window.
            last: no window follows.
        """
        found = [
            e._replace(onset=e.onset + start, offset=min(e.offset + start, end)) for e in events
        ]
        if self.end is not None:
            found = self._join(self.open, found, start, self.end)
        self.end = end
        following = math.inf if last else start + self.advance
        self.open = [event for event in found if event.offset > following]
        return [event for event in found if event.offset <= following]

    def _join(self, left: list, right: list, start: float, end: float) -> list[Event]:
        """Events of a window, all reaching behind ``start``, and of the next, that starts there."""
        middle = (start + end) / 2
        pairs = self._pairs(left, right, start, end)
        joined = [_merge(left[i], right[j], middle) for i, j in pairs]
        paired_left, paired_right = {i for i, _ in pairs}, {j for _, j in pairs}
        single = [e for i, e in enumerate(left) if i not in paired_left and _centre(e) < middle]
        single += [
            e
            for j, e in enumerate(right)
            if j not in paired_right and (_centre(e) >= middle or e.onset >= end)
        ]
        return joined + [
            e for e in single if not any(self._alike(e, other) >= SAME for other in joined)
        ]

    def _pairs(self, left, right, start, end) -> list[tuple[int, int]]:
        """Indices of events that are the same, the most alike first; each event once."""
        inside = [[_clip(e, start, end) for e in side] for side in (left, right)]
        alike = sorted(
            (
                (self._alike(a, b), i, j)
                for i, a in enumerate(inside[0])
                for j, b in enumerate(inside[1])
                if b.onset < end and a.label == b.label
            ),
            key=lambda found: -found[0],
        )
        pairs, used = [], set()
        for score, i, j in alike:
            if score >= SAME and not used & {("left", i), ("right", j)}:
                pairs.append((i, j))
                used |= {("left", i), ("right", j)}
        return pairs

    def _alike(self, a: Event, b: Event) -> float:
        """IoU of two events, each widened to both sides by half a cell; 0 for other labels."""
        if a.label != b.label:
            return 0.0
        both = min(a.offset, b.offset) - max(a.onset, b.onset) + 2 * self.tolerance
        either = max(a.offset, b.offset) - min(a.onset, b.onset) + 2 * self.tolerance
        return max(both, 0.0) / either


def _merge(left: Event, right: Event, middle: float) -> Event:
    onset = (left if left.onset + right.onset < 2 * middle else right).onset
    offset = (left if left.offset + right.offset < 2 * middle else right).offset
    owner = left if onset + offset < 2 * middle else right
    if None not in (left.low_hz, right.low_hz):  # both parts of the event
        low, high = min(left.low_hz, right.low_hz), max(left.high_hz, right.high_hz)
        owner = owner._replace(low_hz=low, high_hz=high)
    return owner._replace(onset=min(onset, offset), offset=max(onset, offset))


def _centre(event: Event) -> float:
    return (event.onset + event.offset) / 2


def _clip(event: Event, start: float, end: float) -> Event:
    return event._replace(onset=max(event.onset, start), offset=min(event.offset, end))
