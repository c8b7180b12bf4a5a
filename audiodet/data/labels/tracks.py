r"""Lists of events without a header: Audacity's label tracks, event lists, RTTM.

Audacity writes ``onset<TAB>offset<TAB>label``, and below an event whose frequencies were selected
``\<TAB>low<TAB>high`` (its manual, "Importing and exporting labels"). Event lists of DCASE have the
same three columns, or the recording before them. RTTM has ten fields (NIST RT-09).
"""

from collections.abc import Sequence

from audiodet.data.labels.rows import LabelTable
from audiodet.data.labels.text import seconds

AUDACITY = "Audacity labels"
EVENT_LIST = "event list"
RTTM = "RTTM"


def is_time(cell: str) -> bool:
    """Whether a cell can be a time in seconds; with a decimal comma too."""
    try:
        seconds(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def read_track(path: str, lines: Sequence[tuple[int, list[str]]], recording: str) -> LabelTable:
    """Events of one ``recording`` from fields "onset offset label", with lines of frequencies.

    A track without a line is a recording without events.
    """
    table = LabelTable(path, "strong", format=AUDACITY)
    events = []
    for line, cells in lines:
        if cells[:1] == ["\\"]:
            if events:
                events[-1][1].update(zip(("low_hz", "high_hz"), map(_pointed, cells[1:])))
        elif any(cells):
            times = map(_pointed, cells[:2])
            label = " ".join(filter(None, cells[2:]))
            fields = dict(zip(("onset", "offset"), times), filename=recording, event_label=label)
            events.append((line, fields))
    for line, fields in events:
        table.add(line, fields)
    if not events:
        table.add(0, {"filename": recording})
    return table


def read_event_list(path: str, lines: Sequence[tuple[int, list[str]]]) -> LabelTable:
    """Events from fields "recording onset offset label"."""
    table = LabelTable(path, "strong", format=EVENT_LIST)
    for line, cells in lines:
        if any(cells):
            names = ("filename", "onset", "offset", "event_label")
            times = map(_pointed, cells[1:3])
            table.add(line, dict(zip(names, (cells[0], *times, *cells[3:]))))
    return table


def read_rttm(path: str, lines: Sequence[str]) -> LabelTable:
    """Events of rich transcription; other types than SPEAKER are left out, and said."""
    table = LabelTable(path, "strong", format=RTTM)
    others = set()
    for line, text in enumerate(lines, 1):
        cells = text.split()
        if not cells or cells[0].startswith(";;"):
            continue
        if cells[0] != "SPEAKER":
            others.add(cells[0])
            continue
        fields = dict(zip(("", "filename", "", "onset", "", "", "", "event_label", "score"), cells))
        try:
            fields["offset"] = round(seconds(cells[3]) + seconds(cells[4]), 9)
        except (ValueError, IndexError):
            fields["offset"] = "".join(cells[4:5])
        table.add(line, fields)
    if others:
        table.notes.append(f"only SPEAKER lines are read, not {', '.join(sorted(others))}")
    return table


def _pointed(cell: str) -> str:
    return cell.replace(",", ".")
