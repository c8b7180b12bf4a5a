"""TUT Sound Events 2016, development set (DCASE 2016 Task 3), in the tree its authors publish.

A. Mesaros, T. Heittola, T. Virtanen: 10 recordings of homes (36:16 min) and 12 of residential
areas (42:00 min), four folds per scene. Under the root::

    TUT-sound-events-2016-development/
        audio/{home,residential_area}/a030.wav ...    44.1 kHz, 24 bit, binaural
        evaluation_setup/
            home_fold1_train.txt       audio file, scene, onset, offset, label; seconds
            home_fold1_test.txt        audio file, scene
            home_fold1_evaluate.txt    the test files with columns as in train
            ...                        likewise residential_area, and folds 2 to 4

Tabs, no headers. A label of ``meta_full`` is an error; a test recording without a line in the
evaluate list is a clip without events. ``datasets/README.md`` says where to get the tree, where
this is from and what of it could not be verified.
"""

import os
from collections.abc import Sequence

from audiodet.data.datasets.common import (
    expect_choice,
    expect_files,
    held_out,
    number_clips,
    read_good_table,
    register_tree,
    table_dicts,
    tree_path,
)
from audiodet.data.labels.rows import STRONG, LabelTable
from audiodet.errors import DataError

LABELS = {
    "home": (
        "(object) rustling",
        "(object) snapping",
        "cupboard",
        "cutlery",
        "dishes",
        "drawer",
        "glass jingling",
        "object impact",
        "people walking",
        "washing dishes",
        "water tap running",
    ),
    "residential_area": (
        "(object) banging",
        "bird singing",
        "car passing by",
        "children shouting",
        "people speaking",
        "people walking",
        "wind blowing",
    ),
}
FOLDER = "TUT-sound-events-2016-development"
FOLDS = (1, 2, 3, 4)
SPLITS = ("train", "test", "fit", "val")
FILE_COLUMNS = ("filename", "scene")
EVENT_COLUMNS = (*FILE_COLUMNS, *STRONG[1:])


def scene_labels(scene: str | None = None) -> list[str]:
    """Labels of a scene, or of both together: 17, sorted, as "people walking" is in both."""
    return sorted(set().union(*map(LABELS.get, _scenes(scene))))


def register_tut_sed(root: str) -> None:
    """Register ``tut_sed_2016_{home,residential_area}_fold{1..4}_{train,test,fit,val}`` and, of
    both scenes, ``tut_sed_2016_fold{1..4}_{train,test,fit,val}``; the tree is under ``root``.
    """
    for scene in (None, *LABELS):
        for fold in FOLDS:
            for split in SPLITS:
                name = "_".join(filter(None, ("tut_sed_2016", scene, f"fold{fold}", split)))
                register_tree(name, scene_labels(scene), load_tut_sed, root, fold, split, scene)


def load_tut_sed(root: str, fold: int, split: str, scene: str | None = None) -> list[dict]:
    """Dataset dicts of an official fold of the tree under ``root``, in the lists' order.

    Args:
        fold: 1 to 4.
        split: "train", "test", or "val", a fifth of a scene's training recordings, or "fit", the
            others.
        scene: "home" or "residential_area"; None takes both, home first.

    Returns:
        One dict per recording, with category ids in the order of :func:`scene_labels` and its
        "scene".

    Raises:
        DataError: the fold, split or scene does not exist; the tree, a list or recordings are
            missing; a list is damaged or has a label of no class of its scene; the evaluate list
            names a recording that the test list lacks.
        AudioError: the header of a recording cannot be read.
    """
    expect_choice("fold", fold, FOLDS)
    expect_choice("split", split, SPLITS)
    labels = scene_labels(scene)
    top = tree_path(os.path.join(root, FOLDER), "folder")
    clips = []
    for name in _scenes(scene):
        if split == "test":
            table = _test_table(top, name, fold)
        else:
            table = _list(top, name, fold, "train", EVENT_COLUMNS)
        found = [{**clip, "scene": name} for clip in table_dicts(table, top, labels)]
        clips += held_out(found, split) if split in ("fit", "val") else found
    return number_clips(clips)


def _scenes(scene: str | None) -> tuple[str, ...]:
    if scene is None:
        return tuple(LABELS)
    expect_choice("scene", scene, LABELS)
    return (scene,)


def _test_table(top: str, scene: str, fold: int) -> LabelTable:
    """Events of a fold's evaluate list, for the recordings of its test list."""
    test = _list(top, scene, fold, "test", FILE_COLUMNS)
    events = _list(top, scene, fold, "evaluate", EVENT_COLUMNS)
    others = [name for name in events.clips() if name not in test.clips()]
    if others:
        raise DataError(
            f"{events.path}: {len(others)} recordings that {test.path} lacks, "
            f"expected the same ones, the first: {', '.join(others[:5])}"
        )
    expect_files(test.path, [os.path.join(top, name) for name in test.clips()])
    return LabelTable(events.path, events.kind, test.rows + events.rows)


def _list(top: str, scene: str, fold: int, part: str, columns: Sequence[str]) -> LabelTable:
    path = os.path.join(top, "evaluation_setup", f"{scene}_fold{fold}_{part}.txt")
    return read_good_table(tree_path(path, "fold list"), LABELS[scene], columns)
