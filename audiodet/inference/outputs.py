"""From finished recordings to the files of a run, each written whole or not at all."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from audiodet.errors import AudiodetError
from audiodet.events import Detection
from audiodet.files import atomic_folder, atomic_path, write_text
from audiodet.inference.formats import (
    COLUMNS,
    FOLDERS,
    FORMATS,
    NAMED,
    TEXT_FORMATS,
    Origin,
    TextFormat,
    decodable_row,
)
from audiodet.names import cell, decodable, path_cell

PARQUET = "audiodet_events.parquet"
ERRORS = "errors.tsv"
RUN = "audiodet_run.json"
NAMES = "audiodet_names.tsv"
ROW_GROUP = 1 << 16  # events of a Parquet file that are in memory at a time


def formats_in(folder) -> tuple[str, ...]:
    """Formats of the tables that an earlier run left in a folder."""
    return tuple(name for name in FORMATS if _place(folder, name).exists())


def _place(folder, name: str) -> Path:
    return Path(folder) / (PARQUET if name == "parquet" else TEXT_FORMATS[name].file)


def write_all(
    folder, formats: Iterable[str], recordings: Callable[[], Iterator[Detection]], origin: Origin
) -> list[str]:
    """Write the events in each format -> paths of the files.

    Where a format calls recordings by short names, a table says which recording each stands for.

    Args:
        recordings: called once per format; yields all recordings in order.

    Raises:
        AudiodetError: a file could not be written; what stood there before still does.
    """
    written = []
    for name in formats:
        path = _place(folder, name)
        with writing(path):
            if name == "parquet":
                _write_parquet(path, recordings(), origin)
            elif name in FOLDERS:
                _write_folder(path, TEXT_FORMATS[name](origin), recordings())
            else:
                _write_table(path, TEXT_FORMATS[name](origin), recordings())
        written.append(str(path))
    if set(formats) & set(NAMED):
        with writing(Path(folder) / NAMES):
            _write_names(Path(folder) / NAMES, origin.names)
    return written


def write_report(folder, report: dict, errors: Iterable[tuple[str, str]]) -> None:
    """``audiodet_run.json``, and ``errors.tsv``."""
    write_problems(folder, errors, "error")
    with writing(Path(folder) / RUN):
        write_text(Path(folder) / RUN, json.dumps(report, indent=1) + "\n")


def write_problems(folder, problems: Iterable[tuple[str, str]], kind: str) -> None:
    """``errors.tsv`` or ``warnings.tsv`` of [(path, text)], or none where there are none."""
    path = Path(folder) / f"{kind}s.tsv"
    lines = [f"{path_cell(name)}\t{cell(text)}\n" for name, text in problems]
    with writing(path):
        if lines:
            write_text(path, f"filename\t{kind}\n" + "".join(lines))
        else:
            path.unlink(missing_ok=True)


@contextmanager
def writing(path: Path):
    """Turn a full disk or a read-only folder into one clear line."""
    try:
        yield
    except OSError as error:
        raise AudiodetError(
            f"{path}: cannot be written ({error.strerror or error}); correct that and continue "
            "with --resume"
        ) from error


def _write_table(path: Path, table, recordings: Iterator[Detection]) -> None:
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(table.header)
        for recording in recordings:
            file.writelines(table.lines(recording))


def _write_names(path: Path, names: Mapping[str, str]) -> None:
    lines = [f"{cell(name)}\t{path_cell(source)}\n" for source, name in names.items()]
    write_text(path, "name\tfilename\n" + "".join(lines))


def _write_folder(path: Path, labels: TextFormat, recordings: Iterator[Detection]) -> None:
    """A file per recording, in a folder that takes its place when all are there."""
    with atomic_folder(path) as temporary:
        for recording in recordings:
            name = f"{labels.origin.names[recording.source]}.txt"
            with open(temporary / name, "w", encoding="utf-8") as file:
                file.writelines(labels.lines(recording))


def _write_parquet(path: Path, recordings: Iterator[Detection], origin: Origin) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = (pa.string(), pa.float64(), pa.float64(), pa.string(), pa.float64())
    metadata = {"model": origin.model, "parameters": json.dumps(origin.parameters)}
    schema = pa.schema(list(zip(COLUMNS, kinds)), metadata=metadata)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for rows in _groups(recordings):
            columns = [list(column) for column in zip(*rows)]
            writer.write_table(pa.table(columns, schema=schema))


def _groups(recordings: Iterator[Detection]) -> Iterator[list]:
    """Rows of Parquet, in groups; a recording without events has one row with nulls."""
    rows = []
    for recording in recordings:
        path = decodable(recording.source)
        found = [decodable_row(recording.source, event) for event in recording.events]
        rows += found or [(path, *[None] * 4)]
        if len(rows) >= ROW_GROUP:
            yield rows
            rows = []
    if rows:
        yield rows
