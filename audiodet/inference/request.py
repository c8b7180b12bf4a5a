"""What a run of ``audiodet detect`` is asked for, in every process that works on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audiodet.inference.detector import FLOOR, OVERLAP, WINDOW, Detector
from audiodet.inference.opening import open_model


@dataclass(frozen=True)
class Request:
    """What the command line of ``audiodet detect`` asks for.

    Attributes:
        inputs: see :func:`~audiodet.inference.inputs.collect`.
        output: folder, or "-" for stdout.
        formats: of :data:`~audiodet.inference.formats.FORMATS`.
        model: name or checkpoint; or "", with config_file and weights.
        thresholds: a number, or a mapping by label; "model" for the model's. None, and labels that
            a mapping lacks: those of the run that is continued, else the model's.
        device: "auto", "cpu", "cuda", ...
        engine: see :func:`~audiodet.inference.opening.open_model`.
        batch_size, workers: see :meth:`Detector.detect_many`; with Ray, workers are actors.
        window, overlap: of long recordings, in seconds.
        floor: see :class:`Detector`; a run that is continued keeps its own.
        contrast: see :class:`Detector`.
        resume: continue the run in the output folder; its tables are written anew, in all formats.
        ray: None, "local", or the address of a cluster.
        quiet, verbose: say only what failed, or a line about each recording.
    """

    inputs: Sequence[str]
    output: str
    formats: tuple[str, ...]
    model: str
    config_file: str = ""
    weights: str = ""
    thresholds: float | dict | str | None = None
    device: str = "auto"
    engine: str = "auto"
    batch_size: int = 0
    workers: int = 0
    window: float = WINDOW
    overlap: float = OVERLAP
    floor: float | Mapping[str, float] = FLOOR
    contrast: float = 0.0
    resume: bool = False
    ray: str | None = None
    quiet: bool = False
    verbose: bool = False

    def detector(self) -> Detector:
        """The detector that is asked for; each process of a cluster makes its own."""
        named = (self.model, self.config_file, self.weights)
        model = open_model(*named, device=self.device, engine=self.engine)
        windows = (self.window, self.overlap)
        return Detector(model, self.thresholds, *windows, self.floor, self.contrast)
