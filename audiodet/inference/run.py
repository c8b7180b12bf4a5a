"""A run of ``audiodet detect``: recordings to files of events, through a journal."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from operator import attrgetter

import detectron2
import torch

from audiodet import __version__, _detectron2
from audiodet.errors import AudiodetError
from audiodet.inference.detector import Detection, Detector
from audiodet.inference.formats import Origin, Recording, printable, unique_names
from audiodet.inference.inputs import collect
from audiodet.inference.journal import Journal
from audiodet.inference.loading import identity, load_model
from audiodet.inference.outputs import (
    StandardOutput,
    check_formats,
    clear_leftovers,
    formats_in,
    write_all,
    write_report,
)
from audiodet.inference.pipeline import give_back_memory, in_order
from audiodet.inference.progress import Progress

SOME_FAILED = 3  # exit code of a run that finished although some inputs could not be used


@dataclass(frozen=True)
class Request:
    """What the command line of ``audiodet detect`` asks for.

    Attributes:
        inputs: see :func:`~audiodet.inference.inputs.collect`.
        output: folder, or "-" for stdout.
        formats: of :data:`~audiodet.inference.formats.FORMATS`.
        model: name or checkpoint; or config_file and weights.
        thresholds: None for the model's, a number, or a mapping by label.
        device: "auto", "cpu", "cuda", ...
        batch_size, workers: see :meth:`Detector.detect_many`; with Ray, workers are actors.
        window, overlap: of long recordings, in seconds.
        resume: continue the run in the output folder; its tables are written anew, in all formats.
        ray: None, "local", or the address of a cluster.
    """

    inputs: tuple[str, ...]
    output: str
    formats: tuple[str, ...]
    model: str
    config_file: str = ""
    weights: str = ""
    thresholds: float | dict | None = None
    device: str = "auto"
    batch_size: int = 0
    workers: int = 0
    window: float = 30.0
    overlap: float = 6.0
    resume: bool = False
    ray: str | None = None

    def detector(self) -> Detector:
        """The detector that is asked for; each process of a cluster makes its own."""
        name = "" if self.config_file else self.model
        model = load_model(name, self.config_file, self.weights, self.device)
        return Detector(model, self.thresholds, self.window, self.overlap)


def run(request: Request) -> int:
    """Do what is asked -> exit code 0, or 3 when some inputs failed.

    Raises:
        AudiodetError: the run could not begin or not be finished; ``--resume`` continues it.
    """
    began = time.monotonic()
    give_back_memory()
    if request.resume:  # tables that are there must not stay behind the journal
        formats = dict.fromkeys([*request.formats, *formats_in(request.output)])
        request = replace(request, formats=tuple(formats))
    check_formats(request.formats)
    if request.ray:
        from audiodet.inference.on_ray import check_ray

        check_ray()
    paths, problems = collect(request.inputs)
    detector = request.detector()
    about = _origin(request, detector)
    if request.output == "-":
        return _print_all(request, detector, about, paths, problems)
    journal = Journal(request.output, about.parameters, request.resume)
    try:
        clear_leftovers(request.output)
        resumed = _fill(journal, request, detector, paths)
        return _finish(journal, request, detector, about, paths, problems, (began, resumed))
    finally:
        journal.close()


def _origin(request: Request, detector: Detector) -> Origin:
    """The model and all that the rows depend on."""
    log_mel = detector.predictor.log_mel
    name = request.model if not request.config_file else request.config_file
    parameters = {
        "version": __version__,
        "model": name,
        **identity(detector.predictor.model),
        "thresholds": detector.thresholds,
        "window": request.window,
        "overlap": request.overlap,
    }
    return Origin(name, log_mel.f_min, log_mel.f_max, parameters)


def _detections(request: Request, detector: Detector, paths, progress) -> Iterator[Detection]:
    """What is found in the recordings, here or on a cluster, in any order."""
    if request.ray:
        from audiodet.inference.on_ray import detect_on_ray

        return detect_on_ray(request, paths)
    if detector.device == "cpu":
        torch.set_num_threads(1)  # a window per thread uses the cores better than many per window
    return detector.detect_many(paths, request.batch_size, request.workers, progress)


def _fill(journal: Journal, request: Request, detector: Detector, paths) -> int:
    """Bring every recording into the journal -> how many were there already."""
    states = {path: _state(path) for path in paths}
    for path in paths:
        if path in journal.done and journal.get(path)["state"] != states[path]:
            del journal.done[path]  # another recording by now
    todo = [path for path in paths if path not in journal.done]
    sizes = {path: states[path][0] for path in todo}
    try:
        with Progress(sizes) as progress:
            for found in _detections(request, detector, todo, progress.place):
                if found.error:
                    journal.add(found.source, state=None, error=str(found.error))
                else:
                    entry = {"duration": found.duration, "events": found.events}
                    journal.add(found.source, state=states[found.source], **entry)
                progress.finish(found)
    except KeyboardInterrupt:
        done = len(journal.done.keys() & set(paths))
        print(
            f"interrupted: {done} of {len(paths)} recordings are done; continue with --resume",
            file=sys.stderr,
        )
        raise
    return len(paths) - len(todo)


def _finish(journal, request, detector, about, paths, problems, history) -> int:
    """Write all files from the journal and say what there is."""
    names, errors, totals = unique_names(paths), list(problems), {"events": 0, "seconds": 0.0}
    whole = []
    for path in paths:
        entry = journal.get(path)
        if "error" in entry:
            errors.append((path, entry["error"].removeprefix(f"{path}: ")))
        else:
            whole.append(path)
            totals["events"] += len(entry["events"])
            totals["seconds"] += entry["duration"]

    def recordings() -> Iterator[Recording]:
        for path in whole:
            entry = journal.get(path)
            yield Recording(path, entry["duration"], entry["events"], names[path])

    written = write_all(request.output, request.formats, recordings, about)
    began, resumed = history
    counts = {
        "recordings": len(paths),
        "failed": len(errors),
        "resumed": resumed,
        "events": totals["events"],
    }
    report = _report(request, detector, about)
    report |= {"counts": counts, "seconds_of_audio": round(totals["seconds"], 3)}
    report |= {"wall_seconds": round(time.monotonic() - began, 3)}
    write_report(request.output, report, errors)
    print(
        f"{totals['events']} events in {len(whole)} recordings ({totals['seconds']:.0f} s): "
        f"{', '.join(written)}",
        file=sys.stderr,
    )
    return _told(errors, os.path.join(request.output, "errors.tsv"))


def _told(errors: list, where: str) -> int:
    """Say that inputs failed, if they did -> exit code."""
    if errors:
        first = printable(": ".join(errors[0]))
        print(f"{len(errors)} inputs failed, see {where}; the first: {first}", file=sys.stderr)
    return SOME_FAILED if errors else 0


def _report(request: Request, detector: Detector, about: Origin) -> dict:
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
        "parameters": about.parameters,
        "labels": detector.labels,
        "device": detector.device,
        "frequencies_hz": [about.low_hz, about.high_hz],
        "inputs": [printable(path) for path in request.inputs],
        "formats": list(request.formats),
    }


def _print_all(request, detector, about, paths, problems) -> int:
    """Rows to stdout in the order of the inputs; nothing is kept."""
    if len(request.formats) != 1 or request.resume:
        raise AudiodetError("-o -: expected one --format and no --resume")
    names, output = unique_names(paths), StandardOutput(request.formats[0], about)
    errors = list(problems)
    detections = _detections(request, detector, paths, None)
    for found in in_order(detections, paths, attrgetter("source")):
        if found.error:
            errors.append((found.source, str(found.error).removeprefix(f"{found.source}: ")))
        else:
            recording = (found.source, found.duration, found.events, names[found.source])
            output.add(Recording(*recording))
    for path, reason in errors:
        print(f"error: {printable(f'{path}: {reason}')}", file=sys.stderr)
    return SOME_FAILED if errors else 0


def _state(path: str) -> list[int]:
    """Size in bytes and time of change of a file; zeros when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]
