"""A run of ``audiodet detect``: recordings to files of events, through a journal."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from operator import attrgetter

import detectron2
import torch
from tqdm import tqdm

from audiodet import __version__, _detectron2
from audiodet.errors import require_package
from audiodet.inference.detector import Detection, Detector
from audiodet.inference.formats import Origin, Recording, printable, unique_names
from audiodet.inference.inputs import collect
from audiodet.inference.journal import Journal
from audiodet.inference.loading import identity
from audiodet.inference.outputs import (
    StandardOutput,
    clear_leftovers,
    formats_in,
    write_all,
    write_report,
)
from audiodet.inference.pipeline import give_back_memory, in_order
from audiodet.inference.reading import file_state
from audiodet.inference.request import Request

SOME_FAILED = 3  # exit code of a run that finished although some inputs could not be used


def run(request: Request) -> int:
    """Do what is asked -> exit code 0, or 3 when some inputs failed.

    Raises:
        AudiodetError: the run could not begin or not be finished; ``--resume`` continues it.
    """
    give_back_memory()
    if request.resume:  # the tables that are there must not be older than the journal
        formats = dict.fromkeys([*request.formats, *formats_in(request.output)])
        request = replace(request, formats=tuple(formats))
    if "parquet" in request.formats:
        require_package("pyarrow", "--format parquet")
    if request.ray:
        require_package("ray", "--ray")
    this_run = Run(request)
    return this_run.to_stdout() if request.output == "-" else this_run.to_folder()


class Run:
    """The recordings of a request and the detector that it asks for."""

    def __init__(self, request: Request):
        self.began = time.monotonic()
        self.request = request
        self.paths, self.problems = collect(request.inputs)
        self.names = unique_names(self.paths)
        self.detector = request.detector()
        self.origin = _origin(request, self.detector)

    def to_stdout(self) -> int:
        """Print rows in the order of the inputs and keep nothing -> exit code."""
        output = StandardOutput(self.request.formats[0], self.origin)
        errors = list(self.problems)
        detections = self._detections(self.paths, None)
        for detection in in_order(detections, self.paths, attrgetter("source")):
            path = detection.source
            if detection.error:
                errors.append((path, str(detection.error).removeprefix(f"{path}: ")))
            else:
                name = self.names[path]
                output.add(Recording(path, detection.duration, detection.events, name))
        for path, reason in errors:
            print(f"error: {printable(f'{path}: {reason}')}", file=sys.stderr)
        return SOME_FAILED if errors else 0

    def to_folder(self) -> int:
        """Bring every recording into the journal, then write all files from it -> exit code."""
        journal = Journal(self.request.output, self.origin.parameters, self.request.resume)
        try:
            clear_leftovers(self.request.output)
            resumed = self._fill(journal)
            return self._finish(journal, resumed)
        finally:
            journal.close()

    def _detections(self, paths, progress) -> Iterator[Detection]:
        """Detections of the recordings, made here or on a cluster, in any order."""
        if self.request.ray:
            from audiodet.inference.on_ray import detect_on_ray

            return detect_on_ray(self.request, paths)
        if self.detector.device == "cpu":
            torch.set_num_threads(1)  # a window per thread uses cores better than many per window
        request = self.request
        return self.detector.detect_many(paths, request.batch_size, request.workers, progress)

    def _fill(self, journal: Journal) -> int:
        """Bring every recording into the journal -> how many were there already."""
        states = {path: file_state(path) for path in self.paths}
        for path in self.paths:
            if path in journal.done and journal.get(path)["state"] != states[path]:
                del journal.done[path]  # another recording by now
        todo = [path for path in self.paths if path not in journal.done]
        try:
            with _Progress({path: states[path][0] for path in todo}) as progress:
                for detection in self._detections(todo, progress.show):
                    _add_entry(journal, detection, states[detection.source])
                    progress.show(detection.source)
        except KeyboardInterrupt:
            done = len(journal.done.keys() & set(self.paths))
            print(
                f"interrupted: {done} of {len(self.paths)} recordings are done; continue with "
                "--resume",
                file=sys.stderr,
            )
            raise
        return len(self.paths) - len(todo)

    def _finish(self, journal: Journal, resumed: int) -> int:
        """Write all files from the journal and say what there is -> exit code."""
        errors = list(self.problems)
        whole = []
        events = 0
        seconds = 0.0
        for path in self.paths:
            entry = journal.get(path)
            if "error" in entry:
                errors.append((path, entry["error"].removeprefix(f"{path}: ")))
            else:
                whole.append(path)
                events += len(entry["events"])
                seconds += entry["duration"]

        def recordings() -> Iterator[Recording]:
            for path in whole:
                entry = journal.get(path)
                yield Recording(path, entry["duration"], entry["events"], self.names[path])

        written = write_all(self.request.output, self.request.formats, recordings, self.origin)
        report = self._report()
        report["counts"] = {
            "recordings": len(self.paths),
            "failed": len(errors),
            "resumed": resumed,
            "events": events,
        }
        report["seconds_of_audio"] = round(seconds, 3)
        report["wall_seconds"] = round(time.monotonic() - self.began, 3)
        write_report(self.request.output, report, errors)
        print(
            f"{events} events in {len(whole)} recordings ({seconds:.0f} s): {', '.join(written)}",
            file=sys.stderr,
        )
        return _report_errors(errors, os.path.join(self.request.output, "errors.tsv"))

    def _report(self) -> dict:
        """What ``audiodet_run.json`` says of how the events were made."""
        packages = ("numpy", "soundfile", "soxr", "torch", "torchvision")
        return {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {
                "audiodet": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in packages},
            },
            "detectron2": {"version": detectron2.__version__, "source": _detectron2.SOURCE},
            "parameters": self.origin.parameters,
            "labels": self.detector.labels,
            "device": self.detector.device,
            "frequencies_hz": [self.origin.low_hz, self.origin.high_hz],
            "inputs": [printable(path) for path in self.request.inputs],
            "formats": list(self.request.formats),
        }


def _origin(request: Request, detector: Detector) -> Origin:
    """The model and all that the rows depend on."""
    model = request.config_file or request.model
    parameters = {
        "version": __version__,
        "model": model,
        **identity(detector.model),
        "thresholds": detector.thresholds,
        "window": request.window,
        "overlap": request.overlap,
    }
    return Origin(model, detector.log_mel.f_min, detector.log_mel.f_max, parameters)


def _add_entry(journal: Journal, detection: Detection, state: list[int]) -> None:
    """The journal's entry of a recording that was in the ``state`` when the run began."""
    if detection.error:
        journal.add(detection.source, state=None, error=str(detection.error))
    else:
        entry = {"duration": detection.duration, "events": detection.events}
        journal.add(detection.source, state=state, **entry)


def _report_errors(errors: list, table: str) -> int:
    """Say that inputs failed, if they did -> exit code."""
    if not errors:
        return 0
    first = printable(": ".join(errors[0]))
    print(f"{len(errors)} inputs failed, see {table}; the first: {first}", file=sys.stderr)
    return SOME_FAILED


class _Progress(tqdm):
    """Bytes that are done, on stderr when that is a terminal."""

    def __init__(self, sizes: dict[str, int]):
        total = sum(sizes.values())
        super().__init__(total=total, unit="B", unit_scale=True, disable=None, dynamic_ncols=True)
        self.sizes = sizes
        self.shown = dict.fromkeys(sizes, 0)

    def show(self, source: str, seconds: float = 1.0, duration: float = 1.0) -> None:
        """A recording is done up to ``seconds``; its bytes are taken as proportional to time."""
        done = round(self.sizes[source] * min(seconds / duration, 1.0))
        self.update(done - self.shown[source])
        self.shown[source] = done
