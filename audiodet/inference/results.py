"""What a run of ``audiodet detect`` found, read back from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audiodet.errors import AudiodetError
from audiodet.events import Detection, decide
from audiodet.inference.journal import NAME
from audiodet.inference.journal_lines import BEGIN, whole_lines, with_events, with_floors


@dataclass
class RunResults:
    """The recordings of a run that are done, whether it has ended or not.

    Attributes:
        folder: of the run.
        recordings: a :class:`Detection` each, in the order in which they were done: ``source`` is
            the path as it was given, ``events`` what is reported, ``candidates`` all down to the
            floor.
        errors: {path: why it could not be used}.
        labels: in the model's order.
        thresholds, min_lengths: by label, what ``events`` were decided by.
        floors: lowest score among the candidates, by label.
        model: name, checkpoint or configuration that was asked for.
        parameters: all of the run.
    """

    folder: Path
    recordings: list[Detection] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    min_lengths: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    parameters: Mapping = field(default_factory=dict)


def read_run(folder) -> RunResults:
    """Read the journal of a run; nothing is written, also while the run goes on.

    Of a recording that was done twice, because it changed, the last counts.

    Raises:
        AudiodetError: the folder holds no run, or a damaged one.
    """
    path = Path(folder) / NAME
    entries = {}
    try:
        with open(path, "rb") as stream:
            lines = [entry for _, _, entry in whole_lines(stream)]
    except OSError as error:
        raise AudiodetError(
            f"{path}: cannot be read ({error.strerror}), expected the output folder of `audiodet "
            "detect`"
        ) from error
    parameters = lines[0].get("parameters", {}) if lines else {}
    if "thresholds" not in parameters:
        raise AudiodetError(f"{path}: does not begin with {BEGIN.decode()}..., expected a journal")
    parameters = with_floors(parameters)
    for entry in lines[1:]:
        parameters.update(entry.get("decided", {}))
        if entry.get("was") in entries:
            entries[entry["is"]] = entries.pop(entry["was"])
        if "path" in entry:
            entries[entry["path"]] = with_events(entry)
    run = RunResults(Path(folder), labels=list(parameters["floors"]), parameters=parameters)
    run.thresholds = parameters["thresholds"]
    run.min_lengths = parameters.get("min_lengths", {})
    run.floors = parameters["floors"]
    run.model = parameters.get("model", "")
    for source, entry in entries.items():
        if "error" in entry:
            run.errors[source] = entry["error"].removeprefix(f"{source}: ")
            continue
        events = decide(entry["events"], run.thresholds, min_lengths=run.min_lengths)
        run.recordings.append(Detection(source, events, entry["duration"], None, entry["events"]))
    return run
