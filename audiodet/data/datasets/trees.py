"""What the loaders of corpora in their published folder trees share."""

import copy
import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.labels.overlaps import merge_overlaps
from audiodet.data.labels.table import LabelTable, read_table
from audiodet.errors import DataError

WHERE = "see datasets/README.md for the tree and where to get it"


def register_tree(name: str, labels: Sequence[str], load: Callable[[], list[dict]]) -> None:
    """Register the dataset ``name`` of a published tree; ``load()`` reads it.

    It is read when it is first asked for and once in a process, so that its warnings come once;
    files that change later are not seen. Each caller gets dicts of its own. A failure is not
    kept.
    """
    read = lru_cache(maxsize=1)(load)
    DatasetCatalog.register(name, lambda: copy.deepcopy(read()))
    MetadataCatalog.get(name).set(thing_classes=list(labels), evaluator_type="sed")


def register_sed(name: str, labels: Sequence[str], load: Callable[..., list[dict]], *args) -> None:
    """:func:`register_tree` of ``load(*args)``.

    Overlapping events of one label, which these corpora do not tell apart, are joined.
    """
    register_tree(name, labels, lambda: merge_overlaps(load(*args), name))


def expect_choice(what: str, value, allowed: Iterable) -> None:
    """Raise unless ``value`` is one of ``allowed``.

    Raises:
        DataError: the value found and those expected.
    """
    allowed = list(allowed)
    if value not in allowed:
        raise DataError(f"{what} {value!r}, expected one of {', '.join(map(str, allowed))}")


def tree_folder(root: str, name: str) -> str:
    """Folder ``name`` of a published tree under ``root``.

    Raises:
        DataError: there is no such folder.
    """
    folder = os.path.join(root, name)
    if not os.path.isdir(folder):
        raise DataError(f"{folder}: no such folder; {WHERE}")
    return folder


def tree_file(path: str, what: str) -> str:
    """``path``, a file of a published tree.

    Raises:
        DataError: there is no such file; ``what`` names its kind.
    """
    if not os.path.isfile(path):
        raise DataError(f"{path}: no such {what}; {WHERE}")
    return path


def read_good_table(
    path: str, labels: Sequence[str] | None, header: Sequence[str], **options
) -> LabelTable:
    """Read a table without header line whose lines must all be good.

    Args:
        path: the table.
        labels: labels that may occur; None accepts all.
        header: its columns.
        options: further arguments of :func:`audiodet.data.labels.table.read_table`.

    Raises:
        DataError: the table cannot be read, or its first bad line.
    """
    table = read_table(path, labels, header, **options)
    if table.problems:
        raise DataError(f"{path}:{table.problems[0].line}: {table.problems[0].text}")
    return table


def number_clips(clips: list[dict]) -> list[dict]:
    """The clips of several tables with ``image_id`` counted through."""
    for number, clip in enumerate(clips):
        clip["image_id"] = number
    return clips
