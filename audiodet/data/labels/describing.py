"""What labels hold, in words for a user."""

from collections import Counter
from collections.abc import Mapping

from tabulate import tabulate

from audiodet.data.labels.edits import shown
from audiodet.data.labels.rows import LabelTable


def describe(table: LabelTable) -> list[str]:
    """How labels were read and what they hold, a line each."""
    clips = table.clips()
    counts = label_counts(table)
    what = "events" if table.kind == "strong" else "clip labels"
    empty = sum(not any(row.labels for row in rows) for rows in clips.values())
    lines = [
        f"read as {table.format}: {len(clips)} recordings ({empty} without labels), "
        f"{sum(counts.values())} {what} of {len(counts)} labels ({table.kind})"
    ]
    lines += [f"  {label}: {count}" for label, count in sorted(counts.items())]
    lines += [f"note: {note}" for note in table.notes]
    if table.unlisted:
        lines.append(
            f"note: {len(table.unlisted)} recordings have no labels, not used: "
            f"{shown(table.unlisted)}"
        )
    return lines


def label_counts(table: LabelTable) -> Counter:
    """Events, or clips, per label."""
    counts = Counter()
    for row in table.rows:
        counts.update(row.labels)
    return counts


def split_text(parts: Mapping[str, LabelTable], groups: Mapping[str, str] | None = None) -> str:
    """A table of what each split holds: recordings, groups, and events (or clips) per label."""
    counts = {name: label_counts(part) for name, part in parts.items()}
    rows = [["recordings", *(len(part.clips()) for part in parts.values())]]
    if groups:
        members = [{groups[name] for name in part.clips()} for part in parts.values()]
        rows.append(["groups", *map(len, members)])
    for label in sorted(set().union(*counts.values())):
        rows.append([label, *(counts[name][label] for name in parts)])
    return tabulate(rows, headers=["", *parts], tablefmt="plain")
