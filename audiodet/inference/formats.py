"""Tables of events in the formats of other programs, one line per event.

A format is a class with the name of its file, a ``header`` and ``lines``, which is called with the
recordings in order. Names are escaped by :func:`printable`, so a row is one line whatever a file is
called. Column names are part of audiodet's interface.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from audiodet.events import Event

COLUMNS = ("filename", "onset", "offset", "event_label", "score")
# Samples of a stream by the names that ffmpeg and SoX users know: little endian, and full scale.
SAMPLE_FORMATS = {"s16le": ("<i2", 1 << 15), "s32le": ("<i4", 1 << 31), "f32le": ("<f4", 1)}
LONGEST = 200  # bytes of a name; file systems take 255, of which numbers and suffixes need some


@dataclass(frozen=True)
class Recording:
    """A finished recording.

    Attributes:
        path: as the user named it.
        duration: in seconds.
        events: in order of onset, in seconds from its start.
        name: of files and identifiers that stand for it; unique in a run.
    """

    path: str
    duration: float
    events: Sequence[Event]
    name: str


@dataclass(frozen=True)
class Origin:
    """What made the events: for formats that carry it.

    Attributes:
        model: its name.
        low_hz, high_hz: the frequencies that it hears.
        parameters: as in the journal.
    """

    model: str
    low_hz: float
    high_hz: float
    parameters: Mapping

    def band(self, event: Event) -> tuple[float, float]:
        """The event's frequencies in Hz, or all that the model hears."""
        if event.low_hz is None:
            return self.low_hz, self.high_hz
        return event.low_hz, event.high_hz


def printable(text: str) -> str:
    r"""One line of UTF-8: control characters and undecodable bytes become \t, \n or \xNN."""
    text = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def unique_names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path, without folder, suffix and blanks; equal ones are numbered.

    A name has at most 200 bytes before its number, so that it can be part of a file's name.
    """
    taken, names = set(), {}
    for path in paths:
        stem = os.path.splitext(os.path.basename(path))[0]
        stem = "_".join(printable(stem).replace(os.sep, "_").split()) or "_"
        stem = stem.encode()[:LONGEST].decode("utf-8", "ignore")
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name)
        names[path] = name
    return names


def _times(event: Event) -> list[str]:
    return [f"{event.onset:.3f}", f"{event.offset:.3f}"]


class Tsv:
    """DESED's table; a recording without events has one row with empty fields."""

    file, delimiter = "audiodet_events.tsv", "\t"

    def __init__(self, origin: Origin):
        self.origin = origin

    def header(self) -> str:
        return self.delimiter.join(COLUMNS) + "\n"

    def lines(self, recording: Recording) -> Iterator[str]:
        """Rows of a recording."""
        rows = [[*_times(e), e.label, f"{e.score:.4f}"] for e in recording.events] or [[""] * 4]
        for row in rows:
            cells = [self._cell(cell) for cell in (printable(recording.path), *row)]
            yield self.delimiter.join(cells) + "\n"

    def _cell(self, text: str) -> str:
        return text


class Csv(Tsv):
    """The same, comma separated, quoted where needed (RFC 4180)."""

    file, delimiter = "audiodet_events.csv", ","

    def _cell(self, text: str) -> str:
        quoted = text.replace('"', '""')
        return f'"{quoted}"' if any(c in text for c in ',"') else text


class JsonLines(Tsv):
    """An object per event, with the model and its parameters; full precision, true names."""

    file = "audiodet_events.jsonl"

    def header(self) -> str:
        return ""

    def lines(self, recording: Recording) -> Iterator[str]:
        """Rows of a recording."""
        path = os.fsencode(recording.path).decode("utf-8", "backslashreplace")
        for event in recording.events:
            row = dict(zip(COLUMNS, (path, *event[:4])))
            row |= dict(zip(("low_hz", "high_hz"), self.origin.band(event)))
            row |= {"model": self.origin.model, "parameters": self.origin.parameters}
            yield json.dumps(row, ensure_ascii=False) + "\n"


class Rttm(Tsv):
    """Rich transcription: the score stands in the confidence field."""

    file = "audiodet_events.rttm"

    def header(self) -> str:
        return ""

    def lines(self, recording: Recording) -> Iterator[str]:
        """Rows of a recording."""
        for event in recording.events:
            onset, offset = _times(event)
            label = "_".join(event.label.split())
            yield (
                f"SPEAKER {recording.name} 1 {onset} {float(offset) - float(onset):.3f} "
                f"<NA> <NA> {label} {event.score:.4f} <NA>\n"
            )


class Raven(Tsv):
    """One selection table for all recordings, opened in order: times run on from file to file."""

    file = "audiodet_selections.txt"
    columns = (
        "Selection",
        "View",
        "Channel",
        "Begin Time (s)",
        "End Time (s)",
        "Low Freq (Hz)",
        "High Freq (Hz)",
        "Begin Path",
        "File Offset (s)",
        "Event Label",
        "Score",
    )

    def __init__(self, origin: Origin):
        super().__init__(origin)
        self.selection, self.elapsed = 0, 0.0

    def header(self) -> str:
        return "\t".join(self.columns) + "\n"

    def lines(self, recording: Recording) -> Iterator[str]:
        """Rows of a recording; those before it must have gone through here."""
        path = printable(os.path.abspath(recording.path))
        for event in recording.events:
            self.selection += 1
            band = [f"{hz:.1f}" for hz in self.origin.band(event)]
            times = [f"{self.elapsed + t:.3f}" for t in (event.onset, event.offset)]
            cells = [str(self.selection), "Spectrogram 1", "1", *times, *band, path]
            cells += [_times(event)[0], event.label, f"{event.score:.4f}"]
            yield "\t".join(cells) + "\n"
        self.elapsed += recording.duration


class Audacity(Tsv):
    r"""A label track per recording: onset, offset, label; a line "\ low high" if they are known."""

    file = "audiodet_labels"  # a folder

    def header(self) -> str:
        return ""

    def lines(self, recording: Recording) -> Iterator[str]:
        """Rows of a recording's own file."""
        for event in recording.events:
            yield "\t".join([*_times(event), event.label]) + "\n"
            if event.low_hz is not None:
                yield f"\\\t{event.low_hz:.1f}\t{event.high_hz:.1f}\n"


TEXT_FORMATS = {
    "tsv": Tsv,
    "csv": Csv,
    "jsonl": JsonLines,
    "audacity": Audacity,
    "raven": Raven,
    "rttm": Rttm,
}
FORMATS = (*TEXT_FORMATS, "parquet")
