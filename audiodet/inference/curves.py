"""How sure a model is over time: the scores of each label at each time step of a recording.

Shape shorthand: S time steps, K labels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from audiodet.events import Event


@dataclass(frozen=True)
class ScoreCurves:
    """Scores over time.

    Attributes:
        labels: the K labels.
        edges: (S + 1,) where the steps begin and end, in seconds from the recording's start.
        scores: (S, K) in [0, 1], float32.
    """

    labels: tuple[str, ...]
    edges: np.ndarray
    scores: np.ndarray

    @property
    def seconds(self) -> np.ndarray:
        """(S,) centres of the steps, in seconds."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    def __getitem__(self, label: str) -> np.ndarray:
        """(S,) scores of a label."""
        return self.scores[:, self.labels.index(label)]


class CurveStitcher:
    """Joins a frame-level system's scores of overlapping windows.

    In the overlap of two windows each step comes from the window that hears more around it.
    """

    def __init__(self):
        self.ends = []  # of the steps, in seconds, one array a window
        self.scores = []

    def add(self, scores: np.ndarray, edges: np.ndarray, start: float) -> None:
        """Take the next window's scores (S, K) and edges (S + 1,), from its start in seconds."""
        edges = edges + start
        inside = np.diff(edges) > 1e-9  # steps of padding after a recording's end have no length
        ends = edges[1:][inside]
        scores = scores[inside]
        if self.ends:
            middle = (start + self.ends[-1][-1]) / 2
            kept = self.ends[-1] <= middle + 1e-9
            self.ends[-1] = self.ends[-1][kept]
            self.scores[-1] = self.scores[-1][kept]
            last = self.ends[-1][-1] if kept.any() else start
            later = ends > last + 1e-9
            ends = ends[later]
            scores = scores[later]
        self.ends.append(ends)
        self.scores.append(scores)

    def curves(self, labels: Sequence[str], duration: float) -> ScoreCurves:
        """All steps, the last one up to the recording's end."""
        starts = np.concatenate([[0.0], *self.ends])[:-1]
        inside = starts < duration
        edges = np.append(starts[inside], duration)
        scores = np.concatenate(self.scores)[inside]
        return ScoreCurves(tuple(labels), edges, scores.astype(np.float32))


def curves_of_events(
    events: Iterable[Event], labels: Sequence[str], duration: float, step: float
) -> ScoreCurves:
    """What candidate events say of each step: the highest score among those at its centre.

    This is a region detector's curve, which is 0 where it proposes nothing. An event without a
    step's centre in it counts in the step of its own centre.

    Args:
        duration: of the recording, in seconds.
        step: in seconds; the last one may be shorter.
    """
    steps = max(1, int(np.ceil(duration / step - 1e-9)))
    edges = np.minimum(np.arange(steps + 1) * step, duration)
    centres = (edges[1:] + edges[:-1]) / 2
    scores = np.zeros((steps, len(labels)), np.float32)
    for event in events:
        first, end = np.searchsorted(centres, (event.onset, event.offset))
        if first == end:
            first = min(int((event.onset + event.offset) / 2 / step), steps - 1)
            end = first + 1
        part = scores[first:end, labels.index(event.label)]
        np.maximum(part, event.score, out=part)
    return ScoreCurves(tuple(labels), edges, scores)
