"""Reading recordings: any format of libsndfile, one channel of float32, any sample rate.

Lengths are exact. N samples at the file's rate ``source`` become ``round(N * target / source)``
samples at the rate ``target`` (Python's round), for a whole file, a part of it, and the sum of
its blocks alike. Resampling is soxr's "HQ", which adds no delay.

A file that cannot be trusted raises :class:`~audiodet.errors.AudioError` instead of giving
silence or fewer samples: missing, no regular file, empty, undecodable, without samples, with
samples that are NaN, infinite or absurdly large (above 1e6; full scale is 1), of a rate outside
1 kHz to 1 MHz, or truncated. docs/audio.md says what is read, warned about and refused.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import soundfile as sf
import soxr

from audiodet.audio.limits import Limits
from audiodet.audio.recording import RATES, Recording
from audiodet.audio.samples import check_samples
from audiodet.errors import AudioError

QUALITY = "HQ"
MOST_CHANNELS = 64  # of an array that has more channels than samples
BLOCK_FRAMES = 1 << 19  # samples decoded at a time, counted before and after resampling


@dataclass(frozen=True)
class AudioInfo:
    """What a recording holds.

    Attributes:
        path: the file.
        sample_rate: in Hz.
        channels: number of channels.
        samples: samples per channel.
        duration: in seconds, ``samples / sample_rate``.
    """

    path: str
    sample_rate: int
    channels: int
    samples: int
    duration: float


def audio_info(path: str) -> AudioInfo:
    """Rate, channels and length of a recording.

    Nothing is decoded: what the header says, held against the file.

    Raises:
        AudioError: the file is missing, a folder, not permitted, empty, not audio, seen to be
            truncated, or has no samples.
    """
    path = os.fspath(path)
    with Recording(path) as file:
        rate = file.samplerate
        return AudioInfo(path, rate, file.channels, file.frames, file.frames / rate)


def read_audio(
    path: str,
    sample_rate: int | None = None,
    start: float = 0.0,
    duration: float | None = None,
    limits: Limits | None = None,
) -> np.ndarray:
    """Read a recording, or a part of it, as the mean of its channels.

    Args:
        path: wav (8 to 32 bit, float), flac, ogg, mp3 or what else libsndfile decodes.
        sample_rate: rate to resample to, in Hz; None keeps the file's.
        start: where to begin, in seconds, rounded to the file's nearest sample.
        duration: how much to read, in seconds, at most what there is; None reads to the end.
        limits: hears the samples before they are mixed and resampled.

    Returns:
        float32 (samples,), see the module's docstring for its exact length.

    Raises:
        AudioError: as the module's docstring says, or nothing lies between start and the end.
    """
    path = os.fspath(path)
    with Recording(path) as file:
        first, count = _part(file, start, duration)
        mono = np.concatenate(list(_decode(file, first, count, BLOCK_FRAMES, limits)))
        return _resampled(mono, file.samplerate, sample_rate or file.samplerate)


def read_blocks(
    path: str, sample_rate: int | None, seconds: float, limits: Limits | None = None
) -> Iterator[np.ndarray]:
    """Read a recording of any length in consecutive blocks; memory does not grow with the file.

    Args:
        path, limits: see :func:`read_audio`.
        sample_rate: rate to resample to, in Hz; None keeps the file's.
        seconds: length of a block; only the last one may be shorter.

    Yields:
        float32 arrays of shape (round(seconds * sample_rate),). Joined they equal
        ``read_audio(path, sample_rate)``: same length, values within 1e-5.

    Raises:
        AudioError: see :func:`read_audio`; bad samples are found when their block is reached.
    """
    path = os.fspath(path)
    with Recording(path) as file:
        rate = sample_rate or file.samplerate
        most = max(1, round(BLOCK_FRAMES * min(1, file.samplerate / rate)))
        source = _decode(file, 0, file.frames, most, limits)
        pieces = resample_pieces(source, file.samplerate, rate)
        size = round(seconds * rate)
        if size < 1:
            raise AudioError(f"{path}: blocks of {seconds} s, expected at least one sample")
        rest = np.zeros(0, np.float32)
        for piece in pieces:
            rest = np.concatenate([rest, piece])
            while len(rest) >= size:
                yield rest[:size]
                rest = rest[size:]
        if len(rest):
            yield rest


def resample_pieces(pieces: Iterable[np.ndarray], source: int, target: int) -> Iterator[np.ndarray]:
    """Mono float32 pieces at the rate ``source`` -> at ``target``, as long as promised in all."""
    if source == target:
        yield from pieces
        return
    stream = soxr.ResampleStream(source, target, 1, dtype="float32", quality=QUALITY)
    read = written = 0
    for piece in pieces:
        read += len(piece)
        out = stream.resample_chunk(piece)
        written += len(out)
        yield out
    missing = _resampled_length(read, source, target) - written
    yield fit_length(stream.resample_chunk(np.zeros(0, np.float32), last=True), max(missing, 0))


def as_mono(samples: np.ndarray, source: int, target: int, name: str = "array") -> np.ndarray:
    """Float samples (samples,) or (samples, channels) -> their mean, (samples,) at ``target`` Hz.

    Raises:
        AudioError: another shape or type, more channels than samples, a rate that is none, no
            samples, or some that are NaN, infinite or above 1e6.
    """
    samples = np.asarray(samples)
    what = f"{name}: {samples.dtype} of shape {samples.shape} at {source} Hz"
    shaped = samples.ndim in (1, 2) and samples.size and samples.dtype.kind == "f"
    if not shaped or not RATES[0] <= source <= RATES[1]:
        raise AudioError(
            f"{what}, expected floats (samples,) or (samples, channels) and a rate of {RATES[0]} "
            f"to {RATES[1]} Hz"
        )
    if samples.ndim == 2 and samples.shape[1] > max(MOST_CHANNELS, len(samples)):
        raise AudioError(
            f"{what}, {len(samples)} samples of {samples.shape[1]} channels; expected (samples, "
            "channels), which is its transpose"
        )
    data = samples.astype(np.float32).reshape(len(samples), -1)
    check_samples(data, name, 0.0, source)
    return _resampled(data.mean(axis=1), source, target)


def _resampled(mono: np.ndarray, source: int, target: int) -> np.ndarray:
    if source == target:
        return mono
    length = _resampled_length(len(mono), source, target)
    return fit_length(soxr.resample(mono, source, target, quality=QUALITY), length)


def _resampled_length(samples: int, source: int, target: int) -> int:
    return max(1, round(samples * target / source))


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut or zero-pad to ``length``: soxr may round the last half sample the other way."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _part(file: Recording, start: float, duration: float | None) -> tuple[int, int]:
    """First frame and number of frames of a part given in seconds."""
    rate = file.samplerate
    total = file.frames
    first = round(start * rate)
    if not 0 <= first < total:
        raise AudioError(f"{file.path}: start at {start} s, expected 0 to {total / rate:.3f} s")
    count = total - first if duration is None else min(round(duration * rate), total - first)
    if count < 1:
        raise AudioError(f"{file.path}: a part of {duration} s, expected at least one sample")
    return first, count


def _decode(
    file: Recording, first: int, count: int, most: int, limits: Limits | None = None
) -> Iterator[np.ndarray]:
    """Mono float32 pieces of ``count`` frames from frame ``first``, checked.

    Args:
        most: samples of a piece, of all channels together.
    """
    rate = file.samplerate
    done = 0
    try:
        file.seek(first)
        while done < count:
            data = file.read(min(max(1, most // file.channels), count - done))
            if not len(data):
                break
            check_samples(data, file.path, (first + done) / rate, rate)
            done += len(data)
            if limits:
                limits.hear(data)
            yield data.mean(axis=1) if data.shape[1] > 1 else data[:, 0]
    except sf.LibsndfileError as error:
        raise AudioError(
            f"{file.path}: truncated or damaged, decoding failed after {first + done} of "
            f"{file.frames} samples ({error.error_string})"
        ) from None
    if done == 0:
        raise AudioError(f"{file.path}: found no samples, the header promises {file.frames}")
    file.check_length(first + done, first + count)
