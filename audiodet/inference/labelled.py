"""A detector on recordings that somebody labelled: what to score, to tune and to compare on.

Recordings are heard as `audiodet detect` hears them, in windows that are joined: what is measured
is what a user gets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from audiodet.data.labels.reading import read_labels
from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event
from audiodet.inference.detector import Detector
from audiodet.inference.progress import Progress


@dataclass
class Labelled:
    """Recordings with their true events.

    Attributes:
        name: what they are called in messages.
        paths: {clip's name: path of the recording}.
        truth: {clip's name: true events}, of labels that are wanted.
        notes: what a user should know of how labels were read, a line each.
    """

    name: str
    paths: dict[str, str] = field(default_factory=dict)
    truth: dict[str, list[Event]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_labelled(specs: Sequence[str], labels: Sequence[str]) -> Labelled:
    """The recordings of label files, with events of these labels.

    Args:
        specs: as :func:`~audiodet.data.labels.reading.read_labels` takes them, such as
            "test.tsv:audio".
        labels: of a model; events of other labels are left out, and a note says so.

    Raises:
        DataError: labels cannot be read, have no times, or are others altogether.
    """
    table = read_labels(list(specs)).require_good()
    if table.kind != "strong":
        raise DataError(
            f"{table.path}: {table.kind} labels, expected events with onset and offset to score"
        )
    known = table.labels()
    others = [label for label in known if label not in labels]
    if known and len(others) == len(known):
        raise DataError(
            f"{table.path}: has the labels {', '.join(known)}, expected some of the model's: "
            f"{', '.join(labels)}"
        )
    found = Labelled(table.path, notes=list(table.notes))
    if others:
        found.notes.append(f"not labels of the model, left out: {', '.join(others)}")
    unseen = [label for label in labels if label not in known]
    if unseen:
        found.notes.append(f"labels without a true event: {', '.join(unseen)}")
    for name, events in table.events().items():
        found.paths[name] = table.recording(name)
        plain = [Event(event.onset, event.offset, event.label) for event in events]
        found.truth[name] = [event for event in plain if event.label in labels]
    return found


@dataclass
class Found:
    """What a detector says about labelled recordings.

    Attributes:
        clips: a :class:`ClipResult` each, with all candidates down to the detector's floor.
        curves: {clip's name: (scores (S, K), edges (S + 1,))}, where they were asked for.
        problems: [(path, reason)] of recordings that could not be used.
    """

    clips: list[ClipResult] = field(default_factory=list)
    curves: dict = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def detect_labelled(
    detector: Detector,
    labelled: Labelled,
    with_scores: bool = False,
    quiet: bool = True,
) -> Found:
    """Run a detector over labelled recordings; one that cannot be used does not stop the others.

    An event that ends after its recording is cut there; one that begins after it makes the
    recording unusable: its labels are another's, or in another unit. Unless ``quiet``, stderr shows
    how far it is.

    Raises:
        DataError: not one of them can be used.
    """
    names = {path: name for name, path in labelled.paths.items()}
    found = Found()
    with Progress.of(names, quiet) as progress:
        detections = detector.detect_many(
            list(names), progress=progress.show, with_scores=with_scores
        )
        for detection in detections:
            _take(found, detection, names[detection.source], labelled, with_scores)
    if not found.clips:
        path, reason = found.problems[0]
        raise DataError(
            f"{labelled.name}: 0 of {len(names)} recordings can be used, the first: {path}: "
            f"{reason}"
        )
    return found


def _take(found: Found, detection, name: str, labelled: Labelled, with_scores: bool) -> None:
    """Keep what a detector says of one recording, or why it cannot be used."""
    path = detection.source
    if detection.error:
        found.problems.append((path, str(detection.error).removeprefix(f"{path}: ")))
        return
    end = detection.duration
    truth = []
    for event in labelled.truth[name]:
        if event.onset >= end:
            reason = f"an event begins at {event.onset:g} s, expected inside its {end:.3f} s"
            found.problems.append((path, reason))
            return
        truth.append(event._replace(offset=min(event.offset, end)))
    found.clips.append(ClipResult(name, end, truth, detection.candidates))
    if with_scores:
        found.curves[name] = (detection.scores.scores, detection.scores.edges)


def without_short(clips: Sequence[ClipResult], min_lengths: dict[str, float]) -> None:
    """Drop candidates that are too short to be reported, in place."""
    for clip in clips:
        kept = []
        for event in clip.candidates:
            if event.offset - event.onset >= min_lengths.get(event.label, 0.0):
                kept.append(event)
        clip.candidates = kept
