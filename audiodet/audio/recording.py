"""An open recording: its streams, decoded by libsndfile, as one.

What a header promises is held against what is there by one rule, see docs/audio.md: up to
:data:`SLACK` seconds less are heard with a warning, more are refused.
"""

import os
import stat

import numpy as np
import soundfile as sf

from audiodet.audio.layout import layout
from audiodet.audio.notes import tell
from audiodet.audio.raw import compressed_kind
from audiodet.audio.source import Part, Source
from audiodet.errors import AudioError

SLACK = 0.1  # seconds that may be missing
RATES = (1000, 1000000)  # Hz, lowest and highest
RESOURCE_FORK = ".sd2"  # suffix of the kind that needs a second file beside it


class Recording:
    """A regular file with sound, open; a context manager.

    Attributes:
        path: of the file.
        samplerate: in Hz.
        channels: of the first stream.
        frames: samples per channel, of all streams.
    """

    def __init__(self, path: str):
        """
        Raises:
            AudioError: missing, no regular file, not permitted, empty, not audio, of a rate that
                is none, without samples, or seen to be truncated.
        """
        self.path = path
        self._file = None
        self._fd = _open(path)
        try:
            self._parts = self._checked_parts()
            self._lengths = []
            promised = 0
            for number, part in enumerate(self._parts):
                self._start(number)
                length = self._file.frames if part.frames is None else part.frames
                self._lengths.append(length)
                promised += round(length * (1 + part.missing))
            self.frames = sum(self._lengths)
            if self.frames < 1:
                raise AudioError(f"{path}: 0 samples, expected at least one")
            self.check_length(self.frames, promised)
            self.seek(0)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
        os.close(self._fd)

    def seek(self, frame: int) -> None:
        """Go to a frame, counted from the start of the recording."""
        number = 0
        while number + 1 < len(self._lengths) and frame >= self._lengths[number]:
            frame -= self._lengths[number]
            number += 1
        if number != self._number or not self._fresh:
            self._start(number)
        self._left = self._lengths[number] - frame
        if frame:
            self._file.seek(frame)

    def read(self, frames: int) -> np.ndarray:
        """The next frames, float32 (frames, channels): fewer at the end of a stream, 0 at the last.

        A stream that ends before it should ends the recording's time by as much earlier.
        """
        self._fresh = False
        while True:
            data = self._file.read(min(frames, self._left), dtype="float32", always_2d=True)
            self._left -= len(data)
            if len(data) or self._number + 1 == len(self._parts):
                return data
            self._start(self._number + 1)
            self._left = self._lengths[self._number]

    def check_length(self, found: int, promised: int) -> None:
        """Hold frames that are there against those that are promised.

        Raises:
            AudioError: more than SLACK seconds are missing.
        """
        if found >= promised:
            return
        text = f"found {found} samples, the header promises {promised}"
        if found < promised - SLACK * self.samplerate:
            raise AudioError(f"{self.path}: truncated, {text}")
        tell(self.path, "are shorter than their headers say", text, once=True)

    def _checked_parts(self) -> list[Part]:
        try:
            found = layout(self._fd)
        except AudioError as error:
            raise AudioError(f"{self.path}: {error}") from None
        for note in found.notes:
            tell(self.path, "are not as their headers say", note, once=True)
        return list(found.parts)

    def _start(self, number: int) -> None:
        """Open a stream at its beginning."""
        if self._file:
            self._file.close()
        self._file = _decoder(self.path, self._fd, self._parts[number].source)
        self._number = number
        self._fresh = True
        rate = self._file.samplerate
        if number == 0:
            self.samplerate = rate
            self.channels = self._file.channels
        if rate != self.samplerate:
            raise AudioError(
                f"{self.path}: stream {number + 1} has {rate} Hz, the first {self.samplerate} Hz; "
                "expected one rate"
            )
        if not RATES[0] <= rate <= RATES[1]:
            raise AudioError(
                f"{self.path}: a rate of {rate} Hz, expected {RATES[0]} to {RATES[1]} Hz"
            )


def _open(path: str) -> int:
    """Descriptor of a regular file that is readable and not empty."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise AudioError(f"{path}: a folder, expected a recording")
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for a writer for ever
            raise AudioError(f"{path}: a pipe, socket or device, expected a file with a recording")
        if status.st_size == 0:
            raise AudioError(f"{path}: 0 bytes, expected a recording")
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise AudioError(f"{path}: no such file, expected a recording") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # a NUL in the name
        raise AudioError(f"{path!r}: cannot be read ({error})") from None


def _decoder(path: str, fd: int, source: Source) -> sf.SoundFile:
    """libsndfile on a stream; not by the file's name, or it would look for a resource fork."""
    file = source.on(fd)
    if path.lower().endswith(RESOURCE_FORK):
        file = os.fsencode(path)
    elif file.is_file():  # faster
        os.lseek(fd, 0, os.SEEK_SET)
        file = os.dup(fd)
    try:
        return sf.SoundFile(file)
    except (sf.LibsndfileError, TypeError) as error:
        reason = getattr(error, "error_string", str(error)).strip(" .")
        head = source.on(fd).read_at(0, 12)
        kind = compressed_kind(head)
        if kind:
            reason = f"{reason}: {kind}, which ffmpeg -i FILE FILE.flac converts"
        raise AudioError(
            f"{path}: not audio ({reason}; it starts with {head!r}); expected wav, flac, ogg or mp3"
        ) from None
