"""What a page is made of, from a folder of ``audiodet detect`` or from scored clips."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from audiodet.data.labels.reading import read_labels
from audiodet.errors import DataError, WeightsError
from audiodet.events import Event, decide
from audiodet.inference.curves import ScoreCurves
from audiodet.inference.detector import Detector
from audiodet.inference.results import read_run
from audiodet.names import decodable

if TYPE_CHECKING:
    from audiodet.evaluation.clips import ClipResult

# Names that recorders give: 20240501_063000, 2024-05-01T06-30-00, ...
BEGAN = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[_T -](\d\d)[-_:h]?(\d\d)[-_:m]?(\d\d)")


@dataclass
class Recording:
    """One recording, its times in seconds.

    Attributes:
        path: of the file.
        duration: in seconds.
        events: all that were found, of any score: the page's sliders choose.
        truth: the true events; None where nobody labelled it.
        curves: scores over time; None: the page draws the scores of the events.
    """

    path: str
    duration: float
    events: list[Event] = field(default_factory=list)
    truth: list[Event] | None = None
    curves: ScoreCurves | None = None

    def began(self) -> datetime | None:
        """When it was recorded, if its name says so."""
        found = BEGAN.search(Path(self.path).stem)
        if found:
            try:
                return datetime(*map(int, found.groups()))
            except ValueError:  # digits that are no date
                return None
        return None


@dataclass
class Run:
    """What a model found in some recordings.

    Attributes:
        title: of the page.
        model: its name.
        labels: what it knows.
        thresholds: where the page's sliders begin, by label.
        recordings: in the order of the page.
        problems: [(path, reason)] of recordings that could not be used.
        parameters: of ``audiodet detect``, as in its journal.
    """

    title: str
    model: str
    labels: Sequence[str]
    thresholds: Mapping[str, float]
    recordings: list[Recording]
    problems: list[tuple[str, str]] = field(default_factory=list)
    parameters: Mapping = field(default_factory=dict)

    def identity(self) -> str:
        """12 hexadecimal digits that change with any event: verdicts belong to one run."""
        content = hashlib.sha256(self.model.encode())
        for recording in self.recordings:
            line = [decodable(recording.path), recording.duration, sorted(recording.events)]
            content.update(json.dumps(line).encode())
        return content.hexdigest()[:12]


def from_folder(folder: str | Path) -> Run:
    """The run that ``audiodet detect -o folder`` finished or began; recordings sorted by path.

    Raises:
        AudiodetError: the folder holds none.
    """
    found = read_run(folder)
    recordings = []
    for detection in found.recordings:
        events = decide(detection.candidates, found.floors, min_lengths=found.min_lengths)
        recordings.append(Recording(detection.source, detection.duration, events))
    recordings.sort(key=lambda recording: recording.path)
    title = Path(folder).resolve().name
    errors = list(found.errors.items())
    known = (found.model, found.labels, found.thresholds)
    return Run(title, *known, recordings, errors, found.parameters)


def add_truth(run: Run, labels: str) -> list[str]:
    """Give the recordings of a run the true events of a label file, in any format that is read.

    Args:
        labels: a file or folder of labels, or "labels.tsv:audio_folder"; without a folder the
            recordings are looked for where those of the run lie.

    Returns:
        what a user should know of how the labels were read, a line each.

    Raises:
        DataError: the labels cannot be read, or are of none of the run's recordings.
    """
    places = {os.path.realpath(recording.path): recording for recording in run.recordings}
    audio = None
    if ":" not in labels and places:
        audio = os.path.commonpath([os.path.dirname(place) for place in places])
    table = read_labels(labels, audio).require_good()
    if table.kind != "strong":
        raise DataError(f"{labels}: {table.kind} labels, expected onsets and offsets to compare")
    events = table.events()
    for filename, true in events.items():
        place = os.path.realpath(table.recording(filename))
        if place in places:
            places[place].truth = true
    if not any(recording.truth is not None for recording in run.recordings):
        theirs = ", ".join(map(table.recording, list(events)[:3]))
        ours = ", ".join(recording.path for recording in run.recordings[:3])
        raise DataError(f"{labels}: labels of {theirs}, expected those of the run: {ours}")
    return table.notes


def add_curves(run: Run, device: str = "auto") -> None:
    """Run the model of ``audiodet detect`` again, for its scores over time.

    Of a region detector they are those of its events, which the page draws anyway; of a
    frame-level system they say more.

    Raises:
        AudiodetError: the model is gone, or another one by now.
    """
    detector = Detector.from_pretrained(run.model, device)
    now = detector.runner.identity()
    before = {key: run.parameters.get(key) for key in now}
    if now != before:
        raise WeightsError(f"{run.model}: {now}, expected the model of the run: {before}")
    recordings = {recording.path: recording for recording in run.recordings}
    for detection in detector.detect_many(list(recordings), with_scores=True):
        if detection.error is None:
            recordings[detection.source].curves = detection.scores


def from_clips(
    title: str,
    model: str,
    clips: "Iterable[ClipResult]",
    thresholds: Mapping[str, float],
    paths: Mapping[str, str],
    curves: Mapping[str, tuple] | None = None,
) -> Run:
    """Scored clips with their truth, as an evaluation leaves them.

    Args:
        thresholds: the decided ones, for every label.
        paths: file of each clip's name.
        curves: {clip's name: (scores (S, K), edges (S + 1,) in seconds)}, in the order of the
            thresholds' K labels; without them the page draws the scores of the events.
    """
    labels = tuple(thresholds)
    recordings = []
    for clip in clips:
        path = paths[clip.name]
        recordings.append(Recording(path, clip.duration, clip.candidates, clip.reference))
        if curves:
            scores, edges = curves[clip.name]
            recordings[-1].curves = ScoreCurves(labels, edges, scores)
    return Run(title, model, labels, thresholds, recordings)
