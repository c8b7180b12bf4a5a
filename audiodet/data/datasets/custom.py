"""A user's own data: labels and a folder of recordings.

Labels are of any format that :mod:`audiodet.data.labels.reading` reads. Recordings that they do
not name are not used.
"""

from collections.abc import Sequence

from detectron2.data import DatasetCatalog, MetadataCatalog

from audiodet.data.datasets.common import register_clips, table_dicts
from audiodet.data.labels.annotations import merge_overlaps
from audiodet.data.labels.reading import read_labels
from audiodet.errors import ConfigError


def load_tsv(labels_tsv: str, audio_dir: str, labels: Sequence[str] | None = None) -> list[dict]:
    """Dataset dicts of labels, as :func:`table_dicts` makes them.

    Args:
        labels_tsv: strong, weak or unlabelled; a file or a folder, see :func:`read_labels`.
        audio_dir: folder of the recordings.
        labels: labels in the order of the model's outputs; None takes those that occur, sorted.

    Raises:
        DataError: a line cannot be used (the first one is named), see also :func:`table_dicts`
            and :func:`read_labels`.
        AudioError: the header of a recording cannot be read.
    """
    table = read_labels(labels_tsv, audio_dir, labels=labels).require_good()
    labels = table.labels() if labels is None else list(labels)
    return table_dicts(table, table.audio_dir, labels)


def register_tsv(
    name: str,
    labels_tsv: str,
    audio_dir: str,
    labels: Sequence[str] | None = None,
    merge: bool = False,
) -> None:
    """Register labels as the detectron2 dataset ``name``; see :func:`load_tsv`.

    With ``merge`` overlapping events of one label are joined (:func:`merge_overlaps`). Recordings
    are looked at when the dataset is asked for, not here. To have a dataset in every process of a
    distributed run, name it in the config's DATASETS.CUSTOM instead.

    Raises:
        DataError: ``labels`` is None and they cannot be read.
    """
    labels = read_labels(labels_tsv, audio_dir).labels() if labels is None else list(labels)

    def load():
        clips = load_tsv(labels_tsv, audio_dir, labels)
        return merge_overlaps(clips, name) if merge else clips

    register_clips(name, labels, load, labels_tsv=labels_tsv, audio_dir=audio_dir)


def register_custom(specs: Sequence[str], labels: Sequence[str], merge: bool = False) -> None:
    """Register the datasets of DATASETS.CUSTOM; safe to call again, and in spawned processes.

    Args:
        specs: "name=labels.tsv:audio_folder" each, split at the last colon.

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
        new = (labels_tsv, audio_dir, list(labels))
        if old != new:
            raise ConfigError(
                f"DATASETS.CUSTOM: {name} is registered as {_describe(*old)}, "
                f"found again as {_describe(*new)}"
            )


def parse_spec(spec: str) -> tuple[str, str, str]:
    """Name, table and audio folder of "name=labels.tsv:audio_folder"; ConfigError if one lacks."""
    name, _, paths = spec.partition("=")
    labels_tsv, _, audio_dir = paths.rpartition(":")
    if not (name and labels_tsv and audio_dir):
        raise ConfigError(f"dataset {spec!r}, expected name=labels.tsv:audio_folder")
    return name, labels_tsv, audio_dir


def _describe(labels_tsv: str | None, audio_dir: str | None, labels: list[str] | None) -> str:
    source = f"{labels_tsv}:{audio_dir}" if labels_tsv else "a built-in dataset"
    return f"{source} with labels {', '.join(labels or [])}"
