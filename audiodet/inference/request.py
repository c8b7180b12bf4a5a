"""What a run of ``audiodet detect`` is asked for, in every process that works on it."""

from dataclasses import dataclass

from audiodet.inference.detector import OVERLAP, WINDOW, Detector
from audiodet.inference.loading import load_model


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
    window: float = WINDOW
    overlap: float = OVERLAP
    resume: bool = False
    ray: str | None = None

    def detector(self) -> Detector:
        """The detector that is asked for; each process of a cluster makes its own."""
        name = "" if self.config_file else self.model
        model = load_model(name, self.config_file, self.weights, self.device)
        return Detector(model, self.thresholds, self.window, self.overlap)
