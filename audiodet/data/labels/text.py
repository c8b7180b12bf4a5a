"""Text as people and programs write it: encodings, delimited cells, numbers and times."""

import csv
import io
import math
import os
import re

from audiodet.errors import DataError

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d+)?)", re.ASCII)  # h:mm:ss.s or m:ss.s
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: str) -> str:
    """A file as text: UTF-8, or UTF-16 where a byte order mark says so (Excel, Praat).

    Raises:
        DataError: the file cannot be read or is not text.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}), expected labels") from None
    try:
        text = data.decode("utf-16" if data[:2] in UTF_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file ({error}), expected UTF-8 text") from None
    if "\0" in text:
        raise DataError(f"{path}: not a text file (it holds NUL), expected UTF-8 text")
    return text


def read_lines(path: str, delimiter: str | None = "\t") -> list[tuple[int, list[str]]]:
    """Line numbers from 1 and stripped fields of a delimited text file; see :func:`split_lines`."""
    path = os.fspath(path)
    return split_lines(path, read_text(path), delimiter)


def split_lines(
    path: str, text: str, delimiter: str | None = "\t", quoted: bool = False
) -> list[tuple[int, list[str]]]:
    """Line numbers from 1 and stripped fields of the text of ``path``.

    Args:
        delimiter: one character, or None for any run of white space.
        quoted: quotes hold cells together as in RFC 4180; else they mean nothing, but for a cell
            of a tab-separated table that stands in quotes as a whole, as Excel writes it.

    Raises:
        DataError: it is no such text.
    """
    stream = io.StringIO(text, newline="")
    if delimiter is None:
        return [(number, line.split()) for number, line in enumerate(stream, 1)]
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    lines = csv.reader(stream, delimiter=delimiter, quoting=quoting)
    found = []
    try:
        for cells in lines:
            cells = [cell.strip() for cell in cells]
            if delimiter == "\t" and not quoted:
                cells = [unquoted(cell) for cell in cells]
            found.append((lines.line_num, cells))
    except csv.Error as error:
        raise DataError(f"{path}: not a text file ({error}), expected UTF-8 text") from None
    return found


def unquoted(cell: str) -> str:
    """A cell without the quotes around it; quotes inside must be doubled, else it stays."""
    inside = cell[1:-1]
    if len(cell) < 2 or not (cell[0] == cell[-1] == '"') or '"' in inside.replace('""', ""):
        return cell
    return inside.replace('""', '"').strip()


def number(value) -> float:
    """A finite number from a cell or a JSON value; ValueError where it is none.

    "1_000", "nan" and digits of other scripts, which Python would take, are none.
    """
    if isinstance(value, str) and NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def seconds(value) -> float:
    """Like :func:`number`, for times: "1:02:03.5" and "2:03.5" too, in seconds."""
    clock = CLOCK.fullmatch(value) if isinstance(value, str) else None
    if not clock:
        return number(value)
    hours, minutes, rest = clock.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)
