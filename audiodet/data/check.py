"""Is a dataset fit for training? Every recording is decoded, every label is placed.

Nothing here stops at the first mistake: all of them are collected in a :class:`SplitReport`.
Errors make training on the split wrong; warnings may be intended.
"""
import hashlib
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Iterable, Iterator, Sequence

from detectron2.data import DatasetCatalog, MetadataCatalog
from tqdm import tqdm

from audiodet.audio import audio_info, read_blocks
from audiodet.data.label_table import Row, outside_clip, read_table
from audiodet.errors import AudiodetError, AudioError, DataError

SHOWN = 5  # mistakes of one kind that are printed; the others are counted
BLOCK_SECONDS = 30.0
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


@dataclass
class SplitReport:
    """What was found in one split.

    Attributes:
        name: the split.
        kind: "strong", "weak" or "unlabelled".
        clips: recordings that the split lists.
        seconds: duration of those that can be read, in seconds.
        events: events per label (strong) or clips per label (weak).
        durations: durations of each label's events, in seconds; empty for weak labels.
        errors: kind of mistake -> one line for each; any makes training wrong.
        warnings: the same for what may be intended.
        files: sha1 of a recording's bytes -> where recordings with these bytes are.
    """

    name: str
    kind: str = "strong"
    clips: int = 0
    seconds: float = 0.0
    events: Counter = field(default_factory=Counter)
    durations: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    warnings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def check_tsv(
    labels_tsv: str, audio_dir: str, labels: Sequence[str] | None = None, name: str | None = None
) -> SplitReport:
    """Check a label table and its recordings; see :func:`audiodet.data.datasets.load_tsv`.

    Args:
        labels_tsv: label table, times in seconds.
        audio_dir: folder that its file names are relative to.
        labels: labels that may occur; None accepts all.
        name: name of the split in the report; None takes the table's path.
    """
    report = SplitReport(name or os.fspath(labels_tsv))
    try:
        table = read_table(labels_tsv, labels)
    except DataError as error:
        report.errors["label table"].append(str(error))
        return report
    report.kind = table.kind
    for problem in table.problems:
        report.errors[problem.kind].append(f"line {problem.line}: {problem.text}")
    clips = table.clips()
    for filename, rows in tqdm(clips.items(), report.name, leave=False, disable=None):
        _check_clip(report, os.path.join(audio_dir, filename), rows)
        _check_spelling(report, rows)
    _check_not_listed(report, audio_dir, clips)
    _check_whole(report, labels)
    return report


def check_dataset(name: str) -> SplitReport:
    """Check a dataset that is registered with detectron2, whatever it was made from.

    Clips that are rendered from recipes have no file to check.
    """
    meta = MetadataCatalog.get(name)
    if meta.get("labels_tsv"):
        return check_tsv(meta.labels_tsv, meta.audio_dir, meta.thing_classes, name)
    report = SplitReport(name)
    try:
        clips = DatasetCatalog.get(name)
    except AudiodetError as error:
        report.errors["loading"].append(str(error))
        return report
    labels = meta.thing_classes
    for clip in tqdm(clips, name, leave=False, disable=None):
        report.kind = clip.get("label_kind", "strong")
        duration = clip["width"] if "recipe" in clip else None
        _check_clip(report, clip["file_name"], _rows(clip, labels), duration)
    _check_whole(report, labels)
    return report


def find_leaks(reports: Sequence[SplitReport]) -> list[str]:
    """Recordings (the same file, or the same bytes) that stand in more than one split."""
    leaks = []
    for place, first in enumerate(reports):
        for second in reports[place + 1 :]:
            for digest in first.files.keys() & second.files.keys():
                pair = f"{first.files[digest][0]} and {second.files[digest][0]}"
                leaks.append(f"{first.name} and {second.name}: {pair}")
    return sorted(leaks)


def format_reports(reports: Sequence[SplitReport]) -> tuple[str, bool]:
    """The reports as text, and whether training on these splits is sound."""
    lines = [line for report in reports for line in _lines(report)]
    leaks = find_leaks(reports)
    if leaks:
        lines += _listing("error", "in two splits", leaks)
    errors = len(leaks) + sum(len(found) for one in reports for found in one.errors.values())
    verdict = f"{errors} errors: training on this data would be wrong" if errors else "no errors"
    return "\n".join([*lines, verdict]), not errors


def _rows(clip: dict, labels: Sequence[str]) -> list[Row]:
    """Label rows of a dataset dict."""
    path = clip["file_name"]
    if clip.get("label_kind") == "weak":
        return [Row(0, path, tuple(labels[k] for k in clip["clip_labels"]))]
    events = [(labels[note["category_id"]], note["bbox"]) for note in clip["annotations"]]
    return [Row(0, path, (label,), box[0], box[2]) for label, box in events] or [Row(0, path)]


def _check_clip(
    report: SplitReport, path: str, rows: list[Row], duration: float | None = None
) -> None:
    """Add a clip to the report. ``duration`` in seconds: there is no file to look at."""
    report.clips += 1
    if duration is None:
        duration = _check_file(report, path)
    report.seconds += duration or 0.0
    if report.kind != "unlabelled" and not any(row.labels for row in rows):
        report.warnings["without labels"].append(path)
    repeated = Counter((row.labels, row.onset, row.offset) for row in rows)
    for row in rows:
        report.events.update(row.labels)
        if row.onset is not None:
            _check_event(report, row, duration)
        if repeated.pop((row.labels, row.onset, row.offset), 1) > 1:
            report.warnings["repeated row"].append(_at(row, f"{row.filename}: {_text(row)}"))


def _check_event(report: SplitReport, row: Row, duration: float | None) -> None:
    """Check an event's times; ``duration`` of its clip in seconds, None when it is not known."""
    report.durations[row.labels[0]].append(row.offset - row.onset)
    if not 0 <= row.onset < row.offset:
        report.errors["bad row"].append(_at(row, f"{row.filename}: {_text(row)}"))
    elif duration is not None and outside_clip(row, duration):
        report.errors["label outside the clip"].append(_at(row, outside_clip(row, duration)))
    elif duration is not None and row.offset > duration:
        text = f"{row.filename}: {_text(row)} is cut to {duration:.3f} s"
        report.warnings["label ends behind the clip"].append(_at(row, text))


def _check_file(report: SplitReport, path: str) -> float | None:
    """Decode a recording and note its bytes; its duration in seconds, None when it is bad."""
    if not os.path.isfile(path):
        report.errors["missing file"].append(path)
        return None
    try:
        rate = audio_info(path).sample_rate
        samples = sum(len(block) for block in read_blocks(path, None, BLOCK_SECONDS))
        digest = _sha1(path)
    except (AudioError, OSError) as error:
        report.errors["unreadable file"].append(str(error))
        return None
    if report.files[digest]:
        report.warnings["duplicate"].append(f"{path} has the bytes of {report.files[digest][0]}")
    report.files[digest].append(path)
    return samples / rate


def _sha1(path: str) -> str:
    digest = hashlib.sha1()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _check_spelling(report: SplitReport, rows: list[Row]) -> None:
    names = sorted({row.filename for row in rows})
    if len(names) > 1:
        report.warnings["duplicate"].append(f"one file listed as {' and '.join(names)}")


def _check_not_listed(report: SplitReport, audio_dir: str, listed: Iterable[str]) -> None:
    """Warn about recordings in the folder that the table leaves out."""
    found = (
        os.path.normpath(os.path.relpath(os.path.join(folder, name), audio_dir))
        for folder, _, names in os.walk(audio_dir)
        for name in names
        if name.lower().endswith(AUDIO_SUFFIXES)
    )
    others = sorted(set(found) - set(listed))
    if others:
        report.warnings["in the folder but not listed, not used"] += others


def _check_whole(report: SplitReport, labels: Sequence[str] | None) -> None:
    """Mistakes of the split as a whole."""
    if not report.clips:
        report.errors["empty split"].append("0 clips, expected at least one")
    unused = [label for label in labels or () if not report.events[label]]
    if unused and report.clips and report.kind != "unlabelled":
        report.warnings["label that never occurs"] += unused


def _lines(report: SplitReport) -> Iterator[str]:
    """A report as lines of text."""
    yield f"{report.name}: {report.clips} clips ({report.kind}), {report.seconds:.1f} s"
    for label in sorted(label for label, count in report.events.items() if count):
        times = report.durations.get(label)
        if times:
            spread = f"{min(times):.2f} / {median(times):.2f} / {max(times):.2f} s"
            yield f"  {label}: {report.events[label]} events, min / median / max {spread}"
        else:
            yield f"  {label}: {report.events[label]} clips"
    for level, found in (("error", report.errors), ("warning", report.warnings)):
        for kind, items in found.items():
            yield from _listing(level, kind, items)


def _listing(level: str, kind: str, items: Sequence[str]) -> list[str]:
    rest = [f"    ... and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return [f"  {level}: {kind} ({len(items)})", *(f"    {item}" for item in items[:SHOWN]), *rest]


def _at(row: Row, text: str) -> str:
    return f"line {row.line}: {text}" if row.line else text


def _text(row: Row) -> str:
    """Labels and times of a row in words."""
    times = "" if row.onset is None else f" {row.onset:g} to {row.offset:g} s"
    return f"{', '.join(row.labels) or 'no label'}{times}"
