"""The journal of a run: a line per finished recording, on disk before the next one counts.

The first line holds the parameters. A line that was cut short by a crash is dropped when the run
is resumed, so each recording is in the journal whole or not at all.
"""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from audiodet.errors import AudiodetError
from audiodet.events import Event

NAME = "audiodet_journal.jsonl"
BEGIN = b'{"parameters": '  # of each journal
SYNC_SECONDS = 1.0  # a loss of power costs at most this much work


class Journal:
    """Append-only record of a run, kept open and locked by the one process that writes it.

    Attributes:
        path: the file.
        done: byte at which the entry of each finished recording begins, by path; recordings that
            failed before a resume are not in it, they are tried again.
    """

    def __init__(self, folder, parameters: Mapping, resume: bool):
        """
        Args:
            folder: of the run; made if missing.
            parameters: all that the rows depend on, as JSON.
            resume: continue what is there; else there must be no journal yet.

        Raises:
            AudiodetError: the folder cannot be written, holds another run, or another process
                writes to it, it was made with other parameters, or its journal is none.
        """
        self.path = Path(folder) / NAME
        self.done = {}
        self._synced = 0.0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab", buffering=0)
            self._reader = open(self.path, "rb")
        except OSError as error:
            raise AudiodetError(
                f"{folder}: cannot be written to ({error.strerror}), expected a folder in which "
                "this user may make files"
            ) from error
        try:
            self._lock()
            self._begin(parameters, resume)
        except BaseException:
            self._file.close()
            self._reader.close()
            raise

    def add(self, path: str, **entry) -> None:
        """Append the entry of a recording.

        Raises:
            AudiodetError: it could not be written, and is not in the journal.
        """
        self.done[path] = self._write({"path": path, **entry})

    def get(self, path: str) -> dict:
        """The entry of a recording in :attr:`done`; ``events`` are :class:`Event`."""
        self._reader.seek(self.done[path])
        entry = json.loads(self._reader.readline())
        entry["events"] = [Event(*event) for event in entry.get("events", [])]
        return entry

    def close(self) -> None:
        """Make sure that all is on disk; the lock is given back."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()
            self._reader.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AudiodetError(
                f"{self.path.parent}: another run is writing here, expected a folder of its own"
            ) from None

    def _begin(self, parameters: Mapping, resume: bool) -> None:
        begin = self._reader.read(len(BEGIN))
        if not BEGIN.startswith(begin):
            raise AudiodetError(
                f"{self.path}: begins with {begin!r}, expected a journal of audiodet; move the "
                "file, or give another folder"
            )
        lines, end = self._whole_lines()
        if lines and not resume:
            raise AudiodetError(
                f"{self.path.parent}: holds another run; continue it with --resume, or give "
                "another folder"
            )
        self._file.truncate(end)
        if not lines:
            self._write({"parameters": parameters})
            return
        self._refuse_differences(lines[0][1].get("parameters", {}), parameters)
        self.done = {entry["path"]: place for place, entry in lines[1:] if "error" not in entry}

    def _whole_lines(self) -> tuple[list[tuple[int, dict]], int]:
        """(place, content without events) of each line, and the end of the last whole one."""
        lines = []
        place = self._reader.seek(0)
        for line in self._reader:
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n") or not isinstance(entry, dict):
                break
            entry.pop("events", None)
            lines.append((place, entry))
            place += len(line)
        return lines, place

    def _refuse_differences(self, before: Mapping, now: Mapping) -> None:
        now = json.loads(json.dumps(now))
        for key in now | before:
            if before.get(key) != now.get(key):
                raise AudiodetError(
                    f"{self.path}: made with {key} {before.get(key)!r}, this run has "
                    f"{now.get(key)!r}: resume with the same, or give another folder"
                )

    def _write(self, entry: Mapping) -> int:
        """Append a line -> the byte at which it begins."""
        place = self._file.seek(0, os.SEEK_END)
        try:
            line = json.dumps(entry).encode() + b"\n"
            while line:
                line = line[self._file.write(line) :]
            if time.monotonic() - self._synced > SYNC_SECONDS:
                os.fsync(self._file.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            self._drop_tail(place)
            raise AudiodetError(
                f"{self.path}: cannot be written ({error.strerror}) after {len(self.done)} "
                "recordings; make room and continue with --resume"
            ) from error
        return place

    def _drop_tail(self, place: int) -> None:
        """Best effort: a tail that stays is dropped on resume."""
        try:
            os.ftruncate(self._file.fileno(), place)
        except OSError:
            pass
