"""What a check finds in the splits of a dataset, and its report as text.

Errors make training on the split wrong; warnings may be intended.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median

from audiodet.names import counted

SHOWN = 5  # mistakes of one kind that are printed; the others are counted
NOT_LISTED = "in the folder but not listed, not used"


@dataclass
class SplitReport:
    """What a check finds in one split.

    Attributes:
        name: the split.
        kind: "strong", "weak" or "unlabelled".
        clips: recordings that the split lists.
        negatives: those of them without a label.
        seconds: duration of those that can be read, in seconds.
        events: events per label (strong) or clips per label (weak).
        durations: durations of each label's events, in seconds; empty for weak labels.
        errors: kind of mistake -> one line for each; any makes training wrong.
        warnings: the same for what may be intended.
        files: sha1 of a recording's bytes -> where recordings with these bytes are.
        listed: true paths of the recordings.
        audio_dir: folder that recordings which are not listed are relative to.
        notes: how the labels were read, a line each.
    """

    name: str
    kind: str = "strong"
    clips: int = 0
    negatives: int = 0
    seconds: float = 0.0
    events: Counter = field(default_factory=Counter)
    durations: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    warnings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    listed: set[str] = field(default_factory=set)
    audio_dir: str = ""
    notes: list[str] = field(default_factory=list)


def find_leaks(reports: Sequence[SplitReport]) -> list[str]:
    """Recordings (the same file, or the same bytes) that stand in more than one split."""
    leaks = []
    for first, second in combinations(reports, 2):
        for digest in first.files.keys() & second.files.keys():
            pair = f"{first.files[digest][0]} and {second.files[digest][0]}"
            leaks.append(f"{first.name} and {second.name}: {pair}")
    return sorted(leaks)


def forgive_listed_elsewhere(reports: Sequence[SplitReport]) -> None:
    """Take back warnings of recordings that one split does not list, but another one does."""
    listed = set().union(*(report.listed for report in reports))
    for report in reports:
        others = []
        for name in report.warnings.pop(NOT_LISTED, ()):
            if os.path.realpath(os.path.join(report.audio_dir, name)) not in listed:
                others.append(name)
        if others:
            report.warnings[NOT_LISTED] = others


def format_reports(reports: Sequence[SplitReport]) -> tuple[str, bool]:
    """The reports as text, and whether training on these splits is sound."""
    leaks = find_leaks(reports)
    errors = len(leaks)
    lines = []
    for report in reports:
        lines += _lines(report)
        errors += sum(map(len, report.errors.values()))
    if leaks:
        lines += _listing("error", "in two splits", leaks)
    verdict = "no errors"
    if errors:
        verdict = f"{counted(errors, 'error')}: training on this data would be wrong"
    return "\n".join([*lines, verdict]), not errors


def _lines(report: SplitReport) -> Iterator[str]:
    empty = f", {report.negatives} without events" if report.negatives else ""
    yield f"{report.name}: {report.clips} clips ({report.kind}{empty}), {report.seconds:.1f} s"
    yield from (f"  {note}" for note in report.notes)
    for label in sorted(label for label, count in report.events.items() if count):
        times = report.durations.get(label)
        if times:
            spread = f"{min(times):.2f} / {median(times):.2f} / {max(times):.2f} s"
            yield f"  {label}: {report.events[label]} events, min / median / max {spread}"
        else:
            yield f"  {label}: {report.events[label]} clips"
    for kind, items in report.errors.items():
        yield from _listing("error", kind, items)
    for kind, items in report.warnings.items():
        yield from _listing("warning", kind, items)


def _listing(level: str, kind: str, items: Sequence[str]) -> list[str]:
    lines = [f"  {level}: {kind} ({len(items)})"]
    lines += [f"    {item}" for item in items[:SHOWN]]
    if len(items) > SHOWN:
        lines.append(f"    ... and {len(items) - SHOWN} more")
    return lines
