"""A run of ``audiodet detect``: recordings to files of events, through a journal."""

import platform
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from operator import attrgetter

from audiodet import __version__
from audiodet.audio.notes import SHOWN, in_batch, noted
from audiodet.errors import require_package
from audiodet.events import Detection
from audiodet.files import remove_temporaries
from audiodet.inference.formats import TEXT_FORMATS, Origin
from audiodet.inference.journal import Journal
from audiodet.inference.outputs import formats_in, write_all, write_problems, write_report
from audiodet.inference.parts import Parts
from audiodet.inference.pipeline import give_back_memory, in_order
from audiodet.inference.progress import Progress
from audiodet.inference.request import Request
from audiodet.inference.work import SOME_FAILED, Work
from audiodet.names import counted, printable, unique_names


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
    with in_batch(None if request.verbose else SHOWN):
        return this_run.to_stdout() if request.output == "-" else this_run.to_folder()


class Run:
    """The recordings of a request and the detector that it asks for."""

    def __init__(self, request: Request):
        self.began = time.monotonic()
        self.request = request
        self.work = Work(request.inputs, request.quiet)
        self.detector = request.detector()
        model = request.config_file or request.model
        parameters = {  # all that the rows depend on
            "version": __version__,
            "model": model,
            **self.detector.runner.identity(),
            "thresholds": self.detector.thresholds,
            "min_lengths": self.detector.min_lengths,
            "floors": self.detector.floors,
            "window": request.window,
            "overlap": request.overlap,
        }
        if request.contrast:  # runs of older versions know nothing of it
            parameters["contrast"] = request.contrast
        log_mel = self.detector.log_mel
        names = unique_names(self.work.paths)
        self.origin = Origin(model, log_mel.f_min, log_mel.f_max, parameters, names)

    def to_stdout(self) -> int:
        """Print rows in the order of the inputs and keep nothing -> exit code."""
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        table = TEXT_FORMATS[self.request.formats[0]](self.origin)
        sys.stdout.write(table.header)
        paths = self.work.paths
        errors = list(self.work.problems)
        with Progress.of(paths, self.request.quiet) as progress:
            detections = self._detections(paths, progress.show)
            for detection in in_order(detections, paths, attrgetter("source")):
                path = detection.source
                if detection.error:
                    errors.append((path, str(detection.error).removeprefix(f"{path}: ")))
                else:
                    sys.stdout.writelines(table.lines(detection))
                    sys.stdout.flush()
        for path, reason in errors:
            print(f"error: {printable(f'{path}: {reason}')}", file=sys.stderr)
        return SOME_FAILED if errors else 0

    def to_folder(self) -> int:
        """Bring every recording into the journal, then write all files from it -> exit code."""
        folder = self.request.output
        with closing(Journal(folder, self.origin.parameters, self.request.resume)) as journal:
            remove_temporaries(folder)
            self._take_over(journal)
            self.work.take_up(journal)
            resumed = len(self.work.paths) - len(self.work.todo)
            self.origin = replace(self.origin, names=unique_names(self.work.paths))
            self.work.fill(journal, lambda todo, show: self._heard(todo, show, journal))
            return self._finish(journal, resumed)

    def _take_over(self, journal: Journal) -> None:
        """Keep on keeping what the journal's run kept; decide as it did, unless told otherwise."""
        detector = self.detector
        asked = self.request.thresholds
        if asked is None or isinstance(asked, dict):
            detector.thresholds = {**journal.parameters["thresholds"], **(asked or {})}
        if asked != "model":
            detector.min_lengths = journal.parameters.get("min_lengths", {})
        journal.decide({"thresholds": detector.thresholds, "min_lengths": detector.min_lengths})
        detector.floors = journal.parameters["floors"]
        self.request = replace(self.request, floor=detector.floors)
        self.origin = replace(self.origin, parameters=journal.parameters)

    def _detections(self, paths, progress, parts=None) -> Iterator[Detection]:
        """Detections of the recordings, made here or on a cluster, in any order."""
        if self.request.ray:
            from audiodet.inference.on_ray import detect_on_ray

            return detect_on_ray(self.request, paths)
        self.detector.runner.use_one_thread()  # a window per thread uses cores better
        request = self.request
        options = (request.batch_size, request.workers, progress, False, parts)
        return self.detector.detect_many(paths, *options)

    def _heard(self, paths, progress, journal: Journal) -> Iterator[tuple[str, dict]]:
        """(path, what the journal keeps of it) of each recording."""
        for detection in self._detections(paths, progress, Parts(journal)):
            if detection.error:
                yield detection.source, {"error": str(detection.error)}
            else:
                entry = {"duration": detection.duration, "events": detection.candidates}
                if told := noted(detection.source):
                    entry["warnings"] = [text for _, text in told]
                yield detection.source, entry
            if self.request.verbose:
                print(self._told(detection), file=sys.stderr)

    def _told(self, detection: Detection) -> str:
        """A line on a recording that is done."""
        if detection.error:
            return printable(str(detection.error))
        events = len(self.detector.decide(detection.candidates))
        path = printable(detection.source)
        return f"{path}: {counted(events, 'event')} in {detection.duration:.1f} s"

    def _finish(self, journal: Journal, resumed: int) -> int:
        """Write all files from the journal and say what there is -> exit code."""
        whole = []
        warnings = []
        events = 0
        seconds = 0.0
        for path, entry in self.work.entries(journal):
            whole.append(path)
            warnings += [(path, text) for text in entry.get("warnings", ())]
            events += len(self.detector.decide(entry["events"]))
            seconds += entry["duration"]
        errors = self.work.problems

        def recordings() -> Iterator[Detection]:
            for path in whole:
                entry = journal.get(path)
                yield Detection(path, self.detector.decide(entry["events"]), entry["duration"])

        written = write_all(self.request.output, self.request.formats, recordings, self.origin)
        counts = {
            "recordings": len(self.work.paths),
            "failed": len(errors),
            "resumed": resumed,
            "events": events,
        }
        write_report(self.request.output, self._report(counts, seconds), errors)
        write_problems(self.request.output, warnings, "warning")
        if not self.request.quiet:
            what = f"{counted(events, 'event')} in {counted(len(whole), 'recording')}"
            print(f"{what} ({seconds:.0f} s): {', '.join(written)}", file=sys.stderr)
        return self.work.exit_code(self.request.output)

    def _report(self, counts: dict[str, int], seconds: float) -> dict:
        """What ``audiodet_run.json`` says of how the events were made."""
        packages = ("numpy", "soundfile", "soxr", *self.detector.runner.packages)
        return {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {
                "audiodet": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in packages},
            },
            **self.detector.runner.made_with(),
            "parameters": self.origin.parameters,
            "labels": self.detector.labels,
            "device": self.detector.device,
            "frequencies_hz": [self.origin.low_hz, self.origin.high_hz],
            "inputs": [printable(path) for path in self.request.inputs],
            "formats": list(self.request.formats),
            "counts": counts,
            "seconds_of_audio": round(seconds, 3),
            "wall_seconds": round(time.monotonic() - self.began, 3),
        }
