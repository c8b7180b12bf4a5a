"""What the datasets share: registration, and the way from a label table to dataset dicts."""

import copy
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.audio import audio_info
from audiodet.data.labels.annotations import cut_late_events, event_annotation, merge_overlaps
from audiodet.data.labels.rows import LabelTable, Row, outside_clip
from audiodet.data.labels.table import read_table
from audiodet.errors import DataError

WHERE = "see datasets/README.md for the tree and where to get it"

logger = logging.getLogger(__name__)


def register_clips(
    name: str, labels: Sequence[str] | None, load: Callable[[], list[dict]], **metadata
) -> None:
    """Register the dataset ``name``, whose dicts ``load()`` returns, with detectron2.

    ``labels`` are in the order of the category ids; None where ``load`` sets them.
    """
    DatasetCatalog.register(name, load)
    if labels is not None:
        metadata["thing_classes"] = list(labels)
    MetadataCatalog.get(name).set(evaluator_type="sed", **metadata)


def register_tree(name: str, labels: Sequence[str], load: Callable[..., list[dict]], *args) -> None:
    """Register the dataset ``name`` of a published tree, which ``load(*args)`` reads.

    It is read when it is first asked for and once in a process, so that its warnings come once;
    files that change later are not seen. Each caller gets dicts of its own. A failure is not
    kept. Overlapping events of one label, which these corpora do not tell apart, are joined.
    """
    read = lru_cache(maxsize=1)(lambda: merge_overlaps(load(*args), name))
    register_clips(name, labels, lambda: copy.deepcopy(read()))


def expect_choice(what: str, value, allowed: Iterable) -> None:
    """Raise DataError unless ``value`` is one of ``allowed``."""
    allowed = list(allowed)
    if value not in allowed:
        raise DataError(f"{what} {value!r}, expected one of {', '.join(map(str, allowed))}")


def tree_path(path: str, what: str) -> str:
    """``path`` of a published tree; where there is none, DataError says ``what`` it would be."""
    if not os.path.exists(path):
        raise DataError(f"{path}: no such {what}; {WHERE}")
    return path


def expect_files(listed_in: str, paths: Sequence[str], what: str = "recordings") -> None:
    """Raise DataError where a list names no files, or missing ones: how many, and five of them."""
    if not paths:
        raise DataError(f"{listed_in}: 0 clips listed, expected at least one")
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise DataError(
            f"{listed_in}: {len(missing)} of {len(paths)} {what} missing, "
            f"the first: {', '.join(missing[:5])}"
        )


def read_good_table(path: str, labels: Sequence[str] | None = None, *args, **options) -> LabelTable:
    """:func:`read_table` where all lines must be good; DataError names the first bad one."""
    return read_table(path, labels, *args, **options).require_good()


def table_dicts(
    table: LabelTable, audio_dir: str, labels: Sequence[str], cut: bool = False
) -> list[dict]:
    """Dataset dicts of a table without problems, one per recording, in the table's order.

    A recording's duration comes from its header; an event that ends up to 0.05 s after it is cut
    there.

    Args:
        audio_dir: folder that the table's file names are relative to.
        cut: cut all events at their recording's end, see :func:`cut_late_events`; else an event
            outside of it is an error.

    Raises:
        DataError: recordings are missing, an event lies outside its clip, or nothing is listed.
        AudioError: the header of a recording cannot be read.
    """
    clips = table.clips()
    paths = {filename: os.path.join(audio_dir, filename) for filename in clips}
    expect_files(table.path, list(paths.values()))
    seconds = {filename: audio_info(path).duration for filename, path in paths.items()}
    if cut:
        clips = cut_late_events(clips, seconds, table.path)
    return [
        _clip(table, number, paths[filename], seconds[filename], rows, labels)
        for number, (filename, rows) in enumerate(clips.items())
    ]


def _clip(
    table: LabelTable,
    number: int,
    path: str,
    seconds: float,
    rows: list[Row],
    labels: Sequence[str],
) -> dict:
    clip = {"file_name": path, "image_id": number, "height": 1, "width": seconds}
    clip.update(annotations=[], label_kind=table.kind)
    if table.kind == "weak":
        names = set().union(*(row.labels for row in rows))
        clip["clip_labels"] = sorted(map(labels.index, names))
    elif table.kind == "strong":
        for row in rows:
            if row.labels:
                clip["annotations"].append(_annotation(table, row, seconds, labels))
    return clip


def _annotation(table: LabelTable, row: Row, duration: float, labels: Sequence[str]) -> dict:
    problem = outside_clip(row, duration)
    if problem:
        raise DataError(f"{table.path}:{row.line}: {problem}")
    if row.offset > duration:
        where = f"{table.path}:{row.line}: offset {row.offset:g} s"
        logger.info("%s cut to the clip's %.3f s", where, duration)
    return event_annotation(row.onset, min(row.offset, duration), labels.index(row.labels[0]))


def number_clips(clips: list[dict]) -> list[dict]:
    """The clips of several tables with ``image_id`` counted through."""
    for number, clip in enumerate(clips):
        clip["image_id"] = number
    return clips


HELD_OUT = 5  # one in so many training recordings is held out for validation


def held_out(clips: list, split: str) -> list:
    """Of training clips those of "val", every fifth, or those that are left for "fit"."""
    if split == "val":
        return clips[::HELD_OUT]
    return [clip for i, clip in enumerate(clips) if i % HELD_OUT]
