"""The source data of TUT Rare Sound Events 2017 as a sound bank: isolated events and backgrounds.

Its folder ``TUT-rare-sound-events-2017-development/data/source_data`` holds, as the published
synthesizer reads it::

    bgs/audio/*.wav                           30-s backgrounds of TUT Acoustic Scenes 2016
    events/{babycry,glassbreak,gunshot}/*.wav recordings; an event is a segment of one
    cv_setup/bgs_{devtrain,devtest}.yaml      [{filepath, classname}, ...], under bgs
    cv_setup/events_{devtrain,devtest}.yaml   {class: [{audio_filename, segment}, ...]}, seconds

The official split is kept: "devtrain" is split "train", "devtest" is "val".
"""

from pathlib import Path

import yaml

from audiodet.audio.io import audio_info
from audiodet.errors import DataError

SETUP = "cv_setup"
SPLITS = {"devtrain": "train", "devtest": "val"}


def is_source_data(root: Path) -> bool:
    """Whether a folder is of this layout."""
    return (root / SETUP).is_dir()


def source_rows(root: Path) -> list[dict]:
    """All events and backgrounds as the fields of :class:`~audiodet.data.mixing.soundbank.Clip`.

    Raises:
        DataError: a list is missing or damaged, a recording is missing, or a segment is none.
        AudioError: the header of a recording cannot be read.
    """
    rows = []
    for number, (subset, split) in enumerate(SPLITS.items()):
        place = {"split": split, "fold": number}
        path = root / SETUP / f"bgs_{subset}.yaml"
        for entry in _read(path, list):
            name, label = _fields(path, entry, ("filepath", "classname"))
            # Files are segments of longer recordings: "a001_0_30.wav".
            group = "background " + Path(name).stem.split("_")[0]
            row = _row(path, root, f"bgs/{name}", group, None)
            rows.append({**row, **place, "kind": "backgrounds", "label": label})
        path = root / SETUP / f"events_{subset}.yaml"
        for label, entries in _read(path, dict).items():
            for entry in entries:
                name, segment = _fields(path, entry, ("audio_filename", "segment"))
                file = f"{label}/{name}"
                row = _row(path, root, f"events/{file}", file, segment)
                rows.append({**row, **place, "kind": "events", "label": label})
    return rows


def _read(path: Path, kind: type):
    if not path.is_file():
        raise DataError(f"{path}: no such list, expected the official one of the source data")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from None
    if not isinstance(content, kind):
        raise DataError(f"{path}: holds a {type(content).__name__}, expected a {kind.__name__}")
    return content


def _fields(path: Path, entry, names: tuple) -> list:
    if not isinstance(entry, dict) or any(name not in entry for name in names):
        raise DataError(f"{path}: entry {str(entry)[:80]}, expected {', '.join(names)}")
    return [entry[name] for name in names]


def _row(listed_in: Path, root: Path, file: str, group: str, segment) -> dict:
    path = root / file
    if not path.is_file():
        raise DataError(f"{listed_in}: {path} is missing")
    duration = audio_info(str(path)).duration
    onset, offset = (0.0, duration) if segment is None else map(float, segment)
    offset = min(offset, duration)
    if not 0 <= onset < offset:
        raise DataError(
            f"{listed_in}: segment {segment} of {path}, expected 0 <= start < end <= "
            f"{duration:.2f} s"
        )
    times = {"onset": onset, "offset": offset, "duration": duration}
    return {"path": file, "split_group": group, **times}
