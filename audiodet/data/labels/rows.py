"""Rows of labels: what every reader of a label format makes, times in seconds."""

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from audiodet.data.labels.text import number, seconds
from audiodet.errors import DataError
from audiodet.events import Event
from audiodet.names import printable

STRONG = ("filename", "onset", "offset", "event_label")
WEAK = ("filename", "event_labels")
FURTHER = ("score", "low_hz", "high_hz", "group")  # where a format has them
CLIP_TOLERANCE = 0.05  # seconds that an offset may lie after the clip's end: it is cut there
FAR = 20  # an event that ends this many times later than its recording is in another unit


@dataclass(frozen=True)
class Row:
    """One line: an event (one label and times in seconds), or a clip's labels without times.

    ``source`` is the file that the row stands in, ``line`` its line, 0 where that says nothing.
    ``group`` names what a recording shares with others: its site, its day, its animal.
    """

    line: int
    filename: str
    labels: tuple[str, ...] = ()
    onset: float | None = None
    offset: float | None = None
    score: float | None = None
    low_hz: float | None = None
    high_hz: float | None = None
    group: str | None = None
    source: str = ""

    @property
    def place(self) -> str:
        """The row's file and line."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used: its number, kind of mistake, what is there and what should be."""

    line: int
    kind: str
    text: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.text}" if self.line else self.text


@dataclass
class LabelTable:
    """Rows of a label table that can be used, and the problems of those that cannot.

    Attributes:
        path: the table's file.
        kind: "strong", "weak" or "unlabelled".
        rows: good rows, in the order of the file.
        problems: bad lines, in the order of the file.
        format: name of the format that was recognised.
        notes: what a user should know of how it was read, a line each.
        audio_dir: the folder that file names are relative to, where recordings were looked for.
        unlisted: recordings there that have no row.
    """

    path: str
    kind: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    format: str = "DESED TSV"
    notes: list[str] = field(default_factory=list)
    audio_dir: str = ""
    unlisted: list[str] = field(default_factory=list)

    def labels(self) -> list[str]:
        """Labels that occur, sorted."""
        return sorted(set().union(*(row.labels for row in self.rows)))

    def clips(self) -> dict[str, list[Row]]:
        """Rows per clip; different spellings of one relative path are one clip."""
        clips: dict[str, list[Row]] = {}
        for row in self.rows:
            clips.setdefault(os.path.normpath(row.filename), []).append(row)
        return clips

    def recording(self, filename: str) -> str:
        """Path of a recording."""
        return os.path.join(self.audio_dir, filename)

    def events(self) -> dict[str, list[Event]]:
        """Events per clip in order of onset, none for a clip without; of strong labels.

        An event whose score the table does not hold has 1.
        """
        events = {}
        for filename, rows in self.clips().items():
            events[filename] = sorted(_event(row) for row in rows if row.onset is not None)
        return events

    def add(self, line: int, fields: dict, labels: Sequence[str] | None = None) -> None:
        """Add a row from the fields of a line, or a problem where they cannot be used.

        Args:
            fields: texts (or numbers) by the names of ``STRONG``, ``WEAK`` and ``FURTHER``.
            labels: the labels that may occur; None accepts all.
        """
        try:
            row = _row(self.kind, line, fields, self.path)
        except ValueError as error:
            self.problems.append(Problem(line, "bad row", str(error), self.path))
            return
        unknown = [label for label in row.labels if labels is not None and label not in labels]
        if unknown:
            text = f"unknown label {', '.join(unknown)}, expected one of {', '.join(labels)}"
            self.problems.append(Problem(line, "unknown label", text, self.path))
        else:
            self.rows.append(row)

    def require_good(self) -> "LabelTable":
        """The table itself; DataError names its first problem where it has some."""
        if self.problems:
            others = len(self.problems) - 1
            more = f" (and {others} more: see `audiodet data check`)" if others else ""
            raise DataError(f"{self.problems[0]}{more}")
        return self


def outside_clip(row: Row, duration: float) -> str | None:
    """What is wrong with an event in a clip of ``duration`` seconds; None when it lies inside.

    An offset at most ``CLIP_TOLERANCE`` after the end counts as inside.
    """
    if row.onset is None:
        return None
    if row.onset >= duration or row.offset > duration + CLIP_TOLERANCE:
        return (
            f"event {row.onset:g} to {row.offset:g} s in {row.filename}, "
            f"expected inside the clip's {duration:.3f} s{_suspicion(row, duration)}"
        )
    return None


def _suspicion(row: Row, duration: float) -> str:
    """In what unit an event's times may be that ends far behind its recording's end."""
    if row.offset < FAR * duration or row.onset % 1 or row.offset % 1:
        return ""
    if row.offset / 1000 <= duration + CLIP_TOLERANCE:
        return "; these look like milliseconds or samples, expected seconds"
    return "; these look like samples, expected seconds"


def _event(row: Row) -> Event:
    score = 1.0 if row.score is None else row.score
    return Event(row.onset, row.offset, row.labels[0], score, row.low_hz, row.high_hz)


def _row(kind: str, line: int, fields: dict, source: str) -> Row:
    """Turn one line into a row; ValueError says what is there and what should be."""
    filename = _name(fields)
    more = {"group": _text(fields.get("group")) or None, "source": source}
    if kind == "unlabelled":
        return Row(line, filename, **more)
    if kind == "weak":
        return Row(line, filename, _labels(fields.get("event_labels") or ""), **more)
    event = [_text(fields.get(name)) for name in STRONG[1:]]
    if not any(event):
        return Row(line, filename, **more)
    if not all(event):
        raise ValueError(
            f"{filename}: onset, offset, event_label are {event}, expected all three or none"
        )
    onset = _seconds(filename, "onset", event[0])
    offset = _seconds(filename, "offset", event[1])
    if onset < 0 or onset >= offset:
        raise ValueError(
            f"{filename}: onset {onset:g} and offset {offset:g} s, expected 0 <= onset < offset"
        )
    for name in ("score", "low_hz", "high_hz"):
        more[name] = _further(fields.get(name))
    return Row(line, filename, (_label(event[2]),), onset, offset, **more)


def _name(fields: dict) -> str:
    filename = _text(fields.get("filename"))
    if not filename:
        raise ValueError(f"no file name, found {list(fields.values())}, expected a file name")
    try:
        os.fsencode(filename)
    except UnicodeEncodeError:
        filename += "\0"
    if "\0" in filename:
        raise ValueError(f"{filename!r} cannot be a file's name")
    return filename


def _labels(value: str | Sequence[str]) -> tuple[str, ...]:
    """A clip's labels, joined by commas or a list, each once."""
    names = value.split(",") if isinstance(value, str) else map(_text, value)
    return tuple(dict.fromkeys(filter(None, map(_label, names))))


def _label(text: str) -> str:
    """A label as one line, in the composed form of Unicode: however it was typed, it is one."""
    text.encode()  # a ValueError where it is no Unicode
    if not text.isprintable():
        text = printable(" ".join(text.split()))
    return unicodedata.normalize("NFC", text.strip())


def _text(value) -> str:
    return "" if value is None else str(value)


def _seconds(filename: str, name: str, text: str) -> float:
    try:
        return seconds(text)
    except ValueError:
        raise ValueError(f"{filename}: {name} is {text!r}, expected a number of seconds") from None


def _further(value) -> float | None:
    """A score or frequency; None where it is none: nothing depends on it."""
    try:
        return number(value)
    except ValueError:
        return None
