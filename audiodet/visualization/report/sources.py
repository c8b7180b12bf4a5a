"""What a page is made of, from a folder of ``audiodet detect`` or from scored clips."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from audiodet.errors import DataError
from audiodet.evaluation.clips import ClipResult
from audiodet.events import Event
from audiodet.inference.formats import decodable
from audiodet.inference.journal import NAME as JOURNAL
from audiodet.inference.outputs import RUN

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
    """

    path: str
    duration: float
    events: list[Event] = field(default_factory=list)
    truth: list[Event] | None = None

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
    """

    title: str
    model: str
    labels: Sequence[str]
    thresholds: Mapping[str, float]
    recordings: list[Recording]
    problems: list[tuple[str, str]] = field(default_factory=list)

    def identity(self) -> str:
        """12 hexadecimal digits that change with any event: verdicts belong to one run."""
        content = hashlib.sha256(self.model.encode())
        for recording in self.recordings:
            line = [decodable(recording.path), recording.duration, sorted(recording.events)]
            content.update(json.dumps(line).encode())
        return content.hexdigest()[:12]


def from_folder(folder: str | Path) -> Run:
    """The run that ``audiodet detect -o folder`` finished or began.

    Raises:
        DataError: the folder holds none.
    """
    folder = Path(folder)
    try:
        report = json.loads((folder / RUN).read_text(encoding="utf-8"))
        lines = (folder / JOURNAL).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder}: no run ({error}), expected the folder that audiodet detect wrote"
        ) from error
    recordings = []
    problems = []
    for line in lines[1:]:
        entry = json.loads(line)
        if "error" in entry:
            problems.append((entry["path"], entry["error"]))
            continue
        events = [Event(*event) for event in entry["events"]]
        recordings.append(Recording(entry["path"], entry["duration"], events))
    parameters = report["parameters"]
    title = folder.resolve().name
    thresholds = parameters["thresholds"]
    return Run(title, parameters["model"], report["labels"], thresholds, recordings, problems)


def from_clips(
    title: str,
    model: str,
    clips: Iterable[ClipResult],
    thresholds: Mapping[str, float],
    paths: Mapping[str, str],
) -> Run:
    """Scored clips with their truth, as an evaluation leaves them.

    Args:
        thresholds: the decided ones, for every label.
        paths: file of each clip's name.
    """
    recordings = []
    for clip in clips:
        path = paths[clip.name]
        recordings.append(Recording(path, clip.duration, clip.candidates, clip.reference))
    return Run(title, model, list(thresholds), thresholds, recordings)
