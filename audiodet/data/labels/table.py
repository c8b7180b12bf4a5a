"""Label tables in the conventions of DESED: tab separated text, times in seconds.

Three kinds; the header says which:

- strong: ``filename onset offset event_label``, a row per event; a row whose last three fields
  are empty or absent is a clip without events (and means nothing for a clip that has some);
- weak: ``filename event_labels``, the labels of a clip joined by commas;
- unlabelled: ``filename``.

Other columns are ignored. UTF-8 with or without byte order mark, any line ends.
"""

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from audiodet.errors import DataError

STRONG = ("filename", "onset", "offset", "event_label")
WEAK = ("filename", "event_labels")
CLIP_TOLERANCE = 0.05  # seconds that an offset may lie after the clip's end: it is cut there


@dataclass(frozen=True)
class Row:
    """One line: an event (one label and times in seconds), or a clip's labels without times."""

    line: int
    filename: str
    labels: tuple[str, ...] = ()
    onset: float | None = None
    offset: float | None = None


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used: its number, kind of mistake, what is there and what should be."""

    line: int
    kind: str
    text: str


@dataclass
class LabelTable:
    """Rows of a label table that can be used, and the problems of those that cannot.

    Attributes:
        path: the table's file.
        kind: "strong", "weak" or "unlabelled".
        rows: good rows, in the order of the file.
        problems: bad lines, in the order of the file.
    """

    path: str
    kind: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def labels(self) -> list[str]:
        """Labels that occur, sorted."""
        return sorted(set().union(*(row.labels for row in self.rows)))

    def clips(self) -> dict[str, list[Row]]:
        """Rows per clip; different spellings of one relative path are one clip."""
        clips: dict[str, list[Row]] = {}
        for row in self.rows:
            clips.setdefault(os.path.normpath(row.filename), []).append(row)
        return clips


def read_table(
    path: str,
    labels: Sequence[str] | None = None,
    header: Sequence[str] | None = None,
    filename: str | None = None,
    delimiter: str | None = "\t",
) -> LabelTable:
    """Read a label table without looking at the audio.

    Args:
        labels: the labels that may occur; None accepts all.
        header: the columns of a file that has no header line, further ones do not matter; None
            reads the first line, and refuses rows with more fields.
        filename: the clip of a table that has no such column because it is of one clip.
        delimiter: what separates the columns; see :func:`read_lines`.

    Raises:
        DataError: the file cannot be read or its header lacks a column. Bad lines do not raise:
            they are listed in the result's ``problems``.
    """
    path = os.fspath(path)
    lines = read_lines(path, delimiter)
    has_header = header is None
    if has_header:
        header = lines.pop(0)[1] if lines else []
    given = {} if filename is None else {"filename": filename}
    table = LabelTable(path, _kind(path, [*given, *header]))
    for line, fields in lines:
        if has_header and any(fields[len(header) :]):
            text = f"{len(fields)} fields, expected {len(header)}, of {table.kind} labels"
            table.problems.append(Problem(line, "bad row", text))
        elif any(fields):
            _add_line(table, line, {**given, **dict(zip(header, fields))}, labels)
    return table


def read_lines(path: str, delimiter: str | None = "\t") -> list[tuple[int, list[str]]]:
    """Line numbers from 1 and stripped fields of a delimited UTF-8 text; quotes mean nothing.

    The delimiter is one character, or None for any run of white space. DataError where the file
    cannot be read or is not text.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            if delimiter is None:
                return [(number, line.split()) for number, line in enumerate(stream, 1)]
            lines = csv.reader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            return [(lines.line_num, list(map(str.strip, fields))) for fields in lines]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected labels") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text file ({error}), expected UTF-8 text") from None


def outside_clip(row: Row, duration: float) -> str | None:
    """What is wrong with an event in a clip of ``duration`` seconds; None when it lies inside.

    An offset at most ``CLIP_TOLERANCE`` after the end counts as inside.
    """
    if row.onset is None:
        return None
    if row.onset >= duration or row.offset > duration + CLIP_TOLERANCE:
        return (
            f"event {row.onset:g} to {row.offset:g} s in {row.filename}, "
            f"expected inside the clip's {duration:.3f} s"
        )
    return None


def _kind(path: str, columns: list[str]) -> str:
    """Kind of table that a header belongs to."""
    has_times = set(STRONG[1:]) & set(columns)
    if has_times and WEAK[1] in columns:
        raise DataError(
            f"{path}: strong and weak labels in one table, found the columns {columns}, expected "
            f"those of one kind: {' '.join(STRONG)} or {' '.join(WEAK)}"
        )
    if set(STRONG) <= set(columns):
        return "strong"
    if set(WEAK) <= set(columns):
        return "weak"
    if "filename" in columns and not has_times:
        return "unlabelled"
    missing = [name for name in STRONG if name not in columns]
    raise DataError(
        f"{path}: column {', '.join(missing)} missing, found {columns}, expected tab-separated "
        f"{' '.join(STRONG)} or {' '.join(WEAK)} or filename"
    )


def _add_line(table: LabelTable, line: int, fields: dict, labels: Sequence[str] | None) -> None:
    """Append a line to the table's rows or to its problems."""
    try:
        row = _row(table.kind, line, fields)
    except ValueError as error:
        table.problems.append(Problem(line, "bad row", str(error)))
        return
    unknown = [label for label in row.labels if labels is not None and label not in labels]
    if unknown:
        text = f"unknown label {', '.join(unknown)}, expected one of {', '.join(labels)}"
        table.problems.append(Problem(line, "unknown label", text))
    else:
        table.rows.append(row)


def _row(kind: str, line: int, fields: dict[str, str]) -> Row:
    """Turn one line into a row; ValueError says what is there and what should be."""
    filename = fields.get("filename", "")
    if not filename:
        raise ValueError(f"no file name, found {list(fields.values())}, expected a file name")
    if kind == "unlabelled":
        return Row(line, filename)
    if kind == "weak":
        names = map(str.strip, fields.get("event_labels", "").split(","))
        return Row(line, filename, tuple(dict.fromkeys(filter(None, names))))
    event = [fields.get(name, "") for name in STRONG[1:]]
    if not any(event):
        return Row(line, filename)
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
    return Row(line, filename, (event[2],), onset, offset)


def _seconds(filename: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{filename}: {name} is {text!r}, expected a number of seconds")
    return value
