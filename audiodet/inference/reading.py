"""A recording, file or array, as windows of samples; whatever is wrong with it is an AudioError."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from audiodet.audio.io import as_mono, audio_info, read_audio, read_blocks
from audiodet.errors import AudioError
from audiodet.inference.windows import Grid, cut_windows


class Section(NamedTuple):
    """A window of a recording.

    Attributes:
        samples: float32, mono, at the grid's rate.
        start, end: in seconds from the start of the recording.
        last: no window follows.
        duration: of the whole recording, in seconds.
    """

    samples: np.ndarray
    start: float
    end: float
    last: bool
    duration: float


def read_sections(source, grid: Grid) -> Iterator[Section]:
    """The windows of a recording, in order.

    Args:
        source: a path, or (samples, sample_rate).
        grid: a recording that fits one of its windows is read whole, a longer one in blocks.

    Raises:
        AudioError: it cannot be used, or its file changed while it was read.
    """
    rate = grid.sample_rate
    is_file = isinstance(source, (str, os.PathLike))
    if not is_file and not isinstance(source, tuple):
        raise AudioError(
            f"a {type(source).__name__} without sample_rate, expected a path, or samples and "
            "their rate"
        )
    try:
        state = file_state(source) if is_file else None
        duration, blocks = _blocks(source, grid)
        for first, samples, last in cut_windows(blocks, grid):
            if last and is_file and state != file_state(source):
                raise AudioError(f"{source}: changed while it was read, expected a whole file")
            start = first / rate
            yield Section(samples, start, start + len(samples) / rate, last, duration)
    except OSError as error:
        raise AudioError(f"{source_name(source)}: cannot be read ({error.strerror})") from error


def _blocks(source, grid: Grid) -> tuple[float, Iterator[np.ndarray]]:
    """Length in seconds, and mono blocks at the grid's rate."""
    rate = grid.sample_rate
    if isinstance(source, tuple):
        samples, source_rate = source
        mono = as_mono(samples, source_rate, rate)
        return len(samples) / source_rate, iter([mono])
    info = audio_info(source)
    if info.duration * rate <= grid.size:
        return info.duration, iter([read_audio(source, rate)])
    return info.duration, read_blocks(source, rate, grid.advance / rate)


def source_name(source) -> str:
    """What messages call a recording."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else "array"


def file_state(path: str | os.PathLike) -> list[int]:
    """What changes when a file does: bytes and time of change (ns); zeros when there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]


def as_audio_error(source, error: Exception) -> AudioError:
    """Whatever a decoder raises at a bad file is that file's error, not the run's."""
    if isinstance(error, AudioError):
        return error
    reason = " ".join(str(error).split()) or type(error).__name__
    message = f"{source_name(source)}: cannot be used ({type(error).__name__}: {reason})"
    return AudioError(message)
