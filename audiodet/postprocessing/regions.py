"""What a system found in a clip, as arrays; and those arrays as candidate events.

Shape shorthand: R events of a clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from audiodet.events import Event


@dataclass(frozen=True)
class Regions:
    """Candidate events of a clip, best first.

    Attributes:
        times: (R, 2) float32, onset and offset in frames, or in seconds where it is said.
        scores: (R,) float32.
        classes: (R,) int64.
        bands: (R, 2) lowest and highest frequency in Hz, or None where it is not known.
    """

    times: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    bands: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index) -> "Regions":
        """The events of an index array or mask, in its order."""
        parts = [getattr(self, field.name) for field in fields(self)]
        return Regions(*(None if part is None else part[index] for part in parts))

    @classmethod
    def of(cls, events: Sequence[tuple]) -> "Regions":
        """[(onset, offset, score, class), ...] -> best first."""
        ranked = sorted(events, key=lambda event: -event[2])
        table = np.array(ranked, np.float32).reshape(-1, 4)
        return cls(table[:, :2], table[:, 2], table[:, 3].astype(np.int64))

    def clipped(self, end: float) -> "Regions":
        """With times cut to [0, end], where something is left."""
        times = self.times.clip(0, np.float32(end))
        bounded = Regions(times, self.scores, self.classes, self.bands)
        return bounded[times[:, 1] > times[:, 0]]

    def in_seconds(self, frames: int, width: float) -> "Regions":
        """From frames of a clip of ``frames`` frames that lasts ``width`` seconds."""
        times = self.times * np.float32(width / frames)
        return Regions(times, self.scores, self.classes, self.bands).clipped(width)

    def events(self, labels: Sequence[str], duration: float) -> list[Event]:
        """Times in seconds -> candidate events inside [0, duration], in the same order.

        Args:
            labels: label of each class.
            duration: the clip's end in seconds.
        """
        inside = self.clipped(duration)
        bands = [(None, None)] * len(inside)
        if inside.bands is not None:
            bands = inside.bands.tolist()
        names = [labels[k] for k in inside.classes]
        rows = zip(inside.times.tolist(), names, inside.scores.tolist(), bands)
        return [Event(*times, name, score, *band) for times, name, score, band in rows]
