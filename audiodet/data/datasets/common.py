"""A user's own data: a label table and a folder of recordings.

The table's conventions are those of DESED, see :mod:`audiodet.data.labels.table`. Recordings that
the table does not list are not used.
"""

import logging
import os
from collections.abc import Sequence

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode

from audiodet.audio import audio_info
from audiodet.data.labels.lengths import cut_late_events
from audiodet.data.labels.overlaps import merge_overlaps
from audiodet.data.labels.table import LabelTable, Row, outside_clip, read_table
from audiodet.errors import ConfigError, DataError

logger = logging.getLogger(__name__)


def load_tsv(labels_tsv: str, audio_dir: str, labels: Sequence[str] | None = None) -> list[dict]:
    """Dataset dicts of a label table.

    Args:
        labels_tsv: strong, weak or unlabelled table; times in seconds.
        audio_dir: folder that the table's file names are relative to.
        labels: labels in the order of the model's outputs; None takes those that occur, sorted.

    Returns:
        One dict per listed recording, in the table's order. Its duration comes from the
        recording's header; an event that ends up to 0.05 s behind it is cut there.

    Raises:
        DataError: a line cannot be used (the first one is named), recordings are missing (how
            many, and the first five), an event lies outside its clip, or nothing is listed.
        AudioError: the header of a recording cannot be read.
    """
    table = read_table(labels_tsv, labels)
    if table.problems:
        first = table.problems[0]
        raise DataError(f"{table.path}:{first.line}: {first.text}" + _more(table.problems))
    return table_dicts(table, audio_dir, table.labels() if labels is None else list(labels))


def register_tsv(
    name: str,
    labels_tsv: str,
    audio_dir: str,
    labels: Sequence[str] | None = None,
    merge: bool = False,
) -> None:
    """Register a label table as the detectron2 dataset ``name``; see :func:`load_tsv`.

    With ``merge`` overlapping events of one label are joined (:func:`merge_overlaps`).

    Recordings are looked at when the dataset is asked for, not here. To have a dataset in every
    process of a distributed run, name it in the config's DATASETS.CUSTOM instead.

    Raises:
        DataError: ``labels`` is None and the table cannot be read.
    """
    found = read_table(labels_tsv).labels() if labels is None else list(labels)

    def load():
        clips = load_tsv(labels_tsv, audio_dir, found)
        return merge_overlaps(clips, name) if merge else clips

    DatasetCatalog.register(name, load)
    MetadataCatalog.get(name).set(
        thing_classes=found, evaluator_type="sed", labels_tsv=labels_tsv, audio_dir=audio_dir
    )


def register_custom(specs: Sequence[str], labels: Sequence[str], merge: bool = False) -> None:
    """Register the datasets of the config key DATASETS.CUSTOM.

    Safe to call again, and in every spawned process.

    Args:
        specs: "name=labels.tsv:audio_folder" each, split at the last colon.
        labels: labels in the order of the model's outputs.
        merge: join overlapping events of one label.

    Raises:
        ConfigError: a spec is malformed, or its name stands for another dataset already.
    """
    for spec in specs:
        name, labels_tsv, audio_dir = parse_spec(spec)
        if name not in DatasetCatalog:
            register_tsv(name, labels_tsv, audio_dir, labels, merge)
            continue
        known = MetadataCatalog.get(name)
        old = (known.get("labels_tsv"), known.get("audio_dir"), known.get("thing_classes"))
        if old != (labels_tsv, audio_dir, list(labels)):
            raise ConfigError(
                f"DATASETS.CUSTOM: {name} is registered as {_describe(*old)}, "
                f"found again as {_describe(labels_tsv, audio_dir, list(labels))}"
            )


def parse_spec(spec: str) -> tuple[str, str, str]:
    """Name, table and audio folder of "name=labels.tsv:audio_folder".

    Raises:
        ConfigError: a part is missing.
    """
    name, _, paths = spec.partition("=")
    labels_tsv, _, audio_dir = paths.rpartition(":")
    if not (name and labels_tsv and audio_dir):
        raise ConfigError(f"dataset {spec!r}, expected name=labels.tsv:audio_folder")
    return name, labels_tsv, audio_dir


def table_dicts(
    table: LabelTable, audio_dir: str, labels: list[str], cut: bool = False
) -> list[dict]:
    """Dataset dicts of a table without problems; see :func:`load_tsv`.

    With ``cut`` no event is refused for lying behind its recording's end, see
    :func:`cut_late_events`.
    """
    clips = table.clips()
    paths = {filename: os.path.join(audio_dir, filename) for filename in clips}
    expect_files(table.path, list(paths.values()))
    seconds = {filename: audio_info(path).duration for filename, path in paths.items()}
    if cut:
        clips = cut_late_events(clips, seconds, table.path)
    return [
        {
            "file_name": paths[filename],
            "image_id": number,
            "height": 1,
            "width": seconds[filename],
            **_labels(table, rows, seconds[filename], labels),
        }
        for number, (filename, rows) in enumerate(clips.items())
    ]


def expect_files(listed_in: str, paths: Sequence[str], what: str = "recordings") -> None:
    """Raise unless a list names files and all of them are there.

    Raises:
        DataError: nothing is listed, or how many are missing, and the first five.
    """
    if not paths:
        raise DataError(f"{listed_in}: 0 clips listed, expected at least one")
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise DataError(
            f"{listed_in}: {len(missing)} of {len(paths)} {what} missing, "
            f"the first: {', '.join(missing[:5])}"
        )


def _labels(table: LabelTable, rows: list[Row], duration: float, labels: list[str]) -> dict:
    """What a dataset dict says of a clip's labels."""
    found = {"annotations": [], "label_kind": table.kind}
    if table.kind == "weak":
        found["clip_labels"] = sorted({labels.index(name) for row in rows for name in row.labels})
    elif table.kind == "strong":
        events = [row for row in rows if row.labels]
        found["annotations"] = [_annotation(table, row, duration, labels) for row in events]
    return found


def _annotation(table: LabelTable, row: Row, duration: float, labels: list[str]) -> dict:
    problem = outside_clip(row, duration)
    if problem:
        raise DataError(f"{table.path}:{row.line}: {problem}")
    if row.offset > duration:
        found = f"{table.path}:{row.line}: offset {row.offset:g} s"
        logger.info("%s cut to the clip's %.3f s", found, duration)
    return {
        "bbox": [row.onset, 0.0, min(row.offset, duration), 1.0],
        "bbox_mode": BoxMode.XYXY_ABS,
        "category_id": labels.index(row.labels[0]),
        "iscrowd": 0,
    }


def _describe(labels_tsv: str | None, audio_dir: str | None, labels: list[str] | None) -> str:
    source = f"{labels_tsv}:{audio_dir}" if labels_tsv else "a built-in dataset"
    return f"{source} with labels {', '.join(labels or [])}"


def _more(problems: list) -> str:
    others = len(problems) - 1
    return f" (and {others} more: see `audiodet data check`)" if others else ""
