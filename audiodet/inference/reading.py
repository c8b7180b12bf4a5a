"""A recording, file or array, as windows of samples; whatever is wrong with it is an AudioError."""

import os
from collections.abc import Iterator

import numpy as np

from audiodet.audio.io import as_mono, audio_info, read_audio, read_blocks
from audiodet.audio.limits import Limits
from audiodet.errors import AudioError
from audiodet.inference.windows import Grid, Window, cut_windows


def read_windows(source, grid: Grid) -> Iterator[Window]:
    """The windows of a recording, in order.

    Args:
        source: a path, or (samples, sample_rate).
        grid: a recording that fits one of its windows is read whole, a longer one in blocks.

    Raises:
        AudioError: it cannot be used, or its file changed while it was read.
    """
    is_file = isinstance(source, (str, os.PathLike))
    if not is_file and not isinstance(source, tuple):
        raise AudioError(
            f"a {type(source).__name__} without sample_rate, expected a path, or samples and "
            "their rate"
        )
    try:
        state = file_state(source) if is_file else None
        duration, blocks, limits = _blocks(source, grid)
        for window in cut_windows(blocks, grid):
            if window.last and is_file and state != file_state(source):
                raise AudioError(f"{source}: changed while it was read, expected a whole file")
            if window.last:
                limits.warn()
            yield window._replace(duration=duration)
    except OSError as error:
        raise AudioError(f"{source_name(source)}: cannot be read ({error.strerror})") from error


def _blocks(source, grid: Grid) -> tuple[float, Iterator[np.ndarray], Limits]:
    """Length in seconds, mono blocks at the grid's rate, and what hears them."""
    rate = grid.sample_rate
    if isinstance(source, tuple):
        samples, source_rate = source
        mono = as_mono(samples, source_rate, rate)
        limits = Limits(source_name(source), source_rate, rate)
        limits.hear(np.asarray(samples))
        return len(samples) / source_rate, iter([mono]), limits
    info = audio_info(source)
    limits = Limits(source_name(source), info.sample_rate, rate)
    if info.duration * rate <= grid.size:
        return info.duration, iter([read_audio(source, rate, limits=limits)]), limits
    return info.duration, read_blocks(source, rate, grid.advance / rate, limits), limits


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
