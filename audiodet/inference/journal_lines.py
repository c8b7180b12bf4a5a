"""Lines of a journal: which are whole, and what they hold."""

import json
from collections.abc import Iterator, Mapping

from audiodet.events import Event

BEGIN = b'{"parameters": '  # of each journal
FLOORS = "floors"
KINDS = {  # of what a line may hold
    "parameters": dict,
    "decided": dict,
    "path": str,
    "part": str,
    "was": str,
    "is": str,
    "at": str,
    "error": str,
    "events": list,
    "open": list,
    "files": list,
    "duration": (int, float),
    "end": (int, float),
    "windows": int,
    "state": (list, type(None)),
}


def whole_lines(stream, damaged: list | None = None) -> Iterator[tuple[int, int, dict]]:
    """(first byte, end, content) of a journal's lines, but for one that was cut short at the end.

    Args:
        damaged: gets (number from 1, end) of lines that are no entries; they are passed over.
    """
    end = 0
    for number, line in enumerate(stream, 1):
        place = end
        end += len(line)
        if not line.endswith(b"\n"):
            return
        try:
            entry = json.loads(line)
            good = _is_entry(entry)
        except (ValueError, RecursionError):
            good = False
        if good:
            yield place, end, entry
        elif damaged is not None:
            damaged.append((number, end))


def _is_entry(entry) -> bool:
    """Whether a line's content has the form of one that :class:`Journal` writes."""
    if not isinstance(entry, dict) or not entry:
        return False
    for name, kind in KINDS.items():
        if name in entry and not isinstance(entry[name], kind):
            return False
    for event in [*entry.get("events", ()), *entry.get("open", ())]:
        if not isinstance(event, list) or not 4 <= len(event) <= 6:
            return False
        if not isinstance(event[2], str) or {type(event[i]) for i in (0, 1, 3)} - {int, float}:
            return False
    if "error" in entry or not {"path", "part"} & set(entry):
        return True
    complete = "files" in entry or {"events", "duration"} <= set(entry)
    return "state" in entry and (complete or {"events", "windows", "end", "open"} <= set(entry))


def with_events(entry: dict) -> dict:
    """A recording's entry with its candidates as Events."""
    entry["events"] = [Event(*event) for event in entry.get("events", [])]
    return entry


def with_floors(parameters: Mapping) -> dict:
    """Parameters of a run; one of an older version kept nothing below its thresholds."""
    known = dict(parameters)  # in their own order, which the tables show
    known.setdefault(FLOORS, known.get("thresholds", {}))
    return known
