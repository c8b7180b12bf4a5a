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
    """A part of a recording.

    Attributes:
        samples: float32, mono, at the grid's rate.
        start, end: in seconds from the start of the recording.
        last: no window follows.
        duration: of the whole recording, in seconds, where it is known.
    """

    samples: np.ndarray
    start: float
    end: float
    last: bool
    duration: float = 0.0


def cut_windows(blocks: Iterable[np.ndarray], grid: Grid) -> Iterator[Window]:
    """Consecutive blocks of any lengths -> windows of ``grid.size``; the last may be shorter.

    The last is longer than the overlap, or the only one. Holds one window and one block.
    """
    first = 0  # sample of the next window
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > grid.size:
            yield _window(held[: grid.size], first, grid, last=False)
            first += grid.advance
            held = held[grid.advance :]
    yield _window(held, first, grid, last=True)


def _window(samples: np.ndarray, first: int, grid: Grid, last: bool) -> Window:
    start = first / grid.sample_rate
    return Window(samples, start, start + len(samples) / grid.sample_rate, last)


class Stitcher:
    """Joins the events of consecutive windows of one recording.

    In the overlap of two windows, events of one label that lie alike are one event: each of its
    ends comes from the window that hears more around that end, so an event longer than the overlap
    is put together of its parts. What only one of the windows hears stays when its centre lies in
    that window's half of the overlap.
    """

    def __init__(self, grid: Grid):
        self.advance = grid.advance / grid.sample_rate
        self.tolerance = grid.cell / grid.sample_rate / 2
        self.end = None  # of the window before, in seconds
        self.open = []  # its events that the next window may change

    def add(self, events: Iterable[Event], start: float, end: float, last: bool) -> list[Event]:
        """Take the next window's events; return those that no later window can change.

        Args:
            events: times from the start of the window.
            start, end: of the window.
            last: no window follows.
        """
        placed = []
        for event in events:
            offset = min(event.offset + start, end)
            placed.append(event._replace(onset=event.onset + start, offset=offset))
        if self.end is not None:
            placed = self._join(self.open, placed, start, self.end)
        self.end = end
        following = math.inf if last else start + self.advance
        self.open = [event for event in placed if event.offset > following]
        return [event for event in placed if event.offset <= following]

    def _join(self, left: list, right: list, start: float, end: float) -> list[Event]:
        """Events that reach into the overlap from the left, and those of the next window."""
        middle = (start + end) / 2
        left_only = dict(enumerate(left))
        right_only = dict(enumerate(right))
        merged = []
        for _, i, j in self._alike(left, right, start, end):
            if i in left_only and j in right_only:  # each event once
                merged.append(_merge(left_only.pop(i), right_only.pop(j), middle))
        single = [event for event in left_only.values() if _centre(event) < middle]
        for event in right_only.values():
            if _centre(event) >= middle or event.onset >= end:
                single.append(event)
        joined = list(merged)
        for event in single:  # one that lies like a merged event is a second, lesser hearing of it
            if all(self._overlap(event, other) < SAME for other in merged):
                joined.append(event)
        return joined

    def _alike(self, left: list, right: list, start: float, end: float) -> list[tuple]:
        """(overlap, index, index) of events that can be the same, the most alike first."""
        alike = []
        for i, a in enumerate(left):
            for j, b in enumerate(right):
                overlap = self._overlap(_clip(a, start, end), _clip(b, start, end))
                if b.onset < end and overlap >= SAME:
                    alike.append((overlap, i, j))
        return sorted(alike, key=lambda pair: -pair[0])

    def _overlap(self, a: Event, b: Event) -> float:
        """IoU of two events, each widened to both sides by half a cell; 0 for other labels."""
        if a.label != b.label:
            return 0.0
        both = min(a.offset, b.offset) - max(a.onset, b.onset) + 2 * self.tolerance
        either = max(a.offset, b.offset) - min(a.onset, b.onset) + 2 * self.tolerance
        return max(both, 0.0) / either


def _merge(left: Event, right: Event, middle: float) -> Event:
    """One event of two parts; on either side of ``middle`` one window hears more."""
    onset = (left if left.onset + right.onset < 2 * middle else right).onset
    offset = (left if left.offset + right.offset < 2 * middle else right).offset
    merged = left if onset + offset < 2 * middle else right
    if left.low_hz is not None and right.low_hz is not None:  # all that both parts have
        low = min(left.low_hz, right.low_hz)
        high = max(left.high_hz, right.high_hz)
        merged = merged._replace(low_hz=low, high_hz=high)
    return merged._replace(onset=min(onset, offset), offset=max(onset, offset))


def _centre(event: Event) -> float:
    return (event.onset + event.offset) / 2


def _clip(event: Event, start: float, end: float) -> Event:
    return event._replace(onset=max(event.onset, start), offset=min(event.offset, end))
