"""Raw PCM from a pipe -> events, as soon as no later sound can change them."""

import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from audiodet.audio.io import as_mono, resample_pieces
from audiodet.audio.raw import StreamLimits
from audiodet.events import Event
from audiodet.inference.detector import Detector
from audiodet.inference.formats import SAMPLE_FORMATS
from audiodet.inference.windows import Stitcher, cut_windows

PIECE = 0.25  # seconds read at a time


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
        AudioError: NaN or infinite samples, or the stream begins like a compressed file.
    """
    kind, scale = SAMPLE_FORMATS[sample_format]
    frame = np.dtype(kind).itemsize * channels
    size = max(1, round(PIECE * sample_rate)) * frame
    limits = StreamLimits("stdin", sample_rate)
    while data := stream.read(size):
        limits.begin(data)
        whole = len(data) - len(data) % frame
        if whole:
            samples = np.frombuffer(data[:whole], kind).reshape(-1, channels)
            samples = samples.astype(np.float32) / scale
            yield as_mono(samples, sample_rate, sample_rate, "stdin")
            limits.hear(samples)
        if whole < len(data):
            print(
                f"warning: stdin ends with {len(data) - whole} bytes, expected whole frames of "
                f"{frame} bytes ({channels} channels of {sample_format})",
                file=sys.stderr,
            )
    limits.warn()


def detect_stream(detector: Detector, pieces, sample_rate: int) -> Iterator[Event]:
    """Events of a stream, each once no later sound can change it.

    An event is delivered at the latest when a window's length of sound (``detector.grid.size``)
    and one piece have come in after its end.

    Args:
        detector: its window is the delay.
        pieces: mono float32 pieces at ``sample_rate``, in Hz.
    """
    grid = detector.grid
    stitcher = Stitcher(grid)
    resampled = resample_pieces(pieces, sample_rate, grid.sample_rate)
    for window in cut_windows(resampled, grid):
        if len(window.samples) < detector.log_mel.n_fft:  # only a stream shorter than that
            return
        (candidates,) = detector.candidates([detector.features(window.samples, "stdin")])
        settled = stitcher.add(candidates, window.start, window.end, window.last)
        yield from detector.decide(settled)
