"""A recording's detection that can draw itself."""

import os
from collections.abc import Sequence

import numpy as np

from audiodet.audio.io import as_mono, audio_info, read_audio
from audiodet.errors import AudioError
from audiodet.events import Detection, Event

LONGEST = 60.0  # seconds that a picture shows unless it is told otherwise
SECONDS_PER_FRAME = 0.01
BANDS = 64
CURVES = 6  # labels whose scores a picture shows


class DrawnDetection(Detection):
    """What a :class:`~audiodet.inference.detector.Detector` gives."""

    def plot(
        self,
        path: str | os.PathLike,
        start: float = 0.0,
        seconds: float = LONGEST,
        truth: Sequence[Event] | None = None,
    ) -> str:
        """Draw the recording's spectrogram with the events, and the scores where it has them.

        The spectrogram is for the eye, the same for every model: 64 mel bands, a column every
        10 ms.

        Args:
            path: the picture, PNG or what the suffix says.
            start, seconds: the part that is drawn.
            truth: true events, drawn in red.

        Returns:
            which part of how much is drawn, in words.

        Raises:
            AudioError: the recording cannot be used, or ends before ``start``.
        """
        from audiodet.visualization.clip_plot import draw_clip, save_figure

        if self.error:
            raise self.error
        samples, rate = _part(self.source, start, seconds)
        end = start + len(samples) / rate
        name = os.path.basename(self.source) if isinstance(self.source, str) else "recording"
        said = f"{start:g} to {end:.2f} s of {self.duration:.2f} s"
        figure = draw_clip(
            *_log_mel(samples, rate, str(self.source)),
            truth=None if truth is None else _shifted(truth, start, end),
            detections=_shifted(self.events, start, end),
            curves=self._curves(start, end),
            title=f"{name}: {said}" + (", times from there" if start else ""),
        )
        save_figure(figure, path)
        return said

    def _curves(self, start: float, end: float) -> dict:
        """Scores in a part of the recording, of the labels that reach highest there."""
        if self.scores is None:
            return {}
        inside = (self.scores.seconds >= start) & (self.scores.seconds < end)
        if not inside.any():
            return {}
        part = self.scores.scores[inside]
        best = np.argsort(-part.max(axis=0), kind="stable")[:CURVES]
        seconds = self.scores.seconds[inside] - start
        return {self.scores.labels[k]: (seconds, part[:, k]) for k in sorted(best)}


def _part(source, start: float, seconds: float) -> tuple[np.ndarray, int]:
    """Mono samples of a part of a recording, and their rate."""
    if not isinstance(source, tuple):
        rate = audio_info(source).sample_rate
        return read_audio(source, rate, start, seconds), rate
    samples, rate = source
    part = samples[round(start * rate) : round((start + seconds) * rate)]
    if not len(part):
        raise AudioError(f"array: ends before {start:g} s, expected a start inside of it")
    return as_mono(part, rate, rate), rate


def _log_mel(samples: np.ndarray, rate: int, name: str) -> tuple:
    """(H, T) of a picture, seconds of its frames, and its lowest and highest frequency in Hz."""
    import torch

    from audiodet.data.spectrogram import LogMel

    n_fft = 1 << round(np.log2(0.04 * rate))
    front_end = LogMel(rate, n_fft, round(SECONDS_PER_FRAME * rate), BANDS, 0.0)
    front_end.check_length(samples, name)
    image = front_end(torch.from_numpy(samples)).numpy()
    return image, front_end.seconds_per_frame, front_end.f_min, front_end.f_max


def _shifted(events: Sequence[Event], start: float, end: float) -> list[Event]:
    """The events that sound in a part of a recording, with times from its start."""
    shown = []
    for event in events:
        if event.offset > start and event.onset < end:
            times = {"onset": max(event.onset, start) - start}
            times["offset"] = min(event.offset, end) - start
            shown.append(event._replace(**times))
    return shown
