"""Label tables in the conventions of DESED: tab separated text, times in seconds.

Three kinds; the header says which:

- strong: ``filename onset offset event_label``, a row per event; a row whose last three fields
  are empty or absent is a clip without events (and means nothing for a clip that has some);
- weak: ``filename event_labels``, the labels of a clip joined by commas;
- unlabelled: ``filename``.

Other columns are ignored. UTF-8 with or without byte order mark, any line ends.
"""

import os
from collections.abc import Sequence

from audiodet.data.labels.rows import STRONG, WEAK, LabelTable, Problem
from audiodet.data.labels.text import read_lines
from audiodet.errors import DataError


class NotLabels(DataError):
    """A table without the columns of labels."""


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
    given = {} if filename is None else {"filename": filename}
    if header is not None:
        table = LabelTable(path, kind_of(path, [*given, *header]))
        for line, fields in lines:
            if any(fields):
                table.add(line, {**given, **dict(zip(header, fields))}, labels)
        return table
    header = lines.pop(0)[1] if lines else []
    table = LabelTable(path, kind_of(path, [*given, *header]))
    for line, fields in records_of(table, lines, header):
        table.add(line, {**given, **fields}, labels)
    return table


def records_of(
    table: LabelTable, lines: Sequence[tuple[int, list[str]]], header: Sequence[str]
) -> list[tuple[int, dict[str, str]]]:
    """Line numbers and {column: cell} below a header; lines of more cells become problems."""
    records = []
    for line, fields in lines:
        if any(fields[len(header) :]):
            text = f"{len(fields)} fields, expected {len(header)}, of {table.kind} labels"
            table.problems.append(Problem(line, "bad row", text, table.path))
        elif any(fields):
            records.append((line, dict(zip(header, fields))))
    return records


def kind_of(path: str, columns: Sequence[str]) -> str:
    """The kind of labels that a table of these columns holds; DataError where one lacks."""
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
    raise NotLabels(
        f"{path}: column {', '.join(missing)} missing, found {columns}, expected tab-separated "
        f"{' '.join(STRONG)} or {' '.join(WEAK)} or filename"
    )
