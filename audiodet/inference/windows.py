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
    start = 0
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > grid.size:
            yield Window(start, held[: grid.size], False)
            start += grid.advance
            held = held[grid.advance :]
    yield Window(start, held, True)


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
        """Events of a window that reach into the next one, and those of the next.

        Args:
            start, end: of the overlap, where the next window starts and this one ends.
        """
        middle = (start + end) / 2
        pairs = self._pairs(left, right, start, end)
        merged = [_merge(left[i], right[j], middle) for i, j in pairs]
        paired_left = {i for i, _ in pairs}
        paired_right = {j for _, j in pairs}
        single = []
        for i, event in enumerate(left):
            if i not in paired_left and _centre(event) < middle:
                single.append(event)
        for j, event in enumerate(right):
            if j not in paired_right and (_centre(event) >= middle or event.onset >= end):
                single.append(event)
        # One that lies like a merged event is a second, lesser hearing of it.
        return merged + [
            e for e in single if all(self._overlap(e, other) < SAME for other in merged)
        ]

    def _pairs(self, left: list, right: list, start: float, end: float) -> list[tuple[int, int]]:
        """Indices of events that are the same, the most alike first; each event once."""
        alike = []
        for i, a in enumerate(left):
            for j, b in enumerate(right):
                if b.onset < end:
                    overlap = self._overlap(_clip(a, start, end), _clip(b, start, end))
                    alike.append((overlap, i, j))
        alike.sort(key=lambda candidate: -candidate[0])
        pairs = []
        used_left = set()
        used_right = set()
        for overlap, i, j in alike:
            if overlap >= SAME and i not in used_left and j not in used_right:
                pairs.append((i, j))
                used_left.add(i)
                used_right.add(j)
        return pairs

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
