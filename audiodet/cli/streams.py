"""The process's own stdin, stdout and stderr, which may be closed, full, or go away in the middle.

What C libraries print (libsndfile, mpg123, Ray) goes nowhere: it would land between rows.
"""

import faulthandler
import io
import logging
import os
import sys

from audiodet.errors import AudiodetError

STDIN, STDOUT, STDERR = 0, 1, 2


class _Output(io.FileIO):
    """Bytes to stdout: the first failure is an AudiodetError, what follows goes nowhere."""

    def write(self, data) -> int | None:
        try:
            return super().write(data)
        except OSError as error:
            self._failed(error)
            return len(data)

    def _failed(self, error: OSError) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)
        raise cannot_print(error) from error


class _Messages(_Output):
    """Bytes to stderr: that nobody can read them must not end the work."""

    def _failed(self, error: OSError) -> None:
        pass


class _OneLine(logging.Formatter):
    """Warnings look like the command's own lines: "warning: ..."."""

    def format(self, record) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


def cannot_print(error: OSError) -> AudiodetError:
    """What a command says whose output nobody takes."""
    if isinstance(error, BrokenPipeError):
        return AudiodetError("stdout was closed before all was printed")
    return AudiodetError(f"stdout cannot be written ({error.strerror}), not all was printed")


def own_streams() -> None:
    """Make ``sys.stdin``, ``sys.stdout`` and ``sys.stderr`` fail as this module says.

    Descriptors 0 to 2 are open afterwards, so that no file of ours can get one of their numbers.
    """
    logging.lastResort.setFormatter(_OneLine())
    for number, mode in ((STDIN, os.O_WRONLY), (STDOUT, os.O_RDONLY), (STDERR, os.O_WRONLY)):
        if not _is_open(number):  # of a mode in which its use fails, but for stderr
            os.open(os.devnull, mode)
    if sys.stdin is None:
        sys.stdin = open(STDIN, closefd=False)
    stdout = _Output(os.dup(STDOUT), "w")
    stderr = _Messages(os.dup(STDERR), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDOUT)
    os.dup2(null, STDERR)
    os.close(null)
    sys.stdout = _text(stdout, line_buffering=stdout.isatty())
    sys.stderr = _text(stderr, line_buffering=True)
    faulthandler.enable(sys.stderr)  # else a crash in C would be silent now


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _text(raw: io.FileIO, line_buffering: bool) -> io.TextIOWrapper:
    encoding = sys.getfilesystemencoding()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=line_buffering
    )
