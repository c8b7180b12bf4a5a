"""What a user may ask of label rows: other labels, overlaps joined; and what is wrong with them."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from audiodet.audio import audio_info
from audiodet.data.labels.rows import LabelTable, Problem, Row, outside_clip
from audiodet.data.labels.text import read_lines
from audiodet.errors import AudioError, DataError

SHOWN = 3  # names in a message


def read_label_map(path: str) -> dict[str, str]:
    """{old label: new label} from lines ``old<TAB>new``; new is empty where a label is left out.

    Raises:
        DataError: the file cannot be read, or a line is none.
    """
    mapping = {}
    for line, cells in read_lines(path):
        if not any(cells):
            continue
        old, *new = cells
        if len(new) > 1 or not old or mapping.get(old, "".join(new)) != "".join(new):
            raise DataError(f"{path}:{line}: {cells}, expected each label once: old<TAB>new")
        mapping[old] = "".join(new)
    return mapping


def map_labels(table: LabelTable, mapping: Mapping[str, str]) -> None:
    """Rename labels; those that become "" are left out, their clips stay."""
    before = table.labels()
    unused = [label for label in mapping if label not in before]
    if unused:
        table.notes.append(f"in the label map, but not in the labels: {shown(unused)}")
    others = [label for label in before if label not in mapping]
    if others:
        table.notes.append(f"not in the label map, kept: {shown(others)}")
    rows = []
    for row in table.rows:
        renamed = (mapping.get(label, label) for label in row.labels)
        labels = tuple(dict.fromkeys(filter(None, renamed)))
        if labels or not row.labels:
            rows.append(replace(row, labels=labels))
        else:
            rows.append(Row(row.line, row.filename, group=row.group, source=row.source))
    table.rows = rows


def note_cases(table: LabelTable) -> None:
    """Say which labels differ only in case: they are learned as different sounds."""
    spellings = {}
    for label in table.labels():
        spellings.setdefault(label.casefold(), []).append(label)
    for labels in spellings.values():
        if len(labels) > 1:
            table.notes.append(f"labels that differ only in case: {', '.join(labels)}")


def expect_labels(table: LabelTable, labels: Sequence[str]) -> None:
    """Make rows of other labels problems."""
    good = []
    for row in table.rows:
        unknown = [label for label in row.labels if label not in labels]
        if unknown:
            text = f"unknown label {', '.join(unknown)}, expected one of {', '.join(labels)}"
            table.problems.append(Problem(row.line, "unknown label", text, row.source))
        else:
            good.append(row)
    table.rows = good
    occurring = set(table.labels())
    empty = [label for label in labels if label not in occurring]
    if empty and table.kind != "unlabelled":
        table.notes.append(f"labels that never occur: {shown(empty)}")


def overlapping(table: LabelTable) -> Iterator[tuple[Row, Row]]:
    """Pairs of events of one label and recording of which the second begins before the first ends.

    Of an event that several earlier ones overlap only one pair.
    """
    for rows in _tracks(table).values():
        last = rows[0]
        for row in rows[1:]:
            if row.onset < last.offset:
                yield last, row
            last = max(last, row, key=lambda each: each.offset)


def overlap_text(first: Row, second: Row) -> str:
    """Two overlapping events in words."""
    return (
        f"{second.labels[0]} {second.onset:g} to {second.offset:g} s overlaps "
        f"{first.onset:g} to {first.offset:g} s of the same label in {second.filename}"
    )


def refuse_overlaps(table: LabelTable) -> None:
    """Make overlapping events of one label problems."""
    for first, second in overlapping(table):
        text = f"{overlap_text(first, second)}; --merge joins them"
        table.problems.append(Problem(second.line, "overlap", text, second.source))


def join_overlaps(table: LabelTable) -> None:
    """Join overlapping events of one label, not those that only touch; the best score stays."""
    order = {filename: place for place, filename in enumerate(table.clips())}
    joined = []
    for rows in _tracks(table).values():
        events = [rows[0]]
        for row in rows[1:]:
            if row.onset < events[-1].offset:
                events[-1] = _joined(events[-1], row)
            else:
                events.append(row)
        joined += events
    count = sum(row.onset is not None for row in table.rows) - len(joined)
    if count:
        table.notes.append(f"{count} events were merged into overlapping ones of their label")
        others = [row for row in table.rows if row.onset is None]
        rows = sorted(others + joined, key=lambda row: row.onset or 0.0)
        table.rows = sorted(rows, key=lambda row: order[os.path.normpath(row.filename)])


def check_times(table: LabelTable) -> None:
    """Make events outside of their recording, and recordings that cannot be read, problems."""
    for filename, rows in table.clips().items():
        try:
            seconds = audio_info(table.recording(filename)).duration
        except AudioError as error:
            table.problems.append(Problem(0, "unreadable file", str(error)))
            continue
        for row in rows:
            problem = outside_clip(row, seconds)
            if problem:
                table.problems.append(
                    Problem(row.line, "label outside the clip", problem, row.source)
                )


def shown(names: Sequence[str]) -> str:
    """Three of the names, and how many more."""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _joined(first: Row, second: Row) -> Row:
    """One event from two; frequencies span both where both have them."""
    scores = [row.score for row in (first, second) if row.score is not None]
    low = high = None
    if None not in (first.low_hz, second.low_hz, first.high_hz, second.high_hz):
        low, high = min(first.low_hz, second.low_hz), max(first.high_hz, second.high_hz)
    offset = max(first.offset, second.offset)
    return replace(first, offset=offset, score=max(scores, default=None), low_hz=low, high_hz=high)


def _tracks(table: LabelTable) -> dict[tuple[str, str], list[Row]]:
    """Events in order of onset by recording and label."""
    tracks = defaultdict(list)
    for filename, rows in table.clips().items():
        for row in rows:
            if row.onset is not None:
                tracks[filename, row.labels[0]].append(row)
    for rows in tracks.values():
        rows.sort(key=lambda row: (row.onset, row.offset))
    return tracks
