"""Label tables out: the conventions of DESED, which every command reads."""

import os

from audiodet.data.labels.rows import FURTHER, STRONG, WEAK, LabelTable, Row
from audiodet.data.labels.text import unquoted
from audiodet.errors import DataError
from audiodet.files import write_text
from audiodet.names import printable

HEADERS = {"strong": STRONG, "weak": WEAK, "unlabelled": STRONG[:1]}


def write_table(path: str | os.PathLike, table: LabelTable) -> None:
    """Write the rows of a table, whole or not at all, with the further columns that it has.

    Times are as exact as they were read; a clip without events is a row with empty fields.

    Raises:
        DataError: a weak label holds a comma, which joins labels.
        AudiodetError: the folder cannot be written to.
    """
    further = []
    for name in FURTHER:
        if any(getattr(row, name) is not None for row in table.rows):
            further.append(name)
    lines = ["\t".join([*HEADERS[table.kind], *further])]
    for row in table.rows:
        cells = [*_cells(table, row), *(_cell(row, name) for name in further)]
        lines.append("\t".join(map(_quoted, cells)))
    write_text(path, "\n".join(lines) + "\n")


def _cells(table: LabelTable, row: Row) -> list[str]:
    name = printable(row.filename)
    if table.kind == "unlabelled":
        return [name]
    if table.kind == "weak":
        for label in row.labels:
            if "," in label:
                raise DataError(f"{row.place}: label {label!r}, expected one without a comma")
        return [name, ",".join(map(printable, row.labels))]
    if row.onset is None:
        return [name, "", "", ""]
    return [name, f"{row.onset:.15g}", f"{row.offset:.15g}", printable(row.labels[0])]


def _quoted(cell: str) -> str:
    """A cell that would be taken for a quoted one is quoted itself."""
    return cell if unquoted(cell) == cell else '"' + cell.replace('"', '""') + '"'


def _cell(row: Row, name: str) -> str:
    value = getattr(row, name)
    return "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)
