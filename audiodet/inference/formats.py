"""Tables of events in the formats of other programs, one line per event; and formats of samples.

Names are escaped by :func:`printable`, so a row is one line whatever a file is called. Column
names are part of audiodet's interface.
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


def decodable(path: str) -> str:
    r"""A path as UTF-8: its undecodable bytes become \xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    r"""One line of UTF-8: control characters and undecodable bytes become \t, \n or \xNN."""
    shown = []
    for character in decodable(text):
        if not character.isprintable():
            character = character.encode("unicode_escape").decode("ascii")
        shown.append(character)
    return "".join(shown)


def unique_names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path, without folder, suffix and blanks; equal ones are numbered.

    A name has at most 200 bytes before its number, so that it can be part of a file's name.
    """
    names = {}
    taken = set()
    for path in paths:
        stem = os.path.splitext(os.path.basename(path))[0]
        stem = "_".join(printable(stem).replace(os.sep, "_").split()) or "_"
        stem = stem.encode()[:LONGEST].decode("utf-8", "ignore")
        name = stem
        number = 2
        while name in taken:
            name = f"{stem}_{number}"
            number += 1
        taken.add(name)
        names[path] = name
    return names


def _times(event: Event) -> list[str]:
    return [f"{event.onset:.3f}", f"{event.offset:.3f}"]


class TextFormat:
    """A format of text: the name of its file, a header, and the lines of each recording."""

    file = ""

    def __init__(self, origin: Origin):
        self.origin = origin

    def header(self) -> str:
        """What stands before all rows."""
        return ""

    def lines(self, recording: Recording) -> Iterator[str]:
        """Rows of a recording; called with the recordings in order."""
        raise NotImplementedError


class Tsv(TextFormat):
    """DESED's table; a recording without events has one row with empty fields."""

    file = "audiodet_events.tsv"
    delimiter = "\t"

    def header(self) -> str:
        return self.delimiter.join(COLUMNS) + "\n"

    def lines(self, recording: Recording) -> Iterator[str]:
        rows = [[*_times(e), e.label, f"{e.score:.4f}"] for e in recording.events] or [[""] * 4]
        for row in rows:
            cells = [self._cell(cell) for cell in (printable(recording.path), *row)]
            yield self.delimiter.join(cells) + "\n"

    def _cell(self, text: str) -> str:
        return text


class Csv(Tsv):
    """The same, comma separated, quoted where needed (RFC 4180)."""

    file = "audiodet_events.csv"
    delimiter = ","

    def _cell(self, text: str) -> str:
        if "," not in text and '"' not in text:
            return text
        quoted = text.replace('"', '""')
        return f'"{quoted}"'


class JsonLines(TextFormat):
    """An object per event, with the model and its parameters; full precision, true names."""

    file = "audiodet_events.jsonl"

    def lines(self, recording: Recording) -> Iterator[str]:
        for event in recording.events:
            low_hz, high_hz = self.origin.band(event)
            row = dict(zip(COLUMNS, (decodable(recording.path), *event[:4])))
            row |= {"low_hz": low_hz, "high_hz": high_hz}
            row |= {"model": self.origin.model, "parameters": self.origin.parameters}
            yield json.dumps(row, ensure_ascii=False) + "\n"


class Rttm(TextFormat):
    """Rich transcription: the score stands in the confidence field."""

    file = "audiodet_events.rttm"

    def lines(self, recording: Recording) -> Iterator[str]:
        for event in recording.events:
            onset, offset = _times(event)
            label = "_".join(event.label.split())
            yield (
                f"SPEAKER {recording.name} 1 {onset} {float(offset) - float(onset):.3f} "
                f"<NA> <NA> {label} {event.score:.4f} <NA>\n"
            )


class Raven(TextFormat):
    """One selection table for all recordings, opened in order: times run on from file to file."""

    file = "audiodet_selections.txt"
    columns = (
        "Selection,View,Channel,Begin Time (s),End Time (s),Low Freq (Hz),High Freq (Hz),"
        "Begin Path,File Offset (s),Event Label,Score"
    )

    def __init__(self, origin: Origin):
        super().__init__(origin)
        self.selection = 0  # number of the last row
        self.elapsed = 0.0  # seconds of the recordings before

    def header(self) -> str:
        return self.columns.replace(",", "\t") + "\n"

    def lines(self, recording: Recording) -> Iterator[str]:
        path = printable(os.path.abspath(recording.path))
        for event in recording.events:
            self.selection += 1
            band = [f"{hz:.1f}" for hz in self.origin.band(event)]
            times = [f"{self.elapsed + time:.3f}" for time in (event.onset, event.offset)]
            cells = [str(self.selection), "Spectrogram 1", "1", *times, *band, path]
            cells += [_times(event)[0], event.label, f"{event.score:.4f}"]
            yield "\t".join(cells) + "\n"
        self.elapsed += recording.duration


class Audacity(TextFormat):
    r"""A label track per recording: onset, offset, label; a line "\ low high" if they are known."""

    file = "audiodet_labels"  # a folder

    def lines(self, recording: Recording) -> Iterator[str]:
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
