"""Labels of any format that is read, and the recordings that they belong to.

The one way from label files to rows: for `audiodet data import`, `check` and `split`, for
DATASETS.CUSTOM, and for whatever trains, scores or tunes on a user's own labels.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from audiodet.data.labels.columns import NAMELESS
from audiodet.data.labels.edits import (
    expect_labels,
    join_overlaps,
    map_labels,
    note_cases,
    refuse_overlaps,
    shown,
)
from audiodet.data.labels.inputs import LabelFile, Sources, find_sources
from audiodet.data.labels.matching import Recordings, find_recordings
from audiodet.data.labels.recognising import read_file
from audiodet.data.labels.rows import LabelTable, Problem, Row
from audiodet.data.labels.table import NotLabels
from audiodet.errors import DataError

FOLDERS = "a folder per class"
OWN_PREFIX = "audiodet_"  # of the tables that `audiodet detect` writes


@dataclass(frozen=True, kw_only=True)
class Options:
    """How labels are read.

    Attributes:
        label_map: {label as written: label wanted}, "" leaves its events out; others stay.
        merge: of overlapping events of one label: None keeps them, True joins them, False makes
            each a problem.
        columns: {"filename", "onset", "offset", "event_label" ...: the column's name} where the
            guess is not right.
        whole_clips: with a folder per class: each recording is one event from its begin to its
            end; else they are weak labels.
        negatives: recordings that no label file names are clips without events; else not used.
        labels: the labels that may occur; None accepts all.
    """

    label_map: Mapping[str, str] | None = None
    merge: bool | None = None
    columns: Mapping[str, str] | None = None
    whole_clips: bool = False
    negatives: bool = False
    labels: Sequence[str] | None = None


def read_labels(
    paths: str | os.PathLike | Sequence[str | os.PathLike],
    audio: str | os.PathLike | None = None,
    **options,
) -> LabelTable:
    """Read label files and folders, and find the recordings that they name.

    Args:
        paths: label files, folders of them, "labels.tsv:audio_folder", folders of recordings; or
            a folder of recordings with a folder per class.
        audio: the folder of the recordings; None: the folders among ``paths`` that hold
            recordings, else those of the label files.
        options: see :class:`Options`.

    Returns:
        All rows as one table: ``kind`` is "strong", "weak" or "unlabelled", file names are
        relative to ``audio_dir`` and spelled as on disk, ``events()`` has the events of each
        recording, ``format`` says what was recognised, ``notes`` what a user should know. Rows
        that cannot be used are ``problems``: :meth:`LabelTable.require_good` raises the first.
        Of recordings only names are looked at, see :func:`~audiodet.data.labels.edits.check_times`.

    Raises:
        DataError: nothing to read, a file of no known format, a folder of mixed formats, strong
            and weak labels together, or no name matches a recording.
    """
    options = Options(**options)
    table = _with_recordings(find_sources(paths, audio), options)
    if options.label_map is not None:
        map_labels(table, options.label_map)
    note_cases(table)
    if options.labels is not None:
        expect_labels(table, options.labels)
    if options.merge:
        join_overlaps(table)
    elif options.merge is not None:
        refuse_overlaps(table)
    return table


def _with_recordings(sources: Sources, options: Options) -> LabelTable:
    """The rows of all label files, or of folders by class, by the names of recordings on disk."""
    if not sources.labels:
        return _class_folders(find_recordings(sources.audio), options.whole_clips)
    table = _combined(sources, options.columns)
    names = {row.filename for row in table.rows}
    if not sources.named and all(map(os.path.isfile, names)):
        recordings = Recordings("", [])  # names are relative to the working directory
    else:
        recordings = find_recordings(sources.audio, deep=sources.named)
    _match(table, recordings, sources.named)
    _add_unlisted(table, recordings, options.negatives)
    return table


def _combined(sources: Sources, columns: Mapping[str, str] | None) -> LabelTable:
    """The rows of all label files as one table; recordings are as the files name them."""
    tables = []
    failures = {}
    for file in sources.labels:
        try:
            tables.append(_read(file, columns))
        except DataError as error:
            if not file.folder:
                raise
            failures[file.path] = error
    if not tables:
        raise next(iter(failures.values()))
    _expect_one_format(sources, tables)
    kinds = {table.kind: table.path for table in reversed(tables)}
    if len(kinds) > 1:
        named = ", ".join(f"{kind} ({path})" for kind, path in kinds.items())
        raise DataError(f"labels of several kinds: {named}; expected those of one kind")
    whole = LabelTable(sources.name, tables[0].kind)
    whole.format = ", ".join(dict.fromkeys(table.format for table in tables))
    for table in tables:
        whole.rows += table.rows
        whole.problems += table.problems
        whole.notes += [note for note in table.notes if note not in whole.notes]
    suffixes = {_suffix(table.path) for table in tables}
    for path, error in failures.items():
        if isinstance(error, NotLabels) and _suffix(path) not in suffixes:
            whole.notes.append(f"no labels: {error}")
        else:
            whole.problems.append(Problem(0, "label file", str(error)))
    return whole


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _read(file: LabelFile, columns: Mapping[str, str] | None) -> LabelTable:
    """Read a file; where it names no recording, this is in the same folder below as the file."""
    table = read_file(file.path, columns)
    inside = os.path.dirname(os.path.relpath(file.path, file.folder)) if file.folder else ""
    stem = os.path.splitext(os.path.basename(file.path))[0]
    if inside and not _is_own(file.path):
        rows = table.rows
        named = [replace(row, filename=os.path.join(inside, stem)) for row in rows]
        table.rows = [new if row.filename == stem else row for row, new in zip(rows, named)]
    return table


def _is_own(path: str) -> bool:
    """Whether `audiodet detect` wrote a file, or the folder that it lies in, by their names."""
    folder, name = os.path.split(os.path.abspath(path))
    return name.startswith(OWN_PREFIX) or os.path.basename(folder).startswith(OWN_PREFIX)


def _expect_one_format(sources: Sources, tables: Sequence[LabelTable]) -> None:
    """Refuse a folder whose files are of several formats: they may hold the same events."""
    folders = {file.path: file.folder for file in sources.labels}
    for folder in sorted(set(filter(None, folders.values()))):
        formats = {table.format: table.path for table in tables if folders[table.path] == folder}
        if len(formats) > 1:
            named = ", ".join(f"{name} ({path})" for name, path in formats.items())
            raise DataError(
                f"{folder}: mixed formats, {named}; expected one, or name the files that count"
            )


def _match(table: LabelTable, recordings: Recordings, required: bool) -> None:
    """Replace names by those of the recordings; what is not found stays as it is written."""
    table.audio_dir = recordings.folder
    found = {}
    ways = {}
    for row in table.rows:
        if row.filename not in found:
            found[row.filename], how = recordings.find(row.filename, _is_own(row.source))
            if how:
                ways.setdefault(how, []).append(row.filename)
    if required:
        _expect_match(table, found, recordings)
    for how, names in ways.items():
        example = f"{names[0]} -> {found[names[0]][0]}"
        table.notes.append(f"{len(names)} recordings found {how}, as {example}")
    spellings = {}
    for name, paths in found.items():
        spellings.setdefault(os.path.normpath((paths or [name])[0]), []).append(name)
    for names in spellings.values():
        if len(names) > 1:
            table.notes.append(f"one recording is named {' and '.join(names)}")
    rows = []
    for row in table.rows:
        paths = found[row.filename] or [row.filename]
        if len(paths) > 1:
            text = f"{row.filename} may be {shown(paths)}; expected one recording"
            table.problems.append(Problem(row.line, "ambiguous name", text, row.source))
        else:
            rows.append(replace(row, filename=paths[0]))
    table.rows = rows


def _expect_match(table: LabelTable, found: Mapping, recordings: Recordings) -> None:
    if recordings.paths and found and not any(found.values()):
        guessed = "".join(f" ({note})" for note in table.notes if note.startswith(NAMELESS))
        raise DataError(
            f"{table.path}: no recording in {recordings.folder or '.'} is named in it; it names "
            f"{shown(found)}{guessed}; there are {shown(recordings.paths)}"
        )


def _add_unlisted(table: LabelTable, recordings: Recordings, negatives: bool) -> None:
    listed = set(table.clips())
    others = [path for path in recordings.paths if path not in listed]
    if others and negatives:
        table.rows += [Row(0, path) for path in others]
        table.notes.append(f"{len(others)} recordings without labels are clips without events")
    elif others:
        table.unlisted = others


def _class_folders(recordings: Recordings, whole_clips: bool) -> LabelTable:
    """Labels that are the names of the folders in which recordings lie."""
    from audiodet.audio import audio_info

    table = LabelTable(recordings.folder, "strong" if whole_clips else "weak", format=FOLDERS)
    table.audio_dir = recordings.folder
    top = [path for path in recordings.paths if not os.path.dirname(path)]
    for path in recordings.paths:
        label = os.path.basename(os.path.dirname(path))
        if label and whole_clips:
            end = audio_info(table.recording(path)).duration
            table.rows.append(Row(0, path, (label,), 0.0, end, source=recordings.folder))
        elif label:
            table.rows.append(Row(0, path, (label,), source=recordings.folder))
    if not table.rows:
        raise DataError(
            f"{recordings.folder}: no label files and no folder per class, found "
            f"{shown(top)}; expected either"
        )
    table.unlisted = top
    how = "one event, whole" if whole_clips else "weakly labelled (--whole-clips: one event)"
    table.notes.append(f"labels are the names of folders; each recording is {how}")
    return table
