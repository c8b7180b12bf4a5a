"""One label file of any format: recognised by what it holds, not by its name."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace

from audiodet.data.labels.columns import guessed_table
from audiodet.data.labels.documents import read_json
from audiodet.data.labels.raven import RAVEN
from audiodet.data.labels.rows import STRONG, WEAK, LabelTable
from audiodet.data.labels.table import records_of
from audiodet.data.labels.text import read_text, split_lines
from audiodet.data.labels.tiers import read_elan, read_textgrid
from audiodet.data.labels.tracks import (
    AUDACITY,
    EVENT_LIST,
    is_time,
    read_event_list,
    read_rttm,
    read_track,
)
from audiodet.errors import DataError, require_package

SUFFIXES = (
    ".tsv .csv .txt .lab .json .jsonl .jams .eaf .textgrid .rttm .parquet .tab .labels".split()
)
EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # a workbook, new and old
RTTM_START = re.compile(r"(;;.*\n|\s)*SPEAKER\s+\S+\s+\S+\s+[\d.]+\s")
# What programs put between a recording's name and the suffix of its labels.
ADDED = re.compile(
    r"(\.Table\.\d+)?\.selections$|\.BirdNET\..*$|[._-](labels?|annotations?|events?)$",
    re.IGNORECASE,
)


def read_file(path: str, columns: Mapping[str, str] | None = None) -> LabelTable:
    """Read a file of labels without looking at recordings.

    Where a file names no recording, it is the one of its own name without suffix.

    Args:
        columns: see :func:`audiodet.data.labels.columns.guess_columns`.

    Raises:
        DataError: the file cannot be read, is of no known format, or lacks a column.
    """
    recording = os.path.splitext(os.path.basename(path))[0]
    head = _head(path)
    if head.startswith(b"PAR1"):
        return _read_parquet(path, columns)
    if head.startswith(EXCEL):
        raise DataError(f"{path}: a workbook, expected text; save it as CSV")
    text = read_text(path)
    start = text.lstrip()[:2000]
    suffix = os.path.splitext(path)[1].lower()
    if start.startswith(("{", "[")) or (not start and suffix == ".jsonl"):
        return read_json(path, text, recording, columns)
    if start.startswith("<"):
        if "<ANNOTATION_DOCUMENT" in start:
            return read_elan(path, text, recording)
        raise DataError(f"{path}: XML of no known form, expected an EAF of ELAN")
    if "ooTextFile" in start[:60]:
        return read_textgrid(path, text, recording)
    if RTTM_START.match(start) or (not start and suffix == ".rttm"):
        return read_rttm(path, text.split("\n"))
    return _read_lines(path, text, recording, columns)


def stem_without_addition(stem: str) -> str:
    """The name of a recording in that of its label file: "a.Table.1.selections" -> "a"."""
    return ADDED.sub("", stem)


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(4)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected labels") from None


def _read_parquet(path: str, columns: Mapping[str, str] | None) -> LabelTable:
    require_package("pyarrow", f"{path}: reading Parquet")
    import pyarrow
    import pyarrow.parquet

    try:
        content = pyarrow.parquet.read_table(path)
        records = list(enumerate(content.to_pylist(), 1))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: damaged Parquet ({error}), expected a whole file") from None
    return guessed_table(path, "Parquet", content.column_names, records, columns)


def _read_lines(
    path: str, text: str, recording: str, columns: Mapping[str, str] | None
) -> LabelTable:
    """Delimited lines: events where the first one holds times, else a table with a header."""
    if re.match(r"sep=.[\r\n]", text):  # Excel's own line
        text = "\n" + text.partition("\n")[2]
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((each for each in "\t;," if each in first), None)
    if delimiter is None and _holds_times(first.split()) is None:
        delimiter = "\t"  # one column
    lines = split_lines(path, text, delimiter, quoted=delimiter in (";", ","))
    while lines and not any(lines[0][1]):
        lines.pop(0)
    place = _holds_times(lines[0][1]) if lines else None
    if place == 0 or (not lines and not path.lower().endswith((".tsv", ".csv"))):
        table = read_track(path, lines, recording)
        table.format = AUDACITY if delimiter == "\t" else EVENT_LIST
        return table
    if place == 1:
        return read_event_list(path, lines)
    line, header = lines.pop(0) if lines else (0, [])
    name = _name(header, delimiter)
    rough = LabelTable(path, "the header's")
    records = records_of(rough, lines, header)
    table = guessed_table(path, name, header, records, columns, recording)
    for problem in rough.problems:
        text = problem.text.replace(rough.kind, table.kind)
        table.problems.append(replace(problem, text=text))
    return table


def _holds_times(cells: list[str]) -> int | None:
    """The place of the onset in a line without a header; None where it has none."""
    for place in (0, 1):
        if len(cells) > place + 1 and all(map(is_time, cells[place : place + 2])):
            return place
    return None


def _name(header: list[str], delimiter: str) -> str:
    if {"Begin Time (s)", "End Time (s)"} <= set(header):
        return RAVEN
    named = set(STRONG) <= set(header) or set(WEAK) <= set(header)
    if delimiter == "\t" and (named or "filename" in header):
        return "DESED TSV"
    names = {"\t": "tab-separated table", ";": "semicolon CSV", ",": "comma CSV"}
    return names[delimiter]
