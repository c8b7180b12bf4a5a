"""Frame-level scores -> events: runs above a threshold, joined, dropped and cut by rules.

Shape shorthand: S time steps, K classes, R events.
"""

from dataclasses import dataclass

import numpy as np

from audiodet.postprocessing.regions import Regions


def step_edges(steps: int, stride: int, offset: float, frames: int) -> np.ndarray:
    """Where steps begin and end, in frames inside the clip: (S + 1,) float64."""
    return ((np.arange(steps + 1) + offset - 0.5) * stride).clip(0, frames)


def smooth(scores: np.ndarray, width: int | tuple) -> np.ndarray:
    """Median filter over time: (S, K) scores, ``width`` steps (made odd), or a width a class.

    Edges are repeated.
    """
    if isinstance(width, tuple):
        columns = zip(scores.T, width, strict=True)
        return np.stack([smooth(column[:, None], one)[:, 0] for column, one in columns], 1)
    if width < 2:
        return scores
    half = width // 2
    padded = np.pad(scores, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
    return np.partition(windows, half, axis=-1)[..., half]


def runs_above(scores: np.ndarray, low: float):
    """Runs of one class's (S,) scores that are at least ``low``: [(first, end, peak), ...]."""
    active = np.concatenate(([0], (scores >= low).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(active))
    runs = []
    for first, end in zip(edges[::2], edges[1::2]):
        runs.append((first, end, float(scores[first:end].max())))
    return runs


def cut_runs(scores: np.ndarray, runs: list, fraction: float, dip: int = 0) -> list:
    """Runs of one class's (S,) scores, each cut where it falls below a part of its peak.

    What is left before and after a peak is a run of its own: [(first, end, peak), ...]. Where the
    scores fall below that part for at most ``dip`` steps, the run goes on.
    """
    waiting = [(first, end) for first, end, _ in runs]
    cut = []
    while waiting:
        first, end = waiting.pop()
        if first >= end:
            continue
        peak = first + int(scores[first:end].argmax())
        inside = np.flatnonzero(scores[first:end] >= fraction * scores[peak]) + first
        breaks = np.flatnonzero(np.diff(inside) > dip + 1)
        parts = np.split(inside, breaks + 1)
        onset, offset = next((x[0], x[-1] + 1) for x in parts if x[0] <= peak <= x[-1])
        cut.append((onset, offset, float(scores[peak])))
        waiting += [(first, onset), (offset, end)]
    return cut


@dataclass(frozen=True)
class RunRules:
    """When runs of scores are joined or dropped (Kong et al. 2019, as released).

    Attributes:
        gap: runs with at most this many steps between them are joined; one for all classes or one
            for each.
        length: then a run of at most this many steps is dropped; likewise.
        high: lowest peak of a run that may be joined, one for all classes or one for each. A run
            that does not reach it goes only if it is short.
        fraction: last, a run is cut where it falls below this part of its peak (:func:`cut_runs`).
        dip: steps for which it may do so, one for all classes or one for each.
    """

    gap: float | tuple = 0
    length: float | tuple = 0
    high: tuple = (0.0,)
    fraction: float = 0.0
    dip: tuple = (0,)

    def apply(self, runs: list, label: int) -> list:
        """[(first, end, peak), ...] of one class in order of time -> the same by these rules."""
        high = of_label(self.high, label)
        gap = of_label(self.gap, label)
        length = of_label(self.length, label)
        faint = []
        joined = []
        for first, end, peak in runs:
            if peak < high:
                faint.append((first, end, peak))
                continue
            if joined and first - joined[-1][1] <= gap:
                first, last, highest = joined.pop()
                end = max(end, last)
                peak = max(peak, highest)
            joined.append((first, end, peak))
        return [run for run in faint + joined if run[1] - run[0] > length]

    def cut(self, scores: np.ndarray, runs: list, label: int) -> list:
        """The same runs of a class's (S,) scores after ``fraction``."""
        if not self.fraction:
            return runs
        return cut_runs(scores, runs, self.fraction, of_label(self.dip, label))

    def runs(self, scores: np.ndarray, low: float, label: int) -> list:
        """(S,) scores of a class -> its runs that are at least ``low``, by all these rules."""
        return self.cut(scores, self.apply(runs_above(scores, low), label), label)

    def connected(self, regions: Regions) -> Regions:
        """Events in frames, joined and dropped by ``gap`` and ``length`` in frames, best first."""
        runs = {}
        times = regions.times.tolist()
        for time, score, label in zip(times, regions.scores.tolist(), regions.classes.tolist()):
            runs.setdefault(label, []).append((*time, score))
        events = []
        for label, parts in sorted(runs.items()):
            events += [(*run, label) for run in self.apply(sorted(parts), label)]
        return Regions.of(events)


def of_label(values, label: int):
    """A class's value where there is one for each, else that of all."""
    if not isinstance(values, tuple):
        return values
    return values[label if len(values) > 1 else 0]


def regions_of_scores(scores, low, stride, offset, frames, rules=RunRules(), grow=0) -> Regions:
    """(S, K) scores -> events in frames, scored by their highest step, best first.

    Args:
        low: an event ends where its score falls below this; a number or one for each class.
        stride, offset: the centre of step i is frame (i + offset) * stride.
        frames: of the clip; events are cut to it.
        grow: steps by which an event is longer at either end than its run of scores.
    """
    events = []
    for label in range(scores.shape[1]):
        for first, end, peak in rules.runs(scores[:, label], of_label(low, label), label):
            onset = (first - grow + offset - 0.5) * stride
            events.append((onset, (end + grow + offset - 0.5) * stride, peak, label))
    found = Regions.of(events)
    return Regions(found.times.clip(0, frames), found.scores, found.classes)
