"""Raw PCM from a pipe -> events, as soon as no later sound can change them."""

import contextlib
import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from audiodet.audio.io import as_mono, resample_pieces
from audiodet.audio.raw import StreamLimits
from audiodet.errors import AudioError
from audiodet.events import Event
from audiodet.inference.detector import Detector
from audiodet.inference.formats import SAMPLE_FORMATS
from audiodet.inference.windows import Stitcher, cut_windows

PIECE = 0.25  # seconds read at a time
SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK = 0.2  # seconds between two looks whether a signal has come


class Stoppable(contextlib.AbstractContextManager):
    """A pipe that ends early when a signal asks for it, so that what was heard is not lost.

    Attributes:
        stopped: number of the signal, or 0.
    """

    def __init__(self, stream: BinaryIO):
        self.stream = stream
        self.stopped = 0
        self._before = {}

    def __enter__(self) -> "Stoppable":
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame) -> None:
        if self.stopped:  # a second time: at once
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.stopped = number

    def read(self, size: int) -> bytes:
        """``size`` bytes; fewer where the pipe has ended or a signal has come."""
        try:
            number = self.stream.fileno()
        except (AttributeError, io.UnsupportedOperation):  # no pipe
            return self.stream.read(size)
        data = b""
        while len(data) < size and not self.stopped:
            if select.select([number], [], [], LOOK)[0]:
                part = os.read(number, size - len(data))
                if not part:
                    break
                data += part
        return data


def stream_detector(model, thresholds, delay: float) -> Detector:
    """A detector whose windows are as long as ``delay`` seconds permit, and overlap by half.

    Raises:
        ConfigError: the delay is too short for the model.
    """
    whole = Detector(model, thresholds).grid
    cell = whole.cell / whole.sample_rate
    window = max(delay - 2 * PIECE - cell, 0.0)
    return Detector(model, thresholds, window, max(window / 2 - cell, 0.0))


def read_pcm(
    stream: BinaryIO, sample_rate: int, channels: int, sample_format: str
) -> Iterator[np.ndarray]:
    """Mono float32 pieces of a stream of interleaved samples, until it ends.

    Raises:
        AudioError: the stream cannot be read or begins like a compressed file, or NaN or infinite
            samples; what comes before them is given first.
    """
    kind, scale = SAMPLE_FORMATS[sample_format]
    frame = np.dtype(kind).itemsize * channels
    size = max(1, round(PIECE * sample_rate)) * frame
    limits = StreamLimits("stdin", sample_rate)
    while data := _read(stream, size):
        limits.begin(data)
        whole = len(data) - len(data) % frame
        if whole:
            samples = np.frombuffer(data[:whole], kind).reshape(-1, channels)
            samples = samples.astype(np.float32) / scale
            good = len(samples)
            finite = np.isfinite(samples).all(axis=1)
            if not finite.all():
                good = int(finite.argmin())
            for part in (samples[:good], samples[good:]):
                if len(part):
                    yield as_mono(part, sample_rate, sample_rate, "stdin")
                    limits.hear(part)
        if whole < len(data):
            print(
                f"warning: stdin ends with {len(data) - whole} bytes, expected whole frames of "
                f"{frame} bytes ({channels} channels of {sample_format})",
                file=sys.stderr,
            )
    limits.warn()


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise AudioError(f"stdin: cannot be read ({error.strerror}), expected raw PCM") from error


def detect_stream(detector: Detector, pieces, sample_rate: int) -> Iterator[Event]:
    """Events of a stream, each once no later sound can change it.

    An event is delivered at the latest when a window's length of sound (``detector.grid.size``)
    and one piece have come in after its end.

    Args:
        detector: its window is the delay.
        pieces: mono float32 pieces at ``sample_rate``, in Hz.

    Raises:
        AudioError: of ``pieces``, once the events before it are delivered.
    """
    grid = detector.grid
    stitcher = Stitcher(grid)
    errors = []
    resampled = resample_pieces(_until_error(pieces, errors), sample_rate, grid.sample_rate)
    for window in cut_windows(resampled, grid):
        if len(window.samples) < detector.log_mel.n_fft:  # only a stream shorter than that
            break
        (candidates,) = detector.candidates([detector.features(window.samples, "stdin")])
        settled = stitcher.add(candidates, window.start, window.end, window.last)
        yield from detector.decide(settled)
    if errors:
        raise errors[0]


def _until_error(pieces, errors: list) -> Iterator[np.ndarray]:
    """Pieces as if the stream ended where it cannot be used; ``errors`` gets why."""
    try:
        yield from pieces
    except AudioError as error:
        errors.append(error)
