"""Labels of any format that is read, and the recordings that they belong to.

The one way from label files to rows: for `audiodet data import`, `check` and `split`, for
DATASETS.CUSTOM, and for whatever trains, scores or tunes on a user's own labels.
"""

import os
from collections.abc import Mapping, Sequence

from audiodet.data.labels.rows import LabelTable
from audiodet.data.labels.table import read_table


def read_labels(
    paths: str | os.PathLike | Sequence[str | os.PathLike],
    audio: str | os.PathLike | None = None,
    *,
    label_map: Mapping[str, str] | None = None,
    merge: bool | None = None,
    columns: Mapping[str, str] | None = None,
    whole_clips: bool = False,
    negatives: bool = False,
    labels: Sequence[str] | None = None,
) -> LabelTable:
    """Read label files and folders, and find the recordings that they name.

    Args:
        paths: label files, folders of them, "labels.tsv:audio_folder", folders of recordings; or
            a folder of recordings with a folder per class.
        audio: the folder of the recordings; None: the folders among ``paths`` that hold
            recordings, else those of the label files.
        label_map: {label as written: label wanted}, "" leaves its events out; others stay.
        merge: of overlapping events of one label: None keeps them, True joins them, False makes
            each a problem.
        columns: {"filename", "onset", "offset", "event_label" ...: the column's name} where the
            guess is not right.
        whole_clips: with a folder per class: each recording is one event from its begin to its
            end; else they are weak labels.
        negatives: recordings that no label file names are clips without events; else not used.
        labels: the labels that may occur; None accepts all.

    Returns:
        All rows as one table: ``kind`` is "strong", "weak" or "unlabelled", file names are
        relative to ``audio_dir`` and spelled as on disk, ``events()`` has the events of each
        recording, ``format`` says what was recognised, ``notes`` what a user should know. Rows
        that cannot be used are ``problems``: :meth:`LabelTable.require_good` raises the first.

    Raises:
        DataError: nothing to read, a file of no known format, strong and weak labels together, or
            no name matches a recording.
    """
    table = read_table(paths, labels)
    table.audio_dir = os.fspath(audio or "")
    return table
