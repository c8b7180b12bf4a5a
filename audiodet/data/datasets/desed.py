"""DCASE 2019 Task 4 (DESED): weak, synthetic strong and unlabelled training clips, validation.

The tree is that of the README of turpaultn/DCASE2019_task4, under the root::

    DCASE2019_task4/
        metadata/train/{weak,synthetic,unlabel_in_domain}.tsv     or .csv; tabs in both
        metadata/validation/validation.tsv
        audio/train/{weak,synthetic,unlabel_in_domain}/*.wav
        audio/validation/*.wav

Clips are 10 s long or shorter. Recordings that could not be downloaded are left out and counted.
There is no official split to choose checkpoints on but the one that systems are compared on:
"synthetic_train" and "synthetic_val" are about nine and one tenths of "synthetic".
"""

import logging
import os
import zlib

from audiodet.data.datasets.common import read_good_table, register_tree, table_dicts
from audiodet.data.labels.annotations import cut_long_clips, merge_overlaps
from audiodet.data.labels.rows import LabelTable
from audiodet.errors import DataError

logger = logging.getLogger(__name__)

DESED_LABELS = tuple(
    """
    Alarm_bell_ringing Blender Cat Dishes Dog Electric_shaver_toothbrush Frying Running_water
    Speech Vacuum_cleaner
    """.split()
)
FOLDER = "DCASE2019_task4"
SECONDS = 10.0  # what lies after is cut
# Split -> (table without its suffix and folder of audio, kind of labels).
SPLITS = {
    "weak": ("train/weak", "weak"),
    "synthetic": ("train/synthetic", "strong"),
    "synthetic_train": ("train/synthetic", "strong"),
    "synthetic_val": ("train/synthetic", "strong"),
    "unlabel_in_domain": ("train/unlabel_in_domain", "unlabelled"),
    "validation": ("validation/validation", "strong"),
}


def register_desed(root: str) -> None:
    """Register ``desed_2019_<split>``."""
    for split in SPLITS:
        register_tree(f"desed_2019_{split}", DESED_LABELS, load_desed, root, split)


def load_desed(root: str, split: str) -> list[dict]:
    """Dataset dicts of one of SPLITS of the tree under ``root``.

    Overlapping events of one label are joined. What lies after 10 s, or after the end of a
    recording that is shorter than its labels say, is cut; each is counted in a warning.

    Raises:
        DataError: the table is missing, damaged or holds another kind of labels; no recording of
            it is there.
        AudioError: the header of a recording cannot be read.
    """
    place, kind = SPLITS[split]
    top = os.path.join(root, FOLDER)
    audio = os.path.join(top, "audio", "validation" if split == "validation" else place)
    table = _table(os.path.join(top, "metadata", place))
    if table.kind != kind:
        raise DataError(
            f"{table.path}: {table.kind} labels, expected {kind} ones in the split {split!r}"
        )
    _leave_out_missing(table, audio)
    if split in ("synthetic_train", "synthetic_val"):
        held_out = split == "synthetic_val"
        table.rows = [row for row in table.rows if is_held_out(row.filename) == held_out]
    clips = table_dicts(table, audio, DESED_LABELS, cut=True)
    return merge_overlaps(cut_long_clips(clips, SECONDS, table.path), table.path)


def is_held_out(filename: str) -> bool:
    """Whether a synthetic clip is one of "synthetic_val": by its name, so the same everywhere."""
    return zlib.crc32(os.path.basename(filename).encode()) % 10 == 0


def _table(path: str) -> LabelTable:
    for suffix in (".tsv", ".csv"):
        if os.path.isfile(path + suffix):
            return read_good_table(path + suffix, DESED_LABELS)
    raise DataError(f"{path}.tsv: no such table; see datasets/README.md for the tree")


def _leave_out_missing(table: LabelTable, audio: str) -> None:
    listed = {row.filename for row in table.rows}
    missing = {name for name in listed if not os.path.isfile(os.path.join(audio, name))}
    if listed and missing == listed:
        raise DataError(
            f"{table.path}: none of its {len(listed)} recordings is in {audio}, expected some"
        )
    if missing:
        logger.warning(
            f"{table.path}: {len(missing)} of {len(listed)} recordings are missing and left out"
        )
        table.rows = [row for row in table.rows if row.filename not in missing]
