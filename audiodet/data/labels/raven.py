"""Raven's selection tables: what their rows mean beyond their columns.

A selection has a row per view (waveform, spectrogram). In a table of several recordings opened in
order, Begin Time runs on from file to file, and only File Offset (s) tells where in its file an
event begins (Raven Pro's manual, "Measurements").
"""

from collections.abc import Sequence

from audiodet.data.labels.rows import LabelTable
from audiodet.errors import DataError

RAVEN = "Raven selection table"


def selections(table: LabelTable, rows: Sequence[tuple[int, dict]]) -> list[tuple[int, dict]]:
    """The rows (line, fields) of a selection table with each selection once.

    Raises:
        DataError: several recordings, and nothing says where in its file an event begins.
    """
    files = list(dict.fromkeys(fields["filename"] for _, fields in rows))
    if len(files) > 1 and not all("file_offset" in fields for _, fields in rows):
        raise DataError(
            f"{table.path}: {len(files)} recordings ({files[0]}, {files[1]}, ...) without the "
            "column 'File Offset (s)'; Begin Time runs on from file to file, expected that column"
        )
    drawn = set()
    for _, fields in rows:
        if _is_spectrogram(fields):
            drawn.add((fields["filename"], fields.get("selection")))
    kept = []
    for line, fields in rows:
        key = (fields["filename"], fields.get("selection"))
        if _is_spectrogram(fields) or not fields.get("selection") or key not in drawn:
            kept.append((line, fields))
    if len(kept) < len(rows):
        table.notes.append(
            f"{len(rows) - len(kept)} rows of the waveform view left out: their selections stand "
            "in the spectrogram view too"
        )
    return kept


def _is_spectrogram(fields: dict) -> bool:
    return "spectrogram" in (fields.get("view") or "").casefold()
