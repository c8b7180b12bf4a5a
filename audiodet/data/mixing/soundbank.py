"""Sound banks: folders of isolated events, backgrounds and distractors that mixtures are made of.

Three layouts are read. With a ``soundbank.csv`` in the folder, its rows say what each file is; the
source data of TUT Rare Sound Events 2017 are known by their lists
(:mod:`audiodet.data.mixing.tut_source`). Without either, the folder tree does: ``<class>/*`` (or
``events/<class>/*``), ``backgrounds/**`` and optionally ``distractors/**``; there every file is its
own source.
"""

import csv
import hashlib
import io
import os
import random
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from audiodet.audio.io import audio_info
from audiodet.audio.suffixes import is_recording
from audiodet.data.labels.text import read_text
from audiodet.data.mixing.tut_source import is_source_data, source_rows
from audiodet.errors import DataError

KINDS = ("events", "backgrounds", "distractors")
COLUMNS = ("path", "kind", "label", "split", "fold", "duration", "onset", "offset", "split_group")
FOLDS = 4  # of a cross-validation, dealt out where a bank names none
LEAST_HELD_OUT = {"events": 2, "backgrounds": 1, "distractors": 0}  # source groups of each kind


@dataclass(frozen=True)
class Clip:
    """One file of a sound bank.

    Attributes:
        path: file, relative to the bank's root, with forward slashes.
        kind: "events", "backgrounds" or "distractors".
        label: class of the event, or the kind of background or distractor.
        split: "train" or "val".
        fold: fold of a cross-validation, from 0.
        onset, offset: part of the file that holds the sound, in seconds.
        duration: length of the file in seconds.
        split_group: source that the clip comes from; never in two splits or two folds.
    """

    path: str
    kind: str
    label: str
    split: str
    fold: int
    onset: float
    offset: float
    duration: float
    split_group: str

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.offset - self.onset

    def cut(self, seconds: float) -> "Clip":
        """The clip with only the first ``seconds`` of its sound."""
        return replace(self, offset=min(self.offset, self.onset + seconds))


@dataclass(frozen=True)
class SoundBank:
    """The clips of one folder, sorted by path."""

    root: str
    clips: tuple[Clip, ...]

    @property
    def labels(self) -> list[str]:
        """Labels of the events, sorted."""
        return sorted({clip.label for clip in self.clips if clip.kind == "events"})

    def select(
        self,
        kind: str | None = None,
        labels: Collection[str] | None = None,
        folds: Collection[int] | None = None,
        groups: Collection[str] | None = None,
        split: str | None = None,
    ) -> list[Clip]:
        """Clips that match all given criteria, in the order of the bank."""
        wanted = {
            "kind": kind and (kind,),
            "label": labels,
            "fold": folds,
            "split_group": groups,
            "split": split and (split,),
        }
        clips = list(self.clips)
        for name, values in wanted.items():
            if values is not None:
                clips = [clip for clip in clips if getattr(clip, name) in values]
        return clips


def soundbank_root(cfg_value: str = "") -> str:
    """Folder of the sound bank: the given one, else AUDIODET_SOUNDBANK; DataError without both."""
    root = cfg_value or os.environ.get("AUDIODET_SOUNDBANK", "")
    if not root:
        raise DataError(
            "no sound bank: set the environment variable AUDIODET_SOUNDBANK "
            "(or the key DATASETS.SOUNDBANK) to its folder"
        )
    return root


def load_soundbank(folder: str) -> SoundBank:
    """Read a sound bank from its ``soundbank.csv``, or from a plain folder-per-class tree.

    Raises:
        DataError: the folder, a column, a listed file, all events or all backgrounds are
            missing, or a row contradicts itself.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{folder}: no such folder, expected a sound bank")
    table = root / "soundbank.csv"
    if table.is_file():
        clips = _read_table(table)
    elif is_source_data(root):
        clips = [Clip(**row) for row in source_rows(root)]
    else:
        clips = _read_tree(root)
    kinds = {clip.kind for clip in clips}
    for kind in ("events", "backgrounds"):
        if kind not in kinds:
            raise DataError(f"{folder}: the sound bank holds no {kind}, expected at least one file")
    places = {}  # source group -> the (split, fold) it is in: in two it would leak into tests
    for clip in clips:
        place = (clip.split, clip.fold)
        first = places.setdefault(clip.split_group, place)
        if first != place:
            raise DataError(
                f"{folder}: source group {clip.split_group!r} is in (split, fold) "
                f"{first} and {place}, expected one"
            )
    return SoundBank(str(folder), tuple(sorted(clips, key=lambda clip: clip.path)))


def hold_out(clips: Iterable[Clip], fraction: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    """(kept, held out) clips, by source, to carve validation sources out of training sources.

    About ``fraction`` of the source groups are held out: of each event label (at least 2 groups),
    of all backgrounds (at least 1) and of all distractors. A held-out group loses all its clips.

    Raises:
        DataError: a label or the backgrounds have too few source groups to split.
    """
    clips = list(clips)
    pools = defaultdict(set)
    for clip in clips:
        pools[(clip.kind, clip.label if clip.kind == "events" else "")].add(clip.split_group)
    held = set()
    for (kind, label), groups in sorted(pools.items()):
        count = max(LEAST_HELD_OUT[kind], round(fraction * len(groups)))
        if len(groups) <= count:
            raise DataError(
                f"{label or kind}: {len(groups)} source groups, "
                f"expected at least {count + 1} to hold {count} out"
            )
        order = sorted(groups)
        random.Random(f"{seed}/{kind}/{label}").shuffle(order)
        held.update(order[:count])
    kept = [clip for clip in clips if clip.split_group not in held]
    held_out = [clip for clip in clips if clip.split_group in held]
    return kept, held_out


def _read_table(table: Path) -> list[Clip]:
    reader = csv.DictReader(io.StringIO(read_text(str(table)), newline=""), restval="")
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{table}: no column {', '.join(missing)}; expected {list(COLUMNS)}")
        return [_row_clip(row, f"{table}:{reader.line_num}", table.parent) for row in reader]
    except csv.Error as error:
        raise DataError(f"{table}:{reader.line_num}: {error}, expected a row of CSV") from None


def _row_clip(row: dict, where: str, root: Path) -> Clip:
    """A clip from a row of soundbank.csv; an empty onset or offset means the file's edge."""
    if row["kind"] not in KINDS:
        raise DataError(f"{where}: kind {row['kind']!r}, expected one of {list(KINDS)}")
    if not os.path.isfile(os.path.join(root, row["path"])):  # also of a name that cannot be
        raise DataError(f"{where}: file {row['path']} is missing in {root}")
    try:
        fold = int(row["fold"])
        duration = float(row["duration"])
        onset = float(row["onset"] or 0.0)
        offset = float(row["offset"] or duration)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{where}: {error}; expected numbers in fold, duration, onset, offset"
        ) from None
    if not 0 <= onset < offset <= duration:
        raise DataError(
            f"{where}: onset {onset} s and offset {offset} s, "
            f"expected 0 <= onset < offset <= duration {duration} s"
        )
    names = {key: row[key] for key in ("path", "kind", "label", "split", "split_group")}
    return Clip(fold=fold, onset=onset, offset=offset, duration=duration, **names)


def _read_tree(root: Path) -> list[Clip]:
    """Clips of a plain folder-per-class bank.

    Folds are dealt in the order of a hash of the path, over each event label, all backgrounds
    and all distractors; split "val" is the last fold.
    """
    pools = defaultdict(list)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if is_recording(path.name) and "/" in name:
            kind, label = _kind_and_label(name, root)
            order = hashlib.sha256(name.encode()).hexdigest()
            pools[kind, label if kind == "events" else ""].append((order, name, label))
    clips = []
    for (kind, _), files in pools.items():
        for place, (_, name, label) in enumerate(sorted(files)):
            fold = place % FOLDS
            split = "val" if fold == FOLDS - 1 else "train"
            duration = audio_info(str(root / name)).duration
            clips.append(Clip(name, kind, label, split, fold, 0.0, duration, duration, name))
    return clips


def _kind_and_label(name: str, root: Path) -> tuple[str, str]:
    """Kind and label of a file from its folders, e.g. "backgrounds/street/a.wav"."""
    folders = name.split("/")[:-1]
    kind = {"background": "backgrounds", "distractor": "distractors"}.get(folders[0], folders[0])
    if kind not in KINDS:
        return "events", folders[0]
    if kind == "events" and len(folders) < 2:
        raise DataError(f"{root / name}: an event without a label, expected events/<class>/<file>")
    return kind, folders[1] if len(folders) > 1 else kind
