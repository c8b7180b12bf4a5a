"""What the windows of one recording say, joined into its detection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audiodet.events import Detection, Event, decide
from audiodet.inference.curves import CurveStitcher, ScoreCurves, curves_of_events
from audiodet.inference.detection import DrawnDetection
from audiodet.inference.reading import as_audio_error
from audiodet.inference.windows import Stitcher, Window
from audiodet.postprocessing.contrast import contrasted_nearby


@dataclass(frozen=True)
class Heard:
    """What the network says of one window; times are seconds from the window's start.

    Attributes:
        events: candidates.
        scores, edges: (S, K) and (S + 1,) of a frame-level system, else None.
    """

    events: list[Event]
    scores: np.ndarray | None = None
    edges: np.ndarray | None = None


class Recording:
    """A recording whose windows come in one by one.

    Attributes:
        duration: in seconds, once it has ended.
        windows: number of those that are in.
    """

    def __init__(self, detector, with_scores: bool = False):
        """
        Args:
            detector: a :class:`~audiodet.inference.detector.Detector`, which decides.
            with_scores: keep scores over time, which take memory.
        """
        self.detector = detector
        self.with_scores = with_scores
        self.duration = 0.0
        self.windows = 0
        self._stitcher = Stitcher(detector.grid)
        self._kept = []
        self._curves = CurveStitcher() if with_scores else None

    def add(self, heard: Heard, place: Window) -> None:
        """Take the next window."""
        settled = self._stitcher.add(heard.events, place.start, place.end, place.last)
        self._kept += decide(settled, self.detector.floors)
        self.duration = place.duration
        self.windows += 1
        if heard.scores is None:  # a region detector's: curves of its events
            self._curves = None
        if self._curves:
            self._curves.add(heard.scores, heard.edges, place.start)

    def part(self, events_before: int) -> dict:
        """What is known after these windows, as JSON; events but for the first that many."""
        return {
            "windows": self.windows,
            "end": self._stitcher.end,
            "events": self._kept[events_before:],
            "open": self._stitcher.open,
        }

    def continue_from(self, parts: Sequence[dict]) -> None:
        """Be as after the windows of :meth:`part` s, which are all from the begin on."""
        for part in parts:
            self._kept += part["events"]
        self.windows = parts[-1]["windows"]
        self._stitcher.end = parts[-1]["end"]
        self._stitcher.open = [Event(*event) for event in parts[-1]["open"]]

    def detection(self, source) -> Detection:
        """All windows are in."""
        kept = sorted(self._kept)
        if self.detector.contrast:
            kept = decide(contrasted_nearby(kept, self.detector.contrast), self.detector.floors)
        found = DrawnDetection(source, self.detector.decide(kept), self.duration, candidates=kept)
        if self.with_scores:
            found.scores = self._scores(kept)
        return found

    def _scores(self, kept: list[Event]) -> ScoreCurves:
        labels = self.detector.labels
        if self._curves:
            return self._curves.curves(labels, self.duration)
        step = self.detector.grid.cell / self.detector.grid.sample_rate
        return curves_of_events(kept, labels, self.duration, step)


def joined(detector, batches, parts, progress=None, with_scores=False) -> Iterator[Detection]:
    """Detections of recordings whose windows come in order, one recording at a time.

    Args:
        batches: pairs of [(source, (inputs, :class:`Window`) or an exception)] and the future of
            what is :class:`Heard` in those windows.
    """
    recording = Recording(detector, with_scores)
    for batch, heard in batches:
        of_windows = iter(heard.result())
        for source, window in batch:
            if isinstance(window, Exception):
                yield DrawnDetection(source, error=as_audio_error(source, window))
            else:
                place = window[1]
                parts.before(source, recording)
                recording.add(next(of_windows), place)
                parts.after(source, recording, place)
                if progress:
                    progress(source, place.end, place.duration)
                if not place.last:
                    continue
                yield recording.detection(source)
            recording = Recording(detector, with_scores)
