"""What a system said about each clip, beside the truth: the plain data that is scored."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap

from detectron2.data import DatasetCatalog

from audiodet.errors import DataError
from audiodet.events import Event, decide
from audiodet.files import write_text


@dataclass
class ClipResult:
    """One scored clip.

    Attributes:
        name: names the clip among all that are scored together.
        duration: in seconds.
        reference: the true events.
        candidates: every event the system proposed, with its score, before any threshold.
        target: the only label that this clip is scored for; None scores every label.
        source_group: the recording that the clip's event was cut from; None when not known.
        parts: what a candidate's score was made of: lists as long as ``candidates``, by name.
        scene: where it was recorded; None when not known.
        sources: the recordings of a clip's events where it holds several; [] otherwise.
    """

    name: str
    duration: float
    reference: list[Event] = field(default_factory=list)
    candidates: list[Event] = field(default_factory=list)
    target: str | None = None
    source_group: str | None = None
    parts: dict[str, list[float]] = field(default_factory=dict)
    scene: str | None = None
    sources: list[str] = field(default_factory=list)

    def is_scored(self, label: str) -> bool:
        """Whether this clip counts for `label`."""
        return self.target is None or self.target == label

    def decided(self, thresholds: Mapping[str, float], best_event_per_clip: bool) -> list[Event]:
        """The events that are reported of labels that this clip is scored for."""
        events = decide(self.candidates, thresholds, best_event_per_clip)
        return [event for event in events if self.is_scored(event.label)]


def reference_clips(dataset_name: str, labels: list[str]) -> dict[int, ClipResult]:
    """The truth of a registered dataset by image id, without candidates.

    A clip is named by its file's name where that is unique in the dataset, else by its path.

    Raises:
        DataError: a clip's labels are not strong.
    """
    records = DatasetCatalog.get(dataset_name)
    bases = [os.path.basename(record["file_name"]) for record in records]
    unique = len(set(bases)) == len(bases)
    clips = {}
    for record, base in zip(records, bases):
        path = record["file_name"]
        kind = record.get("label_kind", "strong")
        if kind != "strong":
            raise DataError(f"{path}: its labels are {kind!r}, expected 'strong' to score events")
        events = []
        for annotation in record.get("annotations", ()):
            onset, _, offset, _ = annotation["bbox"]
            events.append(Event(onset, offset, labels[annotation["category_id"]]))
        clips[record["image_id"]] = ClipResult(
            name=base if unique else path,
            duration=record["width"],
            reference=sorted(events),
            target=record.get("target"),
            source_group=record.get("source_group"),
            sources=list(record.get("sources", ())),
            scene=record.get("scene"),
        )
    return clips


def save_clips(clips: Iterable[ClipResult], path: str | os.PathLike) -> None:
    """Write one JSON object per line; :func:`load_clips` reads the very same values."""
    write_text(path, "".join(json.dumps(vars(clip)) + "\n" for clip in clips))


def load_clips(path: str | os.PathLike) -> list[ClipResult]:
    """Read what :func:`save_clips` wrote.

    Raises:
        DataError: a line is not a clip.
    """
    clips = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                clip = ClipResult(**json.loads(line))
                clip.reference = list(starmap(Event, clip.reference))
                clip.candidates = list(starmap(Event, clip.candidates))
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"{path}, line {number}: {line[:60]!r}, expected a clip's results ({error})"
                ) from error
            clips.append(clip)
    return clips


def write_events(
    events_of: Mapping[str, Sequence[Event]], path: str | os.PathLike, scores: bool = False
) -> None:
    """Write the events of each clip's name as a DESED table (TSV), times in seconds.

    A clip without events has one row with empty fields. `scores` adds a column with the scores.
    """
    rows = [("filename", "onset", "offset", "event_label", "score")]
    for name, events in events_of.items():
        if not events:
            rows.append((name, "", "", "", ""))
        for onset, offset, label, score, *_ in events:
            rows.append((name, round(onset, 6), round(offset, 6), label, round(score, 6)))
    width = len(rows[0]) if scores else len(rows[0]) - 1
    lines = ["\t".join(map(str, row[:width])) + "\n" for row in rows]
    write_text(path, "".join(lines))
