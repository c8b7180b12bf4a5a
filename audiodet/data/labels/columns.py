"""Tables with columns of any names: which column holds what is guessed, and said.

The guess goes by names alone: lower case, units and punctuation left out. The first name of a list
that a table has is taken.
"""

import re
from collections.abc import Mapping, Sequence

from audiodet.data.labels.raven import RAVEN, selections
from audiodet.data.labels.rows import STRONG, WEAK, LabelTable
from audiodet.data.labels.table import NotLabels, kind_of
from audiodet.data.labels.text import seconds
from audiodet.errors import DataError

ROLES = {
    "filename": "filename begin_path begin_file file file_name path filepath file_path fname "
    "audio_filename audio_file audio_path audio recording recording_path sound_file soundfile "
    "wav wav_file wavfile clip clip_name notated_path slice_file_name uri source",
    "onset": "onset start start_time begin_time begin time_start t_start event_onset tmin xmin "
    "min_t from",
    "offset": "offset end end_time stop stop_time time_end t_end event_offset tmax xmax max_t to",
    "duration": "duration dur delta_time length",
    "event_label": "event_label label class class_name event event_type annotation species "
    "common_name species_code scientific_name category call_type sound_type tag sound code name "
    "text",
    "event_labels": "event_labels labels tags classes",
    "score": "score confidence probability likelihood",
    "low_hz": "low low_freq low_frequency freq_low min_freq freq_min min_frequency f_min fmin",
    "high_hz": "high high_freq high_frequency freq_high max_freq freq_max max_frequency f_max fmax",
    "file_offset": "file_offset",  # Raven: the event's begin in its file
    "view": "view",
    "selection": "selection",
    "group": "group",
}
NAMELESS = "no column of file names"
TIMES = ("onset", "offset", "duration", "file_offset")
UNITS = {"s", "sec", "secs", "second", "seconds", "hz"}
MILLISECONDS = {"ms", "msec", "millis", "milliseconds"}
OTHER_UNITS = {"sample", "samples", "frame", "frames"}


def guess_columns(header: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """{what: the column that holds it}, for the keys of ``ROLES``; ``given`` goes before."""
    plain = {}
    unusable = {}  # in samples or frames: taken where there is no other, to be refused
    for column in header:
        plain.setdefault("_".join(_words(column, UNITS | MILLISECONDS)), column)
        unusable.setdefault("_".join(_words(column, OTHER_UNITS)), column)
    found = {}
    for role, names in ROLES.items():
        places = [plain, unusable] if role in TIMES else [plain]
        fitting = [place[name] for place in places for name in names.split() if name in place]
        if role in header:
            found[role] = role
        elif fitting:
            found[role] = fitting[0]
    found.update(given or {})
    has_times = "onset" in found and ("offset" in found or "duration" in found)
    if has_times and found.get("event_labels") != WEAK[1]:
        several = found.pop("event_labels", None)
        if several:
            found.setdefault("event_label", several)
    elif not has_times and not {"onset", "offset"} & set(found) and "event_label" in found:
        found.setdefault("event_labels", found.pop("event_label"))
    return found


def guessed_table(
    path: str,
    name: str,
    header: Sequence[str],
    records: Sequence[tuple[int, Mapping]],
    columns: Mapping[str, str] | None = None,
    filename: str = "",
) -> LabelTable:
    """A table from records {column: value}, whatever its columns are called.

    Args:
        name: of the format; ``RAVEN`` has rules of its own.
        columns: columns that need no guess, see :func:`guess_columns`.
        filename: the recording of a table that has no column for it.

    Raises:
        DataError: a column is missing, or holds times in samples or frames.
    """
    _expect_columns(path, header, columns or {})
    found = guess_columns(header, columns)
    _refuse_units(path, found)
    kind = _kind(path, header, found)
    table = LabelTable(path, kind, format=name, notes=_notes(found, filename))
    factors = {role: _factor(found[role]) for role in TIMES if role in found}
    rows = [(line, _fields(record, found, filename)) for line, record in records]
    if _has_decimal_commas(rows):
        rows = [(line, _with_points(fields)) for line, fields in rows]
    if name == RAVEN:
        rows = selections(table, rows)
    for line, fields in rows:
        table.add(line, _in_seconds(fields, factors))
    return table


def _words(column: str, without: set[str] = frozenset()) -> list[str]:
    words = re.split(r"[\W_]+", column.casefold())
    return [word for word in words if word and word not in without]


def _expect_columns(path: str, header: Sequence[str], columns: Mapping[str, str]) -> None:
    for role, column in columns.items():
        if role not in ROLES:
            raise DataError(f"--columns {role}={column}, expected one of {', '.join(ROLES)}")
        if column not in header:
            raise DataError(f"{path}: no column {column!r}, found {list(header)}")


def _refuse_units(path: str, found: Mapping[str, str]) -> None:
    for role in TIMES:
        if OTHER_UNITS & set(_words(found.get(role, ""))):
            raise DataError(f"{path}: the column {found[role]!r}, expected times in seconds")


def _factor(column: str) -> float:
    return 0.001 if MILLISECONDS & set(_words(column)) else 1.0


def _kind(path: str, header: Sequence[str], found: Mapping[str, str]) -> str:
    roles = [role for role in (*STRONG, WEAK[1]) if role in found]
    if roles and "filename" not in roles:
        roles.append("filename")
    if "onset" in roles and "duration" in found and "offset" not in roles:
        roles.append("offset")
    try:
        return kind_of(path, roles)
    except NotLabels as error:
        text = str(error).replace(f"found {roles}", f"found {list(header)}")
        raise NotLabels(f"{text}; `audiodet data import --columns` says which is which") from None


def _notes(found: Mapping[str, str], filename: str) -> list[str]:
    """What was guessed, where the names are not those of DESED; and where no file is named."""
    shown = []
    for role, column in found.items():
        if role != column and role not in ("view", "selection"):
            unit = " in milliseconds" if role in TIMES and _factor(column) != 1 else ""
            shown.append(f"{role} from {column!r}{unit}")
    notes = [f"columns: {', '.join(shown)}"] if shown else []
    if "filename" not in found:
        notes.append(f"{NAMELESS}: recordings are found by the label file's name")
    return notes


def _fields(record: Mapping, found: Mapping[str, str], filename: str) -> dict:
    fields = {} if "filename" in found else {"filename": filename}
    for role, column in found.items():
        fields[role] = record.get(column)
    return fields


def _has_decimal_commas(rows: Sequence[tuple[int, dict]]) -> bool:
    """Whether times are written "0,5", and none of them "0.5"."""
    times = []
    for _, fields in rows:
        times += [fields[role] for role in TIMES if isinstance(fields.get(role), str)]
    commas = any(re.fullmatch(r"[+-]?\d*,\d+", time) for time in times)
    return commas and not any("." in time for time in times)


def _with_points(fields: dict) -> dict:
    changed = dict(fields)
    for role in (*TIMES, "score", "low_hz", "high_hz"):
        if isinstance(fields.get(role), str):
            changed[role] = fields[role].replace(",", ".")
    return changed


def _in_seconds(fields: dict, factors: Mapping[str, float]) -> dict:
    """Fields with onset and offset in seconds; what is no time stays, the table says so then."""
    if set(factors) == {"onset", "offset"} and set(factors.values()) == {1.0}:
        return fields
    times = {}
    for role, factor in factors.items():
        try:
            times[role] = round(seconds(fields.get(role)) * factor, 9)
        except ValueError:
            continue
    if "offset" not in factors and {"onset", "duration"} <= set(times):
        times["offset"] = round(times["onset"] + times["duration"], 9)
    if "file_offset" in factors and {"onset", "offset"} <= set(times):
        length = times["offset"] - times["onset"]
        times["onset"] = times.get("file_offset", "")
        times["offset"] = round((times["onset"] or 0.0) + length, 9)
    return {**fields, **times}
