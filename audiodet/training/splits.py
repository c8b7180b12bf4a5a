"""Which recordings train, validate and test: as the labels say, or divided here."""

from collections import Counter
from pathlib import Path

from audiodet.data.labels.reading import read_labels
from audiodet.data.labels.rows import LabelTable
from audiodet.data.labels.splitting import SPLITS, split_recordings
from audiodet.errors import DataError

# Names, without their ends, of a folder's label files that say of which split they are.
NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "eval", "evaluation"),
}
FRACTIONS = (0.7, 0.15, 0.15)
VAL_OF_TRAIN = 0.2  # where there is a train.tsv and no val.tsv


def read_splits(audio: str, labels: str, seed: int = 0) -> dict[str, LabelTable]:
    """The rows of train, val and test.

    A folder with train.tsv, val.tsv and test.tsv (any format that is read; "valid", "dev", "eval"
    serve too) is taken as it is divided. Otherwise all labels are read and their recordings are
    divided by :func:`split_recordings`; so are those of train where there is no val.

    Args:
        audio: folder of the recordings.
        labels: a label file, or a folder of them.

    Raises:
        DataError: labels that cannot be used, or a recording in two splits.
    """
    named = named_splits(Path(labels))
    if not named:
        table = read_labels(labels, audio).require_good()
        tables = dict(zip(SPLITS, split_recordings(table, FRACTIONS, seed=seed)))
        tables["train"].notes = table.notes
        return tables
    if "train" not in named:
        raise DataError(
            f"{labels}: holds {', '.join(path.name for path in named.values())} and no labels to "
            "train on, expected a train.tsv beside them, or all labels under one other name"
        )
    tables = {}
    for name, path in named.items():
        tables[name] = read_labels(path, audio).require_good()
    if "val" not in tables:
        parts = split_recordings(tables["train"], (1 - VAL_OF_TRAIN, VAL_OF_TRAIN), seed=seed)
        tables["train"], tables["val"] = parts
    _refuse_shared(tables)
    return {split: tables[split] for split in SPLITS if split in tables}


def named_splits(labels: Path) -> dict[str, Path]:
    """Split -> the file or folder in ``labels`` whose name says so; empty where none does.

    Raises:
        DataError: two names for one split.
    """
    paths = sorted(labels.iterdir()) if labels.is_dir() else ()
    found = {}
    for split, names in NAMES.items():
        named = [path for path in paths if path.name.partition(".")[0].lower() in names]
        if len(named) > 1:
            names = " and ".join(path.name for path in named[:3])
            raise DataError(f"{labels}: {names} are all of the {split} split, expected one")
        if named:
            found[split] = named[0]
    return found


def _refuse_shared(tables: dict[str, LabelTable]) -> None:
    """Raise DataError where a recording is in two splits: figures would flatter."""
    counts = Counter(name for table in tables.values() for name in table.clips())
    shared = [name for name, count in counts.items() if count > 1]
    if shared:
        where = [split for split, table in tables.items() if shared[0] in table.clips()]
        raise DataError(
            f"{shared[0]} is in {' and '.join(where)} ({len(shared)} recordings are in two "
            "splits), expected each recording in one"
        )
