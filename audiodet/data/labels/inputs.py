"""What a user names as labels -> label files and folders of recordings."""

import os
from dataclasses import dataclass, field

from audiodet.audio.suffixes import is_recording
from audiodet.data.labels.matching import walk
from audiodet.data.labels.recognising import SUFFIXES
from audiodet.errors import DataError

# Text files in folders that hold no labels.
OTHERS = ("readme", "license", "licence", "sources", "changelog", "requirements")
RUN_FILES = ("errors.tsv", "audiodet_run.json", "audiodet_journal.jsonl", "audiodet_names.tsv")


@dataclass(frozen=True)
class LabelFile:
    """A file of labels, and the folder in which it was found; "" where it was named itself."""

    path: str
    folder: str = ""


@dataclass
class Sources:
    """Label files, and folders with recordings.

    Attributes:
        name: what was named, for messages.
        labels: files; none where labels are the names of folders.
        audio: folders.
        named: whether ``audio`` was named; else it is where the labels are, and only what lies
            in these folders themselves counts.
    """

    name: str
    labels: list[LabelFile] = field(default_factory=list)
    audio: list[str] = field(default_factory=list)
    named: bool = True


def find_sources(paths, audio: str | os.PathLike | None = None) -> Sources:
    """Sort out files and folders; see :func:`audiodet.data.labels.reading.read_labels`.

    Raises:
        DataError: a path does not exist, or is neither labels nor a folder with something.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    paths = list(map(os.fspath, paths))
    sources = Sources(", ".join(paths))
    holding = []  # folders among the paths that hold recordings
    for path in paths:
        if not os.path.exists(path):
            path, folder = split_spec(path)
            sources.audio += filter(None, [folder])
        if os.path.isdir(path):
            labels, has_recordings = _look_into(path)
            sources.labels += labels
            holding += [path] if has_recordings else []
        else:
            sources.labels.append(_label_file(path))
    if audio is not None:
        sources.audio = [os.fspath(audio)]
    sources.audio = sources.audio or holding
    for folder in sources.audio:
        if not os.path.isdir(folder):
            raise DataError(f"{folder}: no such folder, expected recordings")
    if not sources.labels and not sources.audio:
        raise DataError(f"{sources.name}: neither labels nor recordings in it, expected labels")
    if not sources.audio:
        sources.audio = [os.path.dirname(file.path) or "." for file in sources.labels]
        sources.named = False
    return sources


def split_spec(spec: str) -> tuple[str, str]:
    """Labels and audio folder of "labels.tsv:audio_folder", "" where no folder is named.

    Raises:
        DataError: there are no such labels.
    """
    labels, _, folder = spec.rpartition(":")
    if labels and os.path.exists(labels):
        return labels, folder
    raise DataError(f"{spec}: cannot be read (No such file or directory), expected labels")


def _label_file(path: str) -> LabelFile:
    if is_recording(os.path.basename(path)):
        raise DataError(f"{path}: a recording, expected labels or a folder of recordings")
    return LabelFile(path)


def _look_into(folder: str) -> tuple[list[LabelFile], bool]:
    """Label files in a folder at any depth, and whether there are recordings."""
    labels = []
    has_recordings = False
    for place, files in walk(folder):
        for name in files:
            if is_recording(name):
                has_recordings = True
            elif _may_be_labels(name):
                labels.append(LabelFile(os.path.join(place, name), folder))
    return labels, has_recordings


def _may_be_labels(name: str) -> bool:
    stem, suffix = os.path.splitext(name.lower())
    is_other = stem.startswith((".", *OTHERS)) or name in RUN_FILES
    return suffix in SUFFIXES and not is_other
