"""Detector: events of files and arrays of any length, with one trained model."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from audiodet.events import Detection, Event, decide, thresholds_by_label
from audiodet.inference.curves import ScoreCurves
from audiodet.inference.joining import Heard, joined
from audiodet.inference.opening import open_model, runner_of
from audiodet.inference.parts import Parts
from audiodet.inference.pipeline import cores, in_batches, run_ahead
from audiodet.inference.reading import read_windows, source_name
from audiodet.inference.silence import heard_in_sound, is_silent, silent_spans
from audiodet.inference.windows import Grid, Window
from audiodet.postprocessing.contrast import checked_weight

if TYPE_CHECKING:
    import torch

    from audiodet.inference.on_onnx import OnnxModel

WINDOW = 30.0  # seconds
OVERLAP = 6.0  # seconds; the longest anchor of the models that ship is 5.9 s
FLOOR = 0.05  # lowest score of a candidate that is kept, so that thresholds can be changed later


class Detector:
    """Finds events in recordings; picklable, and safe to share between threads.

    A recording longer than a window is cut into overlapping ones whose events are joined, so memory
    does not grow with its length; front ends that normalise each clip then normalise each window.

    Attributes:
        model, cfg: the network and its configuration.
        labels: in the order of the network's classes.
        thresholds: lowest score of a reported event, by label.
        min_lengths: shortest reported event in seconds, by label.
        floors: lowest score of a candidate that :class:`Detection` keeps, by label.
        contrast: how much an event's score counts its surroundings, 0 for not at all.
        log_mel: the front end: a :class:`~audiodet.data.spectrogram.LogMel`, or of an exported
            model its numbers.
        runner: runs the model with torch or with onnxruntime.
        grid: where windows lie, see :class:`~audiodet.inference.windows.Grid`.
    """

    def __init__(
        self,
        model: "torch.nn.Module | OnnxModel",
        thresholds: float | Sequence[float] | Mapping[str, float] | str | None = None,
        window: float = WINDOW,
        overlap: float = OVERLAP,
        floor: float | Mapping[str, float] = FLOOR,
        contrast: float = 0.0,
    ):
        """
        Args:
            model: from :func:`~audiodet.inference.opening.open_model`, or any with its ``cfg``.
            thresholds: lowest score of a reported event: a number for all labels, a sequence in
                the order of :attr:`labels`, or a mapping label -> number, whose missing labels
                keep the model's; None or "model" for those.
            window, overlap: of long recordings, in seconds; rounded up to the network's time steps.
            floor: lowest score of a candidate that is kept, a number or by label; where a
                threshold is lower, the threshold.
            contrast: weight of :func:`~audiodet.postprocessing.contrast.contrasted_nearby`, for
                rare events in long recordings; about 0.75.

        Raises:
            ConfigError: thresholds of other labels, a long overlap, or a contrast below 0.
        """
        self.contrast = checked_weight(contrast, "contrast")
        self.model = model
        self.cfg = model.cfg
        self.labels = list(self.cfg.DATASETS.LABELS)
        self.runner = runner_of(model)
        self.log_mel = self.runner.log_mel
        self.thresholds = self._chosen(thresholds)
        self.min_lengths = thresholds_by_label(
            self.cfg.TEST.MIN_LENGTHS, self.labels, "TEST.MIN_LENGTHS"
        )
        floors = thresholds_by_label(floor, self.labels)
        self.floors = {label: min(floors[label], self.thresholds[label]) for label in self.labels}
        cell = model.time_stride * self.log_mel.hop
        self.grid = Grid.build(
            self.log_mel.sample_rate, cell, window, overlap, shortest=self.log_mel.n_fft
        )

    def _chosen(self, thresholds) -> dict[str, float]:
        """The thresholds asked for, and the model's where nothing else is said."""
        own = thresholds_by_label(self.cfg.TEST.THRESHOLDS, self.labels)
        if thresholds is None or thresholds == "model":
            return own
        if isinstance(thresholds, dict):
            thresholds = {**own, **thresholds}
        return thresholds_by_label(thresholds, self.labels)

    @classmethod
    def from_pretrained(cls, name: str, device: str = "auto", **options: Any) -> "Detector":
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
        return cls(open_model(name, device=device, engine="torch first"), **options)

    def save(self, folder: str | os.PathLike) -> None:
        """Write a folder that :meth:`from_pretrained` and ``--model`` open, also after a move.

        Raises:
            AudiodetError: the folder cannot be written.
        """
        from audiodet.inference.loading import save_model

        save_model(self.model, self.thresholds, folder)

    def detect(
        self,
        source: str | os.PathLike | np.ndarray,
        sample_rate: int | None = None,
        candidates: int = 0,
    ) -> list[Event]:
        """Events of one recording, in order of onset; times in seconds from its start.

        Args:
            source: path of a file, or float samples between -1 and 1 of shape (samples,) or
                (samples, channels), whose channels are averaged.
            sample_rate: of the samples, in Hz; not for a file.
            candidates: so many of the best that are not reported are given too, down to the floor.

        Raises:
            AudioError: the recording cannot be used, or an array came without its rate.
        """
        detection = self._detection(source, sample_rate)
        others = set(detection.candidates) - set(detection.events)
        best = sorted(others, key=lambda event: -event.score)[:candidates]
        return sorted([*detection.events, *best])

    def scores(
        self, source: str | os.PathLike | np.ndarray, sample_rate: int | None = None
    ) -> ScoreCurves:
        """How sure the model is of each label over time; see :meth:`detect`.

        A frame-level system's own scores, joined over the windows; of a region detector, at each
        time step of the network the highest score among the candidates that lie there.
        """
        return self._detection(source, sample_rate, with_scores=True).scores

    def _detection(self, source, sample_rate, with_scores: bool = False) -> Detection:
        if sample_rate is not None:
            source = (source, sample_rate)
        (detection,) = self.detect_many([source], workers=1, with_scores=with_scores)
        if detection.error:
            raise detection.error
        return detection

    def detect_many(
        self,
        sources: Iterable,
        batch_size: int = 0,
        workers: int = 0,
        progress: Callable[[Any, float, float], None] | None = None,
        with_scores: bool = False,
        parts: Parts | None = None,
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
            with_scores: give :meth:`scores` as well.
            parts: keep what is known of long recordings that are not finished.

        Yields:
            a :class:`Detection` per source, in order.
        """
        on_cpu = self.device == "cpu"
        batch_size = batch_size or (1 if on_cpu else 16)
        workers = workers or cores()
        networks = workers if on_cpu else 1
        parts = parts or Parts()
        produce = partial(self._windows, parts)
        windows = run_ahead(sources, produce, workers, batch_size + workers)
        batches = in_batches(windows, self.listen, batch_size, networks)
        yield from joined(self, batches, parts, progress, with_scores)

    @property
    def device(self) -> str:
        """Where the model runs: "cpu", "cuda", ..."""
        return self.cfg.MODEL.DEVICE

    def features(self, samples: np.ndarray, name: str = "waveform") -> dict:
        """(samples,), mono at the model's rate -> the model's input dict.

        Its "silence" is of :func:`~audiodet.inference.silence.silent_spans`; a window that is
        silent throughout has nothing else for the network.

        Raises:
            AudioError: shorter than one analysis window.
        """
        self.log_mel.check_length(samples, name)
        spans = silent_spans(np.asarray(samples), self.log_mel, self.grid.cell)
        if is_silent(spans):
            return {"silence": spans, "duration": len(samples) / self.log_mel.sample_rate}
        return {**self.runner.features(samples, name), "silence": spans}

    def listen(self, inputs: list[dict]) -> list[Heard]:
        """Outputs of :meth:`features` -> what is heard in each window; silence holds nothing."""
        listen = partial(self.runner.listen, labels=self.labels)
        return heard_in_sound(inputs, listen, self.grid, len(self.labels))

    def candidates(self, inputs: list[dict]) -> list[list[Event]]:
        """Outputs of :meth:`features` -> per window its events before the thresholds."""
        return [heard.events for heard in self.listen(inputs)]

    def decide(self, events: Iterable[Event]) -> list[Event]:
        """The events of a recording that are reported, in order of onset.

        ``TEST.BEST_EVENT_PER_CLIP``, a benchmark's protocol for short clips, does not count here.
        """
        return decide(events, self.thresholds, min_lengths=self.min_lengths)

    def _windows(self, parts: Parts, source) -> Iterator[tuple[dict, Window]]:
        """Input of the network and place in the recording of each of its windows."""
        for window in islice(read_windows(source, self.grid), parts.windows(source), None):
            inputs = self.features(window.samples, source_name(source))
            yield inputs, window._replace(samples=None)
