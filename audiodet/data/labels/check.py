"""Is a dataset fit for training? Every recording is decoded, every label is placed.

Nothing here stops at the first mistake: all of them are collected in a
:class:`~audiodet.data.labels.split_report.SplitReport`.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence

from detectron2.data import DatasetCatalog, MetadataCatalog
from tqdm import tqdm

from audiodet.audio import audio_info, read_blocks
from audiodet.audio.limits import Limits
from audiodet.audio.notes import collecting
from audiodet.config import get_cfg
from audiodet.data.labels.edits import overlap_text, overlapping
from audiodet.data.labels.reading import read_labels
from audiodet.data.labels.rows import LabelTable, Row, outside_clip
from audiodet.data.labels.split_report import NOT_LISTED, SplitReport
from audiodet.errors import AudiodetError, AudioError, DataError

BLOCK_SECONDS = 30.0
OVERLAPS = "overlapping events of one label (DATASETS.MERGE_OVERLAPS True joins them)"


def check_tsv(
    labels_tsv: str, audio_dir: str, labels: Sequence[str] | None = None, name: str | None = None
) -> SplitReport:
    """Check labels of any format and their recordings; see :func:`read_labels`."""
    report = SplitReport(name or os.fspath(labels_tsv))
    try:
        table = read_labels(labels_tsv, audio_dir, labels=labels)
    except DataError as error:
        report.errors["label table"].append(str(error))
        return report
    report.kind = table.kind
    report.audio_dir = table.audio_dir
    report.notes = [f"read as {table.format}", *table.notes]
    one_file = os.path.isfile(labels_tsv)
    for problem in table.problems:
        in_line = one_file and problem.line
        text = f"line {problem.line}: {problem.text}" if in_line else str(problem)
        report.errors[problem.kind].append(text)
    for filename, rows in tqdm(table.clips().items(), report.name, leave=False, disable=None):
        _check_clip(report, table.recording(filename), rows)
    _check_overlaps(report, table)
    if table.unlisted:
        report.warnings[NOT_LISTED] += table.unlisted
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
    labels = MetadataCatalog.get(name).thing_classes  # anew: loading may have replaced it
    for clip in tqdm(clips, name, leave=False, disable=None):
        report.kind = clip.get("label_kind", "strong")
        duration = clip["width"] if "recipe" in clip else None
        _check_clip(report, clip["file_name"], _rows(clip, labels), duration)
    _check_whole(report, labels)
    return report


def _rows(clip: dict, labels: Sequence[str]) -> list[Row]:
    path = clip["file_name"]
    if clip.get("label_kind") == "weak":
        return [Row(0, path, tuple(labels[k] for k in clip["clip_labels"]))]
    rows = []
    for annotation in clip["annotations"]:
        onset, _, offset, _ = annotation["bbox"]
        rows.append(Row(0, path, (labels[annotation["category_id"]],), onset, offset))
    return rows or [Row(0, path)]


def _check_clip(
    report: SplitReport, path: str, rows: list[Row], duration: float | None = None
) -> None:
    """Add a clip to the report. ``duration`` in seconds: there is no file to look at."""
    report.clips += 1
    if duration is None:
        duration = _check_file(report, path)
    report.seconds += duration or 0.0
    report.listed.add(os.path.realpath(path))
    report.negatives += not any(row.labels for row in rows)
    repeated = Counter((row.labels, row.onset, row.offset) for row in rows)
    for row in rows:
        report.events.update(row.labels)
        if row.onset is not None:
            _check_event(report, row, duration)
        if repeated.pop((row.labels, row.onset, row.offset), 1) > 1:
            report.warnings["repeated row"].append(_at(row, f"{row.filename}: {_words(row)}"))


def _check_event(report: SplitReport, row: Row, duration: float | None) -> None:
    """Check an event's times; ``duration`` of its clip in seconds, None when it is not known."""
    report.durations[row.labels[0]].append(row.offset - row.onset)
    if not 0 <= row.onset < row.offset:
        report.errors["bad row"].append(_at(row, f"{row.filename}: {_words(row)}"))
    elif duration is not None and outside_clip(row, duration):
        report.errors["label outside the clip"].append(_at(row, outside_clip(row, duration)))
    elif duration is not None and row.offset > duration:
        text = f"{row.filename}: {_words(row)} is cut to {duration:.3f} s"
        report.warnings["label ends after the clip"].append(_at(row, text))


def _check_file(report: SplitReport, path: str) -> float | None:
    """Decode a recording and note its bytes; its duration in seconds, None when it is bad."""
    if not os.path.isfile(path):
        report.errors["missing file"].append(path)
        return None
    try:
        with collecting() as warnings:
            rate = audio_info(path).sample_rate
            limits = Limits(path, rate, rate)  # which rate a model wants is not known yet
            blocks = read_blocks(path, None, BLOCK_SECONDS, limits)
            samples = sum(len(block) for block in blocks)
            limits.warn()
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha1").hexdigest()
    except (AudioError, OSError) as error:
        report.errors["unreadable file"].append(str(error))
        return None
    for _, kind, text in dict.fromkeys(warnings):
        report.warnings[f"recordings that {kind}"].append(f"{path}: {text}")
    if report.files[digest]:
        report.warnings["duplicate"].append(f"{path} has the bytes of {report.files[digest][0]}")
    report.files[digest].append(path)
    front_end = get_cfg().INPUT  # the default one, which a shorter clip cannot pass
    window = front_end.SPECTROGRAM.N_FFT
    least = window / front_end.AUDIO.SAMPLE_RATE
    if samples / rate < least:
        report.errors["too short"].append(
            f"{path}: {samples} samples at {rate} Hz, expected at least {least:.3f} s "
            f"(one analysis window: {window} samples at {front_end.AUDIO.SAMPLE_RATE} Hz)"
        )
    return samples / rate


def _check_overlaps(report: SplitReport, table: LabelTable) -> None:
    """Warn about overlapping events of one label, but for repeated ones."""
    for first, second in overlapping(table):
        if (first.onset, first.offset) != (second.onset, second.offset):
            report.warnings[OVERLAPS].append(_at(second, overlap_text(first, second)))


def _check_whole(report: SplitReport, labels: Sequence[str] | None) -> None:
    if not report.clips:
        report.errors["empty split"].append("0 clips, expected at least one")
    unused = [label for label in labels or () if not report.events[label]]
    if unused and report.clips and report.kind != "unlabelled":
        # What is trained on must have them all; another split may be without some.
        trains = "train" in os.path.basename(report.name).lower()
        (report.errors if trains else report.warnings)["label that never occurs"] += unused


def _at(row: Row, text: str) -> str:
    return f"line {row.line}: {text}" if row.line else text


def _words(row: Row) -> str:
    """Labels and times of a row in words."""
    times = "" if row.onset is None else f" {row.onset:g} to {row.offset:g} s"
    return f"{', '.join(row.labels) or 'no label'}{times}"
