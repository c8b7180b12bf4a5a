"""Tables of events in the formats of other programs, one line per event; and formats of samples.

Names and labels are escaped, so a row is one line and no cell a formula, whatever a file or label
is called. Column names are part of audiodet's interface.
"""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audiodet.events import Detection, Event
from audiodet.names import cell, decodable, path_cell, printable

LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}  # JSON takes them as they are
COLUMNS = ("filename", "onset", "offset", "event_label", "score")
# Samples of a stream by the names that ffmpeg and SoX users know: little endian, and full scale.
SAMPLE_FORMATS = {"s16le": ("<i2", 1 << 15), "s32le": ("<i4", 1 << 31), "f32le": ("<f4", 1)}


@dataclass(frozen=True)
class Origin:
    """What made the events: for formats that carry it.

    Attributes:
        model: its name.
        low_hz, high_hz: the frequencies that it hears.
        parameters: as in the journal.
        names: for each recording that of files and identifiers that stand for it.
    """

    model: str
    low_hz: float
    high_hz: float
    parameters: Mapping
    names: Mapping[str, str]

    def band(self, event: Event) -> tuple[float, float]:
        """The event's frequencies in Hz, or all that the model hears."""
        if event.low_hz is None:
            return self.low_hz, self.high_hz
        return event.low_hz, event.high_hz


def _times(event: Event) -> list[str]:
    return [f"{event.onset:.3f}", f"{event.offset:.3f}"]


class TextFormat:
    """A format of text.

    Attributes:
        file: its name.
        header: what stands before all rows.
    """

    file = ""
    header = ""

    def __init__(self, origin: Origin):
        self.origin = origin

    def lines(self, recording: Detection) -> Iterator[str]:
        """Rows of a recording; called with the recordings in order."""
        raise NotImplementedError


class Tsv(TextFormat):
    """DESED's table; a recording without events has one row with empty fields."""

    file = "audiodet_events.tsv"
    header = "\t".join(COLUMNS) + "\n"

    def lines(self, recording: Detection) -> Iterator[str]:
        name = path_cell(recording.source)
        rows = [[*_times(e), cell(e.label), f"{e.score:.4f}"] for e in recording.events]
        for row in rows or [[""] * 4]:
            yield self._line([name, *row])

    def _line(self, cells: list[str]) -> str:
        return "\t".join(cells) + "\n"


class Csv(Tsv):
    """The same, comma separated, quoted where needed (RFC 4180)."""

    file = "audiodet_events.csv"
    header = ",".join(COLUMNS) + "\n"

    def _line(self, cells: list[str]) -> str:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        return line.getvalue()


def decodable_row(path: str, event) -> tuple:
    """The COLUMNS of an event, names as they are but for undecodable bytes."""
    return decodable(path), event.onset, event.offset, decodable(event.label), event.score


class JsonLines(TextFormat):
    """An object per event, with the model and its parameters; full precision, true names."""

    file = "audiodet_events.jsonl"

    def lines(self, recording: Detection) -> Iterator[str]:
        for event in recording.events:
            low_hz, high_hz = self.origin.band(event)
            row = dict(zip(COLUMNS, decodable_row(recording.source, event)))
            row |= {"low_hz": low_hz, "high_hz": high_hz}
            row |= {"model": self.origin.model, "parameters": self.origin.parameters}
            line = json.dumps(row, ensure_ascii=False)
            yield line.translate(LINE_ENDS) + "\n"


class Rttm(TextFormat):
    """Rich transcription: the score stands in the confidence field."""

    file = "audiodet_events.rttm"

    def lines(self, recording: Detection) -> Iterator[str]:
        name = self.origin.names[recording.source]
        for event in recording.events:
            onset, offset = _times(event)
            label = "_".join(printable(event.label).split()) or "_"
            yield (
                f"SPEAKER {name} 1 {onset} {float(offset) - float(onset):.3f} "
                f"<NA> <NA> {label} {event.score:.4f} <NA>\n"
            )


class Raven(TextFormat):
    """One selection table for all recordings, opened in order: times run on from file to file."""

    file = "audiodet_selections.txt"
    header = (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\t"
        "Begin Path\tFile Offset (s)\tEvent Label\tScore\n"
    )

    def __init__(self, origin: Origin):
        super().__init__(origin)
        self.selection = 0  # number of the last row
        self.elapsed = 0.0  # seconds of the recordings before

    def lines(self, recording: Detection) -> Iterator[str]:
        path = printable(os.path.abspath(recording.source))
        for event in recording.events:
            self.selection += 1
            band = [f"{hz:.1f}" for hz in self.origin.band(event)]
            times = [f"{self.elapsed + time:.3f}" for time in (event.onset, event.offset)]
            cells = [str(self.selection), "Spectrogram 1", "1", *times, *band, path]
            cells += [_times(event)[0], cell(event.label), f"{event.score:.4f}"]
            yield "\t".join(cells) + "\n"
        self.elapsed += recording.duration


class Audacity(TextFormat):
    r"""A label track per recording: onset, offset, label; a line "\ low high" if they are known."""

    file = "audiodet_labels"  # a folder

    def label(self, event: Event) -> str:
        """What stands at an event."""
        return cell(event.label)

    def lines(self, recording: Detection) -> Iterator[str]:
        for event in recording.events:
            yield "\t".join([*_times(event), self.label(event)]) + "\n"
            if event.low_hz is not None:
                yield f"\\\t{event.low_hz:.1f}\t{event.high_hz:.1f}\n"


class AudacityScores(Audacity):
    """The same with the score after the label, as people look at it."""

    file = "audiodet_labels_scores"  # a folder

    def label(self, event: Event) -> str:
        return f"{cell(event.label)} {event.score:.2f}"


TEXT_FORMATS = {
    "tsv": Tsv,
    "csv": Csv,
    "jsonl": JsonLines,
    "audacity": Audacity,
    "audacity-scores": AudacityScores,
    "raven": Raven,
    "rttm": Rttm,
}
FOLDERS = ("audacity", "audacity-scores")  # formats with a file for each recording
NAMED = (*FOLDERS, "rttm")  # formats that call recordings by short names
FORMATS = (*TEXT_FORMATS, "parquet")
