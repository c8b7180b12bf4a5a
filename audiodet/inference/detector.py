"""Detector: events of files and arrays of any length, with one trained model."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from audiodet.audio.io import as_mono, audio_info, read_audio, read_blocks
from audiodet.errors import AudioError
from audiodet.events import Event, decide, thresholds_by_label
from audiodet.inference.loading import load_model
from audiodet.inference.pipeline import cores, run_ahead
from audiodet.inference.predictor import Predictor
from audiodet.inference.windows import Grid, Stitcher, cut_windows

WINDOW, OVERLAP = 30.0, 6.0  # seconds; the longest anchor of the models that ship is 5.9 s


@dataclass
class Detection:
    """What became of one recording.

    Attributes:
        source: as it was given to :meth:`Detector.detect_many`.
        events: in order of onset; empty when there is an error.
        duration: of the recording, in seconds.
        error: why it could not be used, else None.
    """

    source: object
    events: list[Event] = field(default_factory=list)
    duration: float = 0.0
    error: AudioError | None = None


class _Part(NamedTuple):
    """A window ready for the network: its input, its place in seconds, the recording's length."""

    inputs: dict
    start: float
    end: float
    last: bool
    duration: float


class Detector:
    """Finds events in recordings; picklable, and safe to share between threads.

    A recording that fits one window is given to the network whole. A longer one is read in blocks
    and cut into overlapping windows whose events are joined, so memory does not grow with its
    length. Front ends that normalise each clip ("clip", "product") then normalise each window.
    """

    def __init__(self, model, thresholds=None, window: float = WINDOW, overlap: float = OVERLAP):
        """
        Args:
            model: from ``audiodet.model_zoo.get``.
            thresholds: lowest score of a reported event: a number for all labels, a sequence in
                the order of :attr:`labels`, or a mapping label -> number, whose missing labels
                keep the model's (``model.cfg.TEST.THRESHOLDS``).
            window, overlap: of long recordings, in seconds; rounded up to the network's time steps.

        Raises:
            ConfigError: thresholds of other labels, or an overlap longer than half a window.
        """
        self.predictor = Predictor(model)
        self.labels = self.predictor.labels
        if isinstance(thresholds, dict):
            thresholds = {**self.predictor.thresholds, **thresholds}
        if thresholds is not None:
            self.predictor.thresholds = thresholds_by_label(thresholds, self.labels)
        self.thresholds = self.predictor.thresholds
        log_mel = self.predictor.log_mel
        self.grid = Grid.build(
            log_mel.sample_rate, model.time_stride * log_mel.hop, window, overlap, log_mel.n_fft
        )

    @classmethod
    def from_pretrained(cls, name: str, device: str = "auto", **options) -> "Detector":
        """The detector of a model that ships, or of a checkpoint that audiodet wrote.

        Thresholds that its training tuned are found beside it, see
        :func:`~audiodet.inference.loading.load_model`.

        Args:
            name: one of ``audiodet.model_zoo.names()`` or a path.
            device: "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1", ...
            options: see :class:`Detector`.

        Raises:
            WeightsError: no such model.
            ConfigError: no such device, an option that cannot work, or a damaged file of tuned
                thresholds.
        """
        return cls(load_model(name, device=device), **options)

    def detect(self, source, sample_rate: int | None = None) -> list[Event]:
        """Events of one recording, in order of onset; times in seconds from its start.

        Args:
            source: path of a file, or float samples between -1 and 1 of shape (samples,) or
                (samples, channels), whose channels are averaged.
            sample_rate: of the samples, in Hz; not for a file.

        Raises:
            AudioError: the recording cannot be used, or an array came without its rate.
        """
        given = source if sample_rate is None else (source, sample_rate)
        (found,) = self.detect_many([given], workers=1)
        if found.error:
            raise found.error
        return found.events

    def detect_many(
        self, sources: Iterable, batch_size: int = 0, workers: int = 0, progress=None
    ) -> Iterator[Detection]:
        """Events of many recordings: windows of all of them share batches.

        Reading and features run in threads while the network works. A recording that cannot be
        used does not stop the others.

        Args:
            sources: paths, or (samples, sample_rate) as in :meth:`detect`; may be a generator.
            batch_size: windows per call of the network; 0 chooses 16 on a GPU and, on a CPU, 1 per
                thread, where the last digits of an event then depend on nothing else. Other sizes
                give the same events but for rounding.
            workers: threads that read, and on a CPU as many that run the network; 0 takes the
                cores of this process.
            progress: called with (source, seconds done, seconds in all) after each window.

        Yields:
            a :class:`Detection` per source, in order.
        """
        on_cpu = self.device == "cpu"
        batch_size = batch_size or (1 if on_cpu else 16)
        workers = workers or cores()
        networks = workers if on_cpu else 1
        parts = run_ahead(sources, self._parts, workers, batch_size + workers)
        open_, pending = _Open(self, progress), deque()
        with ThreadPoolExecutor(networks, thread_name_prefix="audiodet-network") as pool:
            for batch in _batches(parts, batch_size):
                pending.append((batch, pool.submit(self._candidates, batch)))
                if len(pending) > networks + 1:
                    yield from open_.take(*pending.popleft())
            for batch in pending:
                yield from open_.take(*batch)

    @property
    def device(self) -> str:
        """Where the model runs: "cpu", "cuda", ..."""
        return self.predictor.cfg.MODEL.DEVICE

    def _candidates(self, batch: list) -> Iterator[list[Event]]:
        """Events before thresholds of each window of a batch of (source, window or exception)."""
        inputs = [part.inputs for _, part in batch if not isinstance(part, Exception)]
        return iter(self.predictor.candidates(inputs) if inputs else [])

    def _parts(self, source) -> Iterator[_Part]:
        """Windows of one recording, ready for the network."""
        rate = self.grid.sample_rate
        try:
            before, duration, blocks = self._blocks(source)
            for start, samples, last in cut_windows(blocks, self.grid):
                if last and before and before != _state(source):
                    raise AudioError(f"{source}: changed while it was read, expected a whole file")
                inputs = self.predictor.features(samples, _name(source))
                start = start / rate
                yield _Part(inputs, start, start + len(samples) / rate, last, duration)
        except OSError as error:
            raise AudioError(f"{_name(source)}: cannot be read ({error.strerror})") from error

    def _blocks(self, source):
        """State of the file (None for arrays), seconds, and mono blocks at the model's rate."""
        rate = self.grid.sample_rate
        if isinstance(source, tuple):
            samples = as_mono(*source, rate)
            return None, len(source[0]) / source[1], [samples]
        if not isinstance(source, (str, os.PathLike)):
            raise AudioError(
                f"a {type(source).__name__} without sample_rate, expected a path, or samples "
                "and their rate"
            )
        info, before = audio_info(source), _state(source)
        if info.duration * rate <= self.grid.size:
            return before, info.duration, [read_audio(source, rate)]
        return before, info.duration, read_blocks(source, rate, self.grid.advance / rate)

    def decide(self, events: Iterable[Event]) -> list[Event]:
        """The events of a recording that are reported, in order of onset.

        ``TEST.BEST_EVENT_PER_CLIP``, a benchmark's protocol for short clips, does not count here.
        """
        return decide(events, self.thresholds)


class _Open:
    """The recording whose windows are coming in; they come in order, one recording at a time."""

    def __init__(self, detector: Detector, progress):
        self.detector, self.progress = detector, progress or (lambda *place: None)
        self.stitcher, self.events = Stitcher(detector.grid), []

    def take(self, batch: list, found) -> Iterator[Detection]:
        """Windows or exceptions of sources, and the future of their events; yield what is done."""
        found = found.result()
        for source, part in batch:
            if isinstance(part, Exception):
                yield Detection(source, error=_as_audio_error(source, part))
            else:
                events = self.stitcher.add(next(found), part.start, part.end, part.last)
                self.events = self.detector.decide([*self.events, *events])
                self.progress(source, part.end, part.duration)
                if not part.last:
                    continue
                yield Detection(source, self.events, part.duration)
            self.stitcher, self.events = Stitcher(self.detector.grid), []


def _batches(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def _as_audio_error(source, error: Exception) -> AudioError:
    """Whatever a decoder throws at a bad file is that file's error, not the run's."""
    if isinstance(error, AudioError):
        return error
    reason = " ".join(str(error).split()) or type(error).__name__
    return AudioError(f"{_name(source)}: cannot be used ({type(error).__name__}: {reason})")


def _name(source) -> str:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else "array"


def _state(path) -> tuple[int, int]:
    """What changes when a file does: its size in bytes and its time of change."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns
