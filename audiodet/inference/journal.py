"""The journal of a run: a line per finished recording, on disk before the next one counts.

The first line holds the parameters. A recording's line holds all its candidate events down to a
floor, so that other thresholds need no network; a change of thresholds is a line of its own, and so
is each part of a long recording that is not finished yet. A line that was cut short by a crash is
dropped when the run is resumed, so each recording is in the journal whole or not at all.
"""

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from audiodet.errors import AudiodetError
from audiodet.inference.journal_lines import BEGIN, FLOORS, whole_lines, with_events, with_floors
from audiodet.names import counted

NAME = "audiodet_journal.jsonl"
# Parameters that a run may change when it is resumed: what is decided on the candidates.
DECISIONS = ("thresholds", "min_lengths")
SYNC_SECONDS = 1.0  # a loss of power costs at most this much work


class Journal:
    """Append-only record of a run, kept open and locked by the one process that writes it.

    Attributes:
        path: the file.
        parameters: of the run, with the decisions that count now.
        done: byte at which the entry of each finished recording begins, by path; recordings that
            failed before a resume are not in it, they are tried again.
        failed: the same of those that failed before a resume.
        parts: bytes at which the parts of a recording begin that was under way, by path.
        places: true path of each recording in done, where it is another than the path.
    """

    def __init__(self, folder, parameters: Mapping, resume: bool):
        """
        Args:
            folder: of the run; made if missing.
            parameters: all that the rows depend on, as JSON. Of a run that is continued its own
                DECISIONS and floors count, until :meth:`decide` changes them.
            resume: continue what is there; else there must be no journal yet.

        Raises:
            AudiodetError: the folder cannot be written, holds another run, or another process
                writes to it, it was made with other parameters, or its journal is none.
        """
        self.path = Path(folder) / NAME
        self.parameters = json.loads(json.dumps(parameters))
        self.done = {}
        self.failed = {}
        self.parts = {}
        self.places = {}
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

    def decide(self, decisions: Mapping) -> None:
        """Note the :data:`DECISIONS` that count from now on; floors never change.

        Raises:
            AudiodetError: a threshold is below the floor of the candidates that were kept.
        """
        for label, floor in self.parameters[FLOORS].items():
            if decisions["thresholds"][label] < floor:
                raise AudiodetError(
                    f"{self.path}: has events of {label} with scores of at least {floor:g}, found "
                    f"the threshold {decisions['thresholds'][label]:g}: give one that is not "
                    "lower, or another folder"
                )
        now = {name: self.parameters.get(name) for name in DECISIONS}
        if now != decisions:
            self.parameters.update(decisions)
            self._write({"decided": decisions})

    def add(self, path: str, **entry) -> None:
        """Append the entry of a recording.

        Raises:
            AudiodetError: it could not be written, and is not in the journal.
        """
        place = os.path.realpath(path)
        if place != path:
            entry["at"] = place
        self.done[path] = self._write({"path": path, **entry})

    def add_part(self, path: str, **entry) -> None:
        """Append what is known of the begin of a recording that is not finished yet."""
        self._write({"part": path, **entry})

    def rename(self, old: str, new: str) -> None:
        """A recording in :attr:`done` is called by another spelling of its path from now on."""
        self._write({"was": old, "is": new})
        self.done[new] = self.done.pop(old)

    def get(self, path: str) -> dict:
        """The entry of a recording in :attr:`done`; ``events`` are its candidates as Events."""
        return self.entry_at(self.done[path])

    def get_parts(self, path: str) -> list[dict]:
        """The parts of a recording in :attr:`parts`, in order."""
        return list(map(self.entry_at, self.parts[path]))

    def entry_at(self, place: int) -> dict:
        """The entry that begins at a byte."""
        self._reader.seek(place)
        return with_events(json.loads(self._reader.readline()))

    def close(self) -> None:
        """Make sure that all is on disk; the lock is given back."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()
            self._reader.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AudiodetError(
                f"{self.path.parent}: another run is writing here, expected a folder of its own"
            ) from None
        except OSError as error:
            raise AudiodetError(
                f"{self.path}: cannot be locked ({error.strerror}), so that two runs could write "
                "here at once; expected a folder on a file system with locks (flock)"
            ) from error

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
        before = with_floors(lines[0][1]["parameters"])
        self._refuse_differences(before, self.parameters)
        self.parameters = before
        for place, entry in lines[1:]:
            self._take(place, entry)

    def _whole_lines(self) -> tuple[list[tuple[int, dict]], int]:
        """(first byte, content without events) of all lines, and the end of the last."""
        self._reader.seek(0)
        lines = []
        damaged = []
        end = 0
        for place, after, entry in whole_lines(self._reader, damaged):
            end = after
            entry.pop("events", None)
            lines.append((place, entry))
        numbers = [number for number, _ in damaged]
        if 1 in numbers or (lines and "parameters" not in lines[0][1]):
            raise AudiodetError(
                f"{self.path}: line 1 is damaged, expected the parameters of a run; move the file, "
                "or give another folder"
            )
        if damaged:
            end = max(end, damaged[-1][1])
            print(
                f"warning: {self.path}: damaged lines {', '.join(map(str, numbers[:5]))} "
                f"({len(numbers)} in all), their recordings are heard again",
                file=sys.stderr,
            )
        return lines, end

    def _take(self, place: int, entry: Mapping) -> None:
        """Know of a line, which comes after those that are known."""
        self.parameters.update(entry.get("decided", {}))
        if "part" in entry:
            self.parts.setdefault(entry["part"], []).append(place)
        if "was" in entry and entry["was"] in self.done:
            self.done[entry["is"]] = self.done.pop(entry["was"])
        if "path" not in entry:
            return
        path = entry["path"]
        self.parts.pop(path, None)
        known, other = (self.done, self.failed)
        if "error" in entry:
            known, other = other, known
        known[path] = place
        other.pop(path, None)
        if "at" in entry:
            self.places[path] = entry["at"]

    def _refuse_differences(self, before: Mapping, now: Mapping) -> None:
        for key in {**now, **before}:
            if key not in (*DECISIONS, FLOORS) and before.get(key) != now.get(key):
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
            with contextlib.suppress(OSError):  # a tail that stays is dropped on resume
                os.ftruncate(self._file.fileno(), place)
            raise AudiodetError(
                f"{self.path}: cannot be written ({error.strerror}) after "
                f"{counted(len(self.done), 'recording')}; make room and continue with --resume"
            ) from error
        return place
